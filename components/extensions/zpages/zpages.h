#pragma once
// Serves the pages of pages.h. Read-only.
#include "components/extensions/zpages/config.h"
#include "components/extensions/zpages/pages.h"
#include "components/shared/web/site.h"
#include "engine/life.h"

namespace weir::extensions::zpages {

class ZPages : public engine::Extension, public engine::Listens {
 public:
  ZPages(const Config& config, const engine::ExtensionContext& context);

  Result<> start() override;
  void stop() override { site_.stop(); }
  void share_listeners() override { site_.share_listeners(); }
  std::string endpoint() const { return site_.endpoint(); }

 private:
  ProcessFacts facts() const;

  engine::ExtensionContext context_;
  web::Site site_;
  UnixNanos started_ = 0;
};

}  // namespace weir::extensions::zpages

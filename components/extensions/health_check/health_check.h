#pragma once
// Answers probes: 200 from when the pipelines are ready until they are about to stop, 503 otherwise.
#include "components/extensions/health_check/config.h"
#include "components/extensions/health_check/status.h"
#include "components/shared/web/site.h"
#include "engine/life.h"

namespace weir::extensions::health_check {

class HealthCheck : public engine::Extension, public engine::Listens {
 public:
  HealthCheck(const Config& config, const engine::ExtensionContext& context);

  Result<> start() override;
  void ready() override { turn(State::ok); }
  void not_ready() override { turn(State::stopping); }
  void stop() override { site_.stop(); }
  void share_listeners() override { site_.share_listeners(); }
  std::string endpoint() const { return site_.endpoint(); }

 private:
  void turn(State state);
  net::Response plain_page() const;
  net::Response status_page(const net::Request& request) const;
  net::Response config_page() const;

  Config config_;
  engine::ExtensionContext context_;
  web::Site site_;
  Health health_;
  TimePoint since_{};  // of being ready
};

std::unique_ptr<HealthCheck> make(const Config& config, const engine::ExtensionContext& context);

}  // namespace weir::extensions::health_check

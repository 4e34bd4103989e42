#pragma once
// Serves CPU and heap profiles under /debug/pprof/, where pprof looks for them.
#include "components/extensions/pprof/config.h"
#include "components/extensions/pprof/heap.h"
#include "components/shared/web/site.h"
#include "engine/life.h"
#include "io/fs.h"

namespace weir::extensions::pprof {

class Pprof : public engine::Extension, public engine::Listens {
 public:
  Pprof(const Config& config, const engine::ExtensionContext& context, io::Fs& fs);

  Result<> start() override;
  // Ends a profile under way: one to a file is written, one to a client is not answered.
  void stop() override;
  void share_listeners() override { site_.share_listeners(); }
  std::string endpoint() const { return site_.endpoint(); }

  static constexpr Duration longest = std::chrono::minutes(10);

 private:
  // A profile being made.
  struct Recording {
    Sampler sampler;
    Stacks stacks;
    UnixNanos begun = 0;
    TimePoint since{};
  };
  Result<> begin();
  Result<std::string> end();
  void drain_regularly();
  void serve_profile(const net::Request& request, net::Responder responder);
  Result<> save();
  net::Response heap_page() const;

  Config config_;
  engine::ExtensionContext context_;
  io::Fs& fs_;
  web::Site site_;
  HeapSampler heap_;
  UnixNanos heap_begun_ = 0;
  std::unique_ptr<Recording> recording_;
  net::Responder waiting_;                      // for the recording
  io::TimerId drain_timer_ = 0, end_timer_ = 0;
};

}  // namespace weir::extensions::pprof

#pragma once
// What collectors and people ask the allocator over HTTP.
#include "components/shared/allocation/allocation.h"
#include "components/shared/allocation/handover.h"
#include "net/server.h"
#include "weir/allocator/jobs.h"

namespace weir::app {

// What the allocator knows. One core.
struct AllocatorState {
  allocation::Allocation& allocation;
  allocation::Handover& handover;
  Jobs& jobs;
  std::map<std::string, std::string> skipped;  // monitors that gave no job, and why
  bool ready = false;
};

// One listener. `secrets`: who asks may see passwords of jobs.
class AllocatorApi final : public net::Handler {
 public:
  AllocatorApi(AllocatorState& state, telemetry::Registry& metrics, const io::Executor& executor, bool secrets)
      : state_(state), metrics_(metrics), executor_(executor), secrets_(secrets) {}
  void on_request(net::Request request, net::Responder responder) override;

 private:
  net::Response answer(const net::Request& request);
  net::Response targets(std::string_view job, std::string_view query);
  net::Response scrape_configs();
  std::string metrics_text() const;

  AllocatorState& state_;
  telemetry::Registry& metrics_;
  const io::Executor& executor_;
  bool secrets_;
};

}  // namespace weir::app

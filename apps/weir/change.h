#pragma once
// One change of configuration, from the first to the last step: a start is the change from nothing.
#include "weir/running.h"

namespace weir::app {

// What is new is made and started beside what runs: own telemetry, extensions, the endpoint of own metrics, then stages and
// receivers (Engine::reload). Only when all of it is there it takes over, which cannot fail; until then any error takes back
// what was made, and what ran goes on. What was replaced leaves behind. Owned by Service, on the first core.
class Change {
 public:
  Change(Service& service, std::shared_ptr<const Loaded> to);
  ~Change();

  // `done`: the new configuration serves, or why the old one goes on. When nothing of what was replaced, or of what did not
  // start, is left, the service forgets this change.
  void run(std::move_only_function<void(Result<>)> done);
  // Among those that are about to start. With the service's mutex held.
  engine::Extension* extension(const config::ComponentId& id) const;

 private:
  std::expected<engine::Plan, std::vector<Error>> make_plan();
  void start_own();
  void start_extensions();
  Result<> start_extension(const engine::ComponentSpec& spec);
  Result<> start_metrics_server();
  void start_engine();
  void take_over();
  void set_memory_limit();
  void take_back(Error error);
  void stop_leaving(bool users_are_gone);
  void leave();
  void end();

  Service& service_;
  Service::Running& running_;
  std::shared_ptr<const Loaded> to_;
  std::optional<engine::Plan> plan_;
  std::map<std::string, std::uint32_t> lives_;     // of the extensions to come, by id
  std::vector<config::ComponentId> in_use_;        // extensions that stages and receivers may use until they are gone
  bool own_changes_, engine_asked_ = false;
  std::unique_ptr<OwnPipelines> own_;              // to come; then the one that leaves
  std::unique_ptr<OwnMetricsServer> metrics_server_;
  std::vector<HostedExtension> extensions_;        // to come; then those that leave
  std::move_only_function<void(Result<>)> done_;
};

}  // namespace weir::app

#pragma once
// Watches what a kubernetes_sd_configs section is about and tells its targets.
#include "components/shared/kubernetes/kubernetes.h"
#include "components/shared/kubernetes_sd/targets.h"

namespace weir::kubernetes_sd {

// One core.
class Watcher {
 public:
  // All groups that there are now; first when everything has been listed, then at most each `interval`.
  using Told = std::function<void(std::vector<Group>)>;
  static Result<std::unique_ptr<Watcher>> make(const Config& config, engine::Host& host, io::Executor& executor, std::uint64_t seed);
  Watcher(const Config& config, kubernetes::Membership cluster, std::string own_namespace, io::Executor& executor);
  ~Watcher();
  void start(Told told);

  static constexpr Duration interval = std::chrono::seconds(5);

 private:
  void watch(kube::Kind kind, Role role, Objects& into);
  void watch_one(kube::Kind kind, Role role, const std::string& name_space, Objects& into);
  void changed();
  void tell();

  Config config_;
  kubernetes::Membership cluster_;
  std::string own_namespace_;
  io::Executor& executor_;
  Told told_;
  Known known_;
  std::vector<std::unique_ptr<bool>> listed_;        // one for each watch
  io::TimerId timer_ = 0;
  TimePoint next_{};
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
};

}  // namespace weir::kubernetes_sd

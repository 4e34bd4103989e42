#pragma once
// The monitors of the cluster as jobs.
#include "kube/cluster.h"
#include "weir/allocator/references.h"
#include "weir/allocator/settings.h"

namespace weir::app {

// One core.
class MonitorSource {
 public:
  struct Told {
    std::vector<monitors::Job> jobs;
    std::map<std::string, std::string> skipped;  // "ServiceMonitor shop/web" -> why
  };
  MonitorSource(const AllocatorSettings& settings, std::string own_namespace, std::shared_ptr<kube::Cluster> cluster, kube::Transport& transport, io::Executor& executor,
                std::function<void(Told)> told);
  ~MonitorSource();

  static constexpr Duration pause = 1s, patience = 5s;

 private:
  struct Monitor {
    kube::ObjectPtr object;
    config::Value tree;
    std::vector<monitors::Job> last;  // what was made of it when all that it names was known
  };
  struct Watched {
    monitors::Kind kind;
    std::optional<monitors::Selector> selector, name_spaces;  // none: nothing; for namespaces our own
    std::map<std::string, Monitor> objects;                   // "ns/name"
    bool listed = false;
  };
  void watch(Watched& watched);
  void later(Duration wait);
  void rebuild();
  bool selected(const Watched& watched, const kube::Object& object) const;
  void add(Watched& watched, Monitor& monitor, Told& out);

  const AllocatorSettings& settings_;
  std::string own_namespace_;
  std::shared_ptr<kube::Cluster> cluster_;  // shared with its Home and others that watch
  io::Executor& executor_;
  std::function<void(Told)> told_;
  monitors::Settings for_jobs_;
  References references_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::map<std::string, kube::ObjectPtr> namespaces_;
  bool namespaces_listed_ = false;
  io::TimerId timer_ = 0;
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
};

}  // namespace weir::app

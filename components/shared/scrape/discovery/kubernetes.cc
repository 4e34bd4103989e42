// Targets of a cluster's objects.
#include "components/shared/kubernetes_sd/watcher.h"
#include "components/shared/scrape/discovery/discovery.h"

namespace weir::scrape {
namespace {

class KubernetesDiscovery final : public Discovery {
 public:
  explicit KubernetesDiscovery(std::unique_ptr<kubernetes_sd::Watcher> watcher) : watcher_(std::move(watcher)) {}

  void start(Told told) override {
    watcher_->start([told = std::move(told)](std::vector<kubernetes_sd::Group> groups) {
      std::vector<TargetGroup> out;
      for (auto& group : groups) out.push_back({std::move(group.source), std::move(group.labels), std::move(group.targets)});
      told(std::move(out));
    });
  }

 private:
  std::unique_ptr<kubernetes_sd::Watcher> watcher_;
};

}  // namespace

Result<std::unique_ptr<Discovery>> make_kubernetes_discovery(const kubernetes_sd::Config& config, const DiscoveryContext& context) {
  WEIR_ASSIGN(auto watcher, kubernetes_sd::Watcher::make(config, context.host, context.executor, std::hash<std::string>{}(context.job)));
  return std::make_unique<KubernetesDiscovery>(std::move(watcher));
}

}  // namespace weir::scrape

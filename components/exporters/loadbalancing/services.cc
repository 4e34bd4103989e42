// The pods behind a service of Kubernetes, from its endpoint slices.
#include <map>

#include "components/exporters/loadbalancing/resolver.h"

namespace weir::exporters::loadbalancing {
namespace {

class EndpointSlices : public Services {
 public:
  EndpointSlices(kubernetes::Membership cluster, io::Executor& executor) : cluster_(std::move(cluster)), executor_(executor) {}

  // The watch's time-outs are those of the client: the setting is for collectors that list again and again.
  Result<> watch(const std::string& name, const std::string& name_space, Duration, Told told) override {
    kube::Query query{.resource = kube::resource_of(kube::Kind::endpoint_slice), .name_space = name_space, .label_selector = "kubernetes.io/service-name=" + name};
    token_ = cluster_.cluster->subscribe(std::move(query), executor_, [this, told = std::move(told)](const kube::News& news) {
      if (news.first) slices_.clear();
      for (auto& change : news.changes) {
        std::string slice(change.object->name);
        if (change.removed) slices_.erase(slice);
        else slices_[slice] = change.object;
      }
      // A part of the list would move keys to and fro.
      if (synced_ = synced_ || news.synced; synced_) told(pods());
    });
    return {};
  }

 private:
  std::vector<Pod> pods() const {
    std::vector<Pod> out;
    for (auto& [name, slice] : slices_)
      for (auto& subset : slice->subsets)
        for (auto& endpoint : subset.endpoints) {
          // Pods that are not ready stay: a key is not to move because its owner is slow. Those that are ending go.
          if (endpoint.terminating && !endpoint.serving) continue;
          for (auto address : endpoint.addresses) out.push_back({std::string(address), std::string(endpoint.hostname)});
        }
    return out;
  }

  kubernetes::Membership cluster_;
  io::Executor& executor_;
  std::map<std::string, kube::ObjectPtr> slices_;
  bool synced_ = false;
  std::shared_ptr<void> token_;  // ours alone; its type is erased
};

}  // namespace

std::unique_ptr<Services> make_endpoint_slices(kubernetes::Membership cluster, io::Executor& executor) {
  return std::make_unique<EndpointSlices>(std::move(cluster), executor);
}

}  // namespace weir::exporters::loadbalancing

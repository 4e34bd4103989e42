#pragma once
// Where the list of backends comes from. A resolver runs on one core and tells every change.
#include "components/exporters/loadbalancing/config.h"
#include "components/shared/kubernetes/kubernetes.h"
#include "engine/component.h"
#include "telemetry/owned.h"

namespace weir::exporters::loadbalancing {

using Endpoints = std::vector<std::string>;  // as they go into the ring

class Resolver {
 public:
  // First when it is known whether there are backends (none after a failed lookup), then with each change.
  using Found = std::function<void(const Endpoints&)>;
  virtual ~Resolver() = default;
  virtual Result<> start(Found found) = 0;
};

// The seam to the network. Letting go of what find() returns cancels the lookup.
class Names {
 public:
  using Done = std::function<void(Result<std::vector<std::string>> addresses)>;  // 10.0.0.1, [::1]
  virtual ~Names() = default;
  virtual std::shared_ptr<void> find(const std::string& host, Done done) = 0;
};

// The same seam to the API server of Kubernetes: the pods behind a service, told anew with each change.
class Services {
 public:
  struct Pod {
    std::string address, hostname;  // no hostname: not known yet
  };
  using Told = std::function<void(const std::vector<Pod>&)>;
  virtual ~Services() = default;
  virtual Result<> watch(const std::string& name, const std::string& name_space, Duration timeout, Told told) = 0;
};

// The collector's counters. On one core.
class ResolverMetrics {
 public:
  ResolverMetrics(telemetry::Registry& registry, std::string_view resolver, const std::string& exporter);
  void resolved(bool success) { (success ? good_ : bad_).add(); }
  void changed(std::size_t backends) {
    if (tells_number_) backends_.set(static_cast<double>(backends));
    updates_.add();
  }
  // One resolver of an exporter tells how many backends there are: said once for each signal they would be added up.
  // `token` is kept for as long as that holds.
  void tell_number(bool tells, std::shared_ptr<void> token) {
    tells_number_ = tells;
    token_ = std::move(token);
  }

 private:
  telemetry::Counter &good_, &bad_, &updates_;
  telemetry::OwnedGauge backends_;
  bool tells_number_ = true;
  std::shared_ptr<void> token_;  // shared by the resolvers of the exporter
};

std::unique_ptr<Resolver> make_static_resolver(const StaticResolver& config, ResolverMetrics metrics);
std::unique_ptr<Resolver> make_dns_resolver(const DnsResolver& config, ResolverMetrics metrics, std::unique_ptr<Names> names,
                                            io::Executor& executor);
std::unique_ptr<Resolver> make_k8s_resolver(const KubernetesResolver& config, ResolverMetrics metrics, std::unique_ptr<Services> services,
                                            const std::string& own_namespace);

std::unique_ptr<Services> make_endpoint_slices(kubernetes::Membership cluster, io::Executor& executor);

// The one that is configured. Fails for those this build cannot serve.
Result<std::unique_ptr<Resolver>> make_resolver(const Resolvers& config, const engine::StageContext& context);

}  // namespace weir::exporters::loadbalancing

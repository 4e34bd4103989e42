#include "components/exporters/loadbalancing/resolver.h"

#include <doctest/doctest.h>

#include "io/simulation.h"
#include "kube/testing.h"

using namespace weir;
using namespace weir::exporters::loadbalancing;

namespace {

struct FakeNames : Names {
  explicit FakeNames(std::vector<Done>& asked) : asked_(asked) {}
  std::shared_ptr<void> find(const std::string&, Done done) override {
    asked_.push_back(std::move(done));
    return std::make_shared<int>();
  }
  std::vector<Done>& asked_;
};

struct FakeServices : Services {
  explicit FakeServices(Told& told, std::string& asked) : told_(told), asked_(asked) {}
  Result<> watch(const std::string& name, const std::string& name_space, Duration, Told told) override {
    asked_ = name + " in " + name_space;
    told_ = std::move(told);
    return {};
  }
  Told& told_;
  std::string& asked_;
};

double value_of(telemetry::Registry& registry, std::string_view name, std::string_view success = "") {
  double sum = 0;
  for (auto& family : registry.collect())
    if (family.name == name)
      for (auto& sample : family.samples)
        if (success.empty() || sample.labels.back().second == success) sum += sample.value;
  return sum;
}

}  // namespace

TEST_CASE("dns: sorted, with the port, told when it changes, kept when a lookup fails") {
  io::Simulation simulation(1, 1);
  telemetry::Registry registry;
  std::vector<Names::Done> asked;
  std::vector<Endpoints> told;
  auto dns = make_dns_resolver({.hostname = "backends", .port = "4316"}, ResolverMetrics(registry, "dns", "lb"), std::make_unique<FakeNames>(asked), simulation.core(0));
  REQUIRE(dns->start([&](const Endpoints& list) { told.push_back(list); }));
  REQUIRE(asked.size() == 1);
  asked[0](std::vector<std::string>{"10.0.0.2", "[::1]", "10.0.0.1"});
  CHECK(told == std::vector<Endpoints>{{"10.0.0.1:4316", "10.0.0.2:4316", "[::1]:4316"}});
  simulation.advance(5s);
  REQUIRE(asked.size() == 2);
  asked[1](std::vector<std::string>{"10.0.0.1", "[::1]", "10.0.0.2"});
  simulation.advance(5s);
  asked[2](fail(Errc::retryable, "no such host"));
  simulation.advance(5s);
  asked[3](std::vector<std::string>{});
  CHECK(told.size() == 1);
  simulation.advance(5s);
  asked[4](std::vector<std::string>{"10.0.0.9"});
  CHECK(told.back() == Endpoints{"10.0.0.9:4316"});
  CHECK(value_of(registry, "otelcol_loadbalancer_num_resolutions", "true") == 3);
  CHECK(value_of(registry, "otelcol_loadbalancer_num_resolutions", "false") == 2);
  CHECK(value_of(registry, "otelcol_loadbalancer_num_backend_updates") == 2);
  CHECK(value_of(registry, "otelcol_loadbalancer_num_backends") == 1);
}

TEST_CASE("dns: without a first answer in time there are no backends, and bare addresses without a port") {
  io::Simulation simulation(1, 1);
  telemetry::Registry registry;
  std::vector<Names::Done> asked;
  std::vector<Endpoints> told;
  auto dns = make_dns_resolver({.hostname = "backends", .interval = 0s, .timeout = 0s}, ResolverMetrics(registry, "dns", "lb"), std::make_unique<FakeNames>(asked), simulation.core(0));
  REQUIRE(dns->start([&](const Endpoints& list) { told.push_back(list); }));
  simulation.advance(1s);
  CHECK(told == std::vector<Endpoints>{{}});
  simulation.advance(5s);
  REQUIRE(asked.size() == 2);
  asked[1](std::vector<std::string>{"10.0.0.1"});
  CHECK(told.back() == Endpoints{"10.0.0.1"});
}

TEST_CASE("k8s: a backend for each pod and port, or by name") {
  telemetry::Registry registry;
  Services::Told tell;
  std::string asked;
  std::vector<Endpoints> told;
  auto k8s = make_k8s_resolver({.service = "collector", .ports = {4316, 4317}}, ResolverMetrics(registry, "k8s", "lb"), std::make_unique<FakeServices>(tell, asked), "otel");
  REQUIRE(k8s->start([&](const Endpoints& list) { told.push_back(list); }));
  CHECK(asked == "collector in otel");
  tell({{"10.0.0.2", "c-1"}, {"fd00::1", "c-0"}});
  CHECK(told.back() == Endpoints{"10.0.0.2:4316", "10.0.0.2:4317", "[fd00::1]:4316", "[fd00::1]:4317"});

  auto names = make_k8s_resolver({.service = "collector.ns.svc.cluster.local", .return_hostnames = true}, ResolverMetrics(registry, "k8s", "lb"), std::make_unique<FakeServices>(tell, asked), "otel");
  REQUIRE(names->start([&](const Endpoints& list) { told.push_back(list); }));
  CHECK(asked == "collector in ns");
  tell({{"10.0.0.2", "c-1"}, {"10.0.0.1", ""}});
  CHECK(told.back() == Endpoints{"c-1.collector.ns"});
  CHECK(value_of(registry, "otelcol_loadbalancer_num_resolutions", "false") == 1);
}

TEST_CASE("k8s: backends follow the endpoint slices of the service") {
  io::Simulation simulation(1, 1);
  io::Executor& core = simulation.core(0);
  telemetry::Registry registry;
  Budget budget;
  auto made = std::make_unique<kube::testing::FakeApi>(core);
  auto& api = *made;
  auto cluster = std::make_shared<kube::Cluster>();
  auto home = std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), core, budget, registry, 1});
  home->run();
  auto& slices = kube::resource_of(kube::Kind::endpoint_slice);
  auto endpoint = [](std::string_view address, std::string_view conditions) {
    return fmt::format(R"({{"addresses":["{}"],"conditions":{{{}}}}})", address, conditions);
  };
  api.put(slices, "otel", "c-1", "u1", "", fmt::format(R"(,"endpoints":[{},{}])", endpoint("10.0.0.1", R"("ready":true)"), endpoint("10.0.0.2", R"("ready":false)")));
  auto k8s = make_k8s_resolver({.service = "c.otel", .ports = {4317}}, ResolverMetrics(registry, "k8s", "lb"), make_endpoint_slices({cluster, home}, core), "default");
  std::vector<Endpoints> told;
  REQUIRE(k8s->start([&](const Endpoints& list) { told.push_back(list); }));
  CHECK(told.empty());
  simulation.advance(1s);
  REQUIRE(told.size() == 1);
  CHECK(told[0] == Endpoints{"10.0.0.1:4317", "10.0.0.2:4317"});
  CHECK(api.asked.at(0).starts_with("/apis/discovery.k8s.io/v1/namespaces/otel/endpointslices?"));
  CHECK(api.asked.at(0).ends_with("&labelSelector=kubernetes.io%2Fservice-name%3Dc"));
  api.put(slices, "otel", "c-2", "u2", "", fmt::format(R"(,"endpoints":[{}])", endpoint("10.0.0.3", "")));
  simulation.advance(1s);
  CHECK(told.back() == Endpoints{"10.0.0.1:4317", "10.0.0.2:4317", "10.0.0.3:4317"});
  api.put(slices, "otel", "c-1", "u1", "", fmt::format(R"(,"endpoints":[{}])", endpoint("10.0.0.1", R"("ready":false,"serving":false,"terminating":true)")));
  api.remove(slices, "otel", "c-2");
  simulation.advance(1s);
  CHECK(told.back() == Endpoints{});
}

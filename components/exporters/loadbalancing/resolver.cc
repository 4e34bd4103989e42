#include "components/exporters/loadbalancing/resolver.h"

#include "base/log.h"
#include "base/text.h"
#include "net/dial.h"

namespace weir::exporters::loadbalancing {
namespace {

class FixedList : public Resolver {
 public:
  FixedList(Endpoints endpoints, ResolverMetrics metrics) : endpoints_(std::move(endpoints)), metrics_(metrics) {}

  Result<> start(Found found) override {
    metrics_.resolved(true);
    metrics_.changed(endpoints_.size());
    found(endpoints_);
    return {};
  }

 private:
  Endpoints endpoints_;
  ResolverMetrics metrics_;
};

// Asks again and again. A failed lookup, and one without addresses, leaves the list as it is.
class Dns : public Resolver {
 public:
  Dns(const DnsResolver& config, ResolverMetrics metrics, std::unique_ptr<Names> names, io::Executor& executor)
      : config_(config), metrics_(metrics), names_(std::move(names)), executor_(executor) {
    if (config_.interval == 0s) config_.interval = DnsResolver{}.interval;
    if (config_.timeout == 0s) config_.timeout = DnsResolver{}.timeout;
  }
  ~Dns() override { executor_.cancel(timer_); }

  Result<> start(Found found) override {
    found_ = std::move(found);
    ask();
    return {};
  }

 private:
  void ask() {
    timer_ = executor_.at(executor_.now() + config_.timeout, [this] { answered(fail(Errc::retryable, "no answer within {}", format_duration(config_.timeout))); });
    lookup_ = names_->find(config_.hostname, [this](auto addresses) { answered(std::move(addresses)); });
  }

  void answered(Result<std::vector<std::string>> addresses) {
    lookup_.reset();
    executor_.cancel(timer_);
    timer_ = executor_.at(executor_.now() + config_.interval, [this] { ask(); });
    if (addresses && addresses->empty()) addresses = fail(Errc::retryable, "no addresses");
    metrics_.resolved(addresses.has_value());
    if (addresses)
      tell(std::move(*addresses));
    else
      failed(addresses.error());
  }

  void failed(const Error& error) {
    long long more = 0;
    if (lines_.allow(more)) log::warn("failed to resolve", {{"resolver", "dns"}, {"hostname", config_.hostname}, {"error", error.what}, {"suppressed", more}});
    if (!std::exchange(told_, true)) found_({});
  }

  void tell(Endpoints list) {
    if (!config_.port.empty())
      for (auto& address : list) address += ":" + config_.port;
    std::sort(list.begin(), list.end());
    if (std::exchange(told_, true) && list == list_) return;
    list_ = std::move(list);
    metrics_.changed(list_.size());
    found_(list_);
  }

  DnsResolver config_;
  ResolverMetrics metrics_;
  std::unique_ptr<Names> names_;
  io::Executor& executor_;
  Found found_;
  std::shared_ptr<void> lookup_;  // ours alone; erased type
  io::TimerId timer_ = 0;
  Endpoints list_;
  bool told_ = false;
  log::RateLimit lines_;
};

class Kubernetes : public Resolver {
 public:
  Kubernetes(const KubernetesResolver& config, ResolverMetrics metrics, std::unique_ptr<Services> services, const std::string& own_namespace)
      : config_(config), metrics_(metrics), services_(std::move(services)) {
    auto labels = split(config_.service, '.');
    name_ = labels[0];
    namespace_ = labels.size() > 1 ? std::string(labels[1]) : own_namespace;
  }

  Result<> start(Found found) override {
    found_ = std::move(found);
    return services_->watch(name_, namespace_, config_.timeout, [this](auto& pods) { told(pods); });
  }

 private:
  void told(const std::vector<Services::Pod>& pods) {
    bool complete = true;
    Endpoints list;
    for (auto& pod : pods) {
      complete = complete && !(config_.return_hostnames && pod.hostname.empty());
      add(pod, list);
    }
    metrics_.resolved(complete);
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    if (list == list_ && told_) return;
    told_ = true;
    list_ = std::move(list);
    metrics_.changed(list_.size());
    found_(list_);
  }

  // A pod without a name yet is told again when it has one.
  void add(const Services::Pod& pod, Endpoints& list) const {
    if (config_.return_hostnames && pod.hostname.empty()) return;
    std::string host = config_.return_hostnames ? fmt::format("{}.{}.{}", pod.hostname, name_, namespace_) : pod.address;
    if (config_.ports.empty()) return list.push_back(host);
    if (host.find(':') != host.npos) host = "[" + host + "]";
    for (auto port : config_.ports) list.push_back(fmt::format("{}:{}", host, port));
  }

  KubernetesResolver config_;
  ResolverMetrics metrics_;
  std::unique_ptr<Services> services_;
  std::string name_, namespace_;
  Found found_;
  Endpoints list_;
  bool told_ = false;
};

class SystemNames : public Names {
 public:
  explicit SystemNames(io::Executor& executor) : executor_(executor) {}
  std::shared_ptr<void> find(const std::string& host, Done done) override {
    return std::make_shared<net::Lookup>(executor_, host, 0, [done = std::move(done)](Result<std::vector<net::SocketAddress>> found) {
      if (!found) return done(std::unexpected(std::move(found).error()));
      std::vector<std::string> out;
      for (auto& address : *found) {
        std::string text = to_string(address);
        out.push_back(text.substr(0, text.rfind(':')));  // without the port, which is 0
      }
      done(std::move(out));
    });
  }

 private:
  io::Executor& executor_;
};

}  // namespace

ResolverMetrics::ResolverMetrics(telemetry::Registry& registry, std::string_view resolver, const std::string& exporter)
    : good_(registry.counter("otelcol_loadbalancer_num_resolutions", "Times the resolver looked for backends.",
                             {{"exporter", exporter}, {"resolver", std::string(resolver)}, {"success", "true"}})),
      bad_(registry.counter("otelcol_loadbalancer_num_resolutions", "Times the resolver looked for backends.",
                            {{"exporter", exporter}, {"resolver", std::string(resolver)}, {"success", "false"}})),
      updates_(registry.counter("otelcol_loadbalancer_num_backend_updates", "Times the list of backends changed.",
                                {{"exporter", exporter}, {"resolver", std::string(resolver)}})),
      backends_(telemetry::OwnedGauge(registry, "otelcol_loadbalancer_num_backends", "Backends in use.",
                               {{"exporter", exporter}, {"resolver", std::string(resolver)}})) {}

std::unique_ptr<Resolver> make_static_resolver(const StaticResolver& config, ResolverMetrics metrics) {
  Endpoints sorted = config.hostnames;
  std::sort(sorted.begin(), sorted.end());
  return std::make_unique<FixedList>(std::move(sorted), metrics);
}

std::unique_ptr<Resolver> make_dns_resolver(const DnsResolver& config, ResolverMetrics metrics, std::unique_ptr<Names> names,
                                            io::Executor& executor) {
  return std::make_unique<Dns>(config, metrics, std::move(names), executor);
}

std::unique_ptr<Resolver> make_k8s_resolver(const KubernetesResolver& config, ResolverMetrics metrics, std::unique_ptr<Services> services,
                                            const std::string& own_namespace) {
  return std::make_unique<Kubernetes>(config, metrics, std::move(services), own_namespace);
}

Result<std::unique_ptr<Resolver>> make_resolver(const Resolvers& config, const engine::StageContext& context) {
  bool first = false;
  auto token = context.host.shared("number of backends of " + context.id.to_string(), [&]() -> std::shared_ptr<void> {
    first = true;
    return std::make_shared<char>();
  });
  auto metrics = [&](std::string_view kind) {
    ResolverMetrics out(context.host.metrics(), kind, context.id.to_string());
    out.tell_number(first, token);
    return out;
  };
  if (config.fixed) return make_static_resolver(*config.fixed, metrics("static"));
  if (config.dns) return make_dns_resolver(*config.dns, metrics("dns"), std::make_unique<SystemNames>(context.executor), context.executor);
  if (config.k8s) {
    WEIR_ASSIGN(auto access, kubernetes::access_of_pod(context.host.fs()));
    WEIR_ASSIGN(auto cluster, kubernetes::join(access, context.host, context.executor, context.shard, context.rng.next()));
    return make_k8s_resolver(*config.k8s, metrics("k8s"), make_endpoint_slices(std::move(cluster), context.executor), kubernetes::own_namespace(access, context.host.fs()));
  }
  return fail(Errc::config, "{}", missing_client(config));
}

}  // namespace weir::exporters::loadbalancing

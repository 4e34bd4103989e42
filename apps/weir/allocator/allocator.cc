#include "weir/allocator/allocator.h"

#include "base/log.h"
#include "components/shared/kubernetes/kubernetes.h"
#include "weir/allocator/api.h"
#include "weir/allocator/collector_source.h"
#include "weir/allocator/loop_host.h"
#include "weir/allocator/monitor_source.h"
#include "weir/signal_watch.h"

namespace weir::app {
namespace {

constexpr std::size_t memory = 1024 * 1024 * 1024;

Result<AllocatorSettings> read_settings(const AllocatorOptions& options) {
  WEIR_ASSIGN(std::string text, kube::read_small_file(io::system_fs(), options.config_file));
  return parse_allocator_settings(text, options.config_file, options.monitors);
}

void apply(const AllocatorOptions& options, AllocatorSettings& settings) {
  auto take = [](const std::string& from, std::string& to) {
    if (!from.empty()) to = from;
  };
  auto environment = kube::process_environment();
  take(environment("OTELCOL_NAMESPACE"), settings.collector_namespace);
  take(options.listen, settings.listen_addr);
  take(options.kubeconfig, settings.kube_config_file_path);
  take(options.listen_https, settings.https.listen_addr);
  take(options.ca_file, settings.https.ca_file_path);
  take(options.cert_file, settings.https.tls_cert_file_path);
  take(options.key_file, settings.https.tls_key_file_path);
  settings.https.enabled = settings.https.enabled || options.https;
  settings.allow_insecure_auth_secrets = settings.allow_insecure_auth_secrets || options.insecure_secrets || environment("ALLOW_INSECURE_AUTH_SECRETS") == "true";
}

Result<kube::Connection> connect(const AllocatorSettings& settings) {
  const std::string& path = settings.kube_config_file_path;
  if (path.empty()) {
    WEIR_ASSIGN(auto access, kubernetes::access_of_pod(io::system_fs()));
    return kube::find_connection(access.auth_type == kubernetes::AuthType::kube_config ? kube::AuthType::kube_config : kube::AuthType::service_account, "", io::system_fs(),
                                 kube::process_environment());
  }
  WEIR_ASSIGN(std::string text, kube::read_small_file(io::system_fs(), path));
  return kube::parse_kubeconfig(text, "", path.substr(0, path.rfind('/')));
}

// All of it, on one loop.
class Allocator {
 public:
  Allocator(io::Loop& loop, AllocatorSettings settings)
      : loop_(loop), settings_(std::move(settings)), allocation_(settings_.allocation_strategy, settings_.allocation_fallback_strategy), handover_(settings_.handover),
        jobs_({loop_, host_, !settings_.filter_strategy.empty(), settings_.kube_config_file_path}, [this] { targets_changed(); }),
        plain_(state_, host_.metrics(), loop_, settings_.allow_insecure_auth_secrets), trusted_(state_, host_.metrics(), loop_, true) {}

  Result<> start() {
    WEIR_ASSIGN(auto connection, connect(settings_));
    log::info("Kubernetes API", {{"url", connection.url}});
    std::string own = connection.name_space.empty() ? "default" : connection.name_space;
    if (settings_.collector_namespace.empty()) settings_.collector_namespace = own;
    WEIR_TRY(start_file_jobs());
    WEIR_ASSIGN(transport_, kube::make_transport(loop_, connection, host_.fs()));
    WEIR_ASSIGN(membership_, kubernetes::join(connection, host_, loop_, 0, Rng::from_system().next()));
    start_collectors();
    if (settings_.prometheus_cr.enabled)
      monitors_ = std::make_unique<MonitorSource>(settings_, own, membership_.cluster, *transport_, loop_, [this](MonitorSource::Told told) { take(std::move(told)); });
    return listen();
  }

 private:
  Result<> start_file_jobs() {
    std::vector<monitors::Job> jobs;
    const config::Value* list = settings_.written.get("scrape_configs");
    for (std::size_t i = 0; list != nullptr && i < list->items().size(); ++i) {
      auto job = monitors::make_job(list->items()[i], settings_.config.global);
      if (!job) return fail(Errc::config, "scrape_configs[{}]: {}", i, job.error().what);
      jobs.push_back(std::move(*job));
    }
    auto problems = jobs_.set("file", std::move(jobs));
    if (!problems.empty()) return fail(Errc::config, "{}", problems[0]);
    state_.ready = !settings_.prometheus_cr.enabled;
    return {};
  }

  void start_collectors() {
    if (settings_.collector_selector.is_null()) return log::warn("allocator: without collector_selector there are no collectors", {});
    auto selector = monitors::Selector::make(settings_.collector_selector);  // checked with the settings
    collectors_ = std::make_unique<CollectorSource>(
        CollectorSource::Parts{membership_.cluster, loop_, settings_.collector_namespace, selector ? *selector : monitors::Selector(), settings_.collector_not_ready_grace_period},
        [this](std::vector<allocation::Collector> collectors) {
          log::info("allocator: collectors", {{"count", collectors.size()}});
          allocation_.set_collectors(collectors);
          hand_over();
        });
  }

  Result<> listen() {
    WEIR_ASSIGN(server_, net::Server::listen(loop_, {.endpoint = settings_.listen_addr}, host_.budget(), plain_));
    log::info("allocator: listens", {{"endpoint", server_->endpoint()}});
    if (!settings_.https.enabled) return {};
    net::ServerSettings https{.endpoint = settings_.https.listen_addr};
    https.tls.emplace();
    https.tls->cert_file = settings_.https.tls_cert_file_path;
    https.tls->key_file = settings_.https.tls_key_file_path;
    https.tls->client_ca_file = settings_.https.ca_file_path;
    https.tls->client_ca_file_reload = true;
    https.tls->reload_interval = 1min;
    WEIR_ASSIGN(trusted_server_, net::Server::listen(loop_, std::move(https), host_.budget(), trusted_));
    log::info("allocator: listens with TLS", {{"endpoint", trusted_server_->endpoint()}});
    return {};
  }

  void take(MonitorSource::Told told) {
    for (auto& problem : jobs_.set("monitors", std::move(told.jobs))) told.skipped["job"] += problem + "; ";
    for (auto& [name, why] : told.skipped)
      if (auto before = state_.skipped.find(name); before == state_.skipped.end() || before->second != why) log::warn("allocator: a monitor is skipped", {{"monitor", name}, {"reason", why}});
    state_.skipped = std::move(told.skipped);
    state_.ready = true;
  }

  void targets_changed() {
    allocation_.set_targets(jobs_.items());
    hand_over();
  }

  void hand_over() {
    handover_.forget_old(loop_.now());
    for (auto& [hash, before] : allocation_.take_moves()) {
      auto item = allocation_.items().find(hash);
      // Who is gone keeps nothing.
      if (item == allocation_.items().end() || !allocation_.collectors().contains(before)) continue;
      handover_.moved(hash, before, item->second.collector, item->second.job, loop_.now());
    }
  }

  io::Loop& loop_;
  AllocatorSettings settings_;
  LoopHost host_{memory};
  allocation::Allocation allocation_;
  allocation::Handover handover_;
  Jobs jobs_;
  AllocatorState state_{allocation_, handover_, jobs_, {}, false};
  AllocatorApi plain_, trusted_;
  std::unique_ptr<kube::Transport> transport_;
  kubernetes::Membership membership_;
  std::unique_ptr<CollectorSource> collectors_;
  std::unique_ptr<MonitorSource> monitors_;
  std::unique_ptr<net::Server> server_, trusted_server_;
};

}  // namespace

int run_allocator(const AllocatorOptions& options) {
  io::Loop loop;
  SignalWatch signals(loop);
  auto settings = read_settings(options);
  if (!settings) {
    fmt::print(stderr, "weir allocator: {}\n", settings.error().what);
    return 1;
  }
  apply(options, *settings);
  Allocator running(loop, std::move(*settings));
  if (auto started = running.start(); !started) {
    fmt::print(stderr, "weir allocator: {}\n", started.error().what);
    return 1;
  }
  loop.run();
  return 0;
}

}  // namespace weir::app

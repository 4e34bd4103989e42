#include "weir/own_metrics.h"

#include <malloc.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "components/shared/listeners/listeners.h"
#include "net/server.h"

namespace weir::app {
namespace {

constexpr std::string_view text_format = "text/plain; version=0.0.4; charset=utf-8";

// `_total` and units, as the exporter for Prometheus adds them.
void add_suffixes(std::vector<telemetry::Family>& families, const PrometheusEndpoint& about) {
  for (auto& family : families) {
    std::string_view unit = family.unit == "s" ? "_seconds" : family.unit == "By" ? "_bytes" : "";
    // Metrics of calls keep the names of the semantic conventions, and their units with them.
    if (unit.empty() && family.type == telemetry::Type::histogram && family.name.ends_with("_duration")) unit = "_seconds";
    if (unit.empty() && family.type == telemetry::Type::histogram && family.name.ends_with("_body_size")) unit = "_bytes";
    if (about.units && !unit.empty() && !family.name.ends_with(unit)) family.name += unit;
    if (about.type_suffixes && family.type == telemetry::Type::counter && !family.name.ends_with("_total")) family.name += "_total";
  }
}

class Server : public OwnMetricsServer {
 public:
  Server(telemetry::Registry& registry, std::shared_ptr<Listeners> listeners, const OwnTelemetry& own)
      : registry_(registry), listeners_(std::move(listeners)) {
    telemetry::Family target{"target_info", "Target metadata", "", telemetry::Type::gauge, {{.labels = {}, .value = 1}}};
    for (auto& [key, value] : own.resource) target.samples.front().labels.emplace_back(label_name(key), value);
    target_info_ = telemetry::prometheus_text({&target, 1}, {});
  }
  void share_listeners() override {
    for (auto& site : sites_) listeners_->leave(site->about.endpoint, 0, site->server->share_listener());
  }

  Result<> listen(io::Loop& loop, const PrometheusEndpoint& endpoint) {
    auto site = std::make_unique<Site>(*this, endpoint);
    net::ServerSettings settings;
    settings.endpoint = endpoint.endpoint;
    settings.max_request_body_size = 1024;
    settings.share_port = listeners_->shares_port(endpoint.endpoint);
    int inherited = listeners_->take(endpoint.endpoint, 0);
    WEIR_ASSIGN(site->server, net::Server::listen(loop, std::move(settings), budget_, *site, inherited));
    sites_.push_back(std::move(site));
    return {};
  }

 private:
  struct Site : net::Handler {
    Site(Server& o, PrometheusEndpoint e) : owner(o), about(std::move(e)) {}
    std::optional<net::Answer> on_head(const net::RequestHead& head) override {
      if (head.path() == "/metrics") return std::nullopt;
      return net::Response{.status = 404, .body = Bytes::copy_of("own metrics are at /metrics\n")};
    }
    void on_request(net::Request, net::Responder responder) override {
      auto families = owner.registry_.collect();
      if (about.units || about.type_suffixes) add_suffixes(families, about);
      std::string text = telemetry::prometheus_text(families, about.constant) + owner.target_info_;
      responder.respond(net::Response{.headers = {{"content-type", text_format}}, .body = Bytes::take(std::move(text))});
    }
    Server& owner;
    const PrometheusEndpoint about;
    std::unique_ptr<net::Server> server;  // gone before this
  };

  telemetry::Registry& registry_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process
  Budget budget_{4 * 1024 * 1024};
  std::string target_info_;
  std::vector<std::unique_ptr<Site>> sites_;
};

telemetry::Family& family(std::vector<telemetry::Family>& out, std::string name, std::string help) {
  for (auto& there : out)
    if (there.name == name) return there;
  return out.emplace_back(telemetry::Family{std::move(name), std::move(help), "", telemetry::Type::counter, {}});
}

// The collector's counters of what went into and out of a processor, over all of its pipelines.
void add_processor(std::vector<telemetry::Family>& out, const engine::LedgerRow& row) {
  std::string id = row.component.substr(0, row.component.find(" ("));
  telemetry::Labels labels = {{"otel_signal", std::string(to_string(row.signal))}, {"processor", id}};
  auto add = [&](std::string name, std::string help, std::uint64_t value) {
    family(out, std::move(name), std::move(help)).samples.push_back({.labels = labels, .value = static_cast<double>(value)});
  };
  add("otelcol_processor_incoming_items", "Items passed to the processor.", row.in);
  add("otelcol_processor_outgoing_items", "Items emitted by the processor.", row.out);
}

void add_row(std::vector<telemetry::Family>& out, const engine::LedgerRow& row) {
  if (row.role == engine::PlanNode::Role::processor) add_processor(out, row);
  telemetry::Labels labels = {{"component", row.component},
                              {"kind", std::string(to_string(row.role))},
                              {"signal", std::string(to_string(row.signal))}};
  auto flow = [&](std::string_view name, std::uint64_t value) {
    auto with = labels;
    with.emplace_back("flow", name);
    family(out, "weir_ledger_items", "Items by what became of them: in + created = out + consumed + delivered + refused + stored + dropped + held.")
        .samples.push_back({.labels = std::move(with), .value = static_cast<double>(value)});
  };
  flow("in", row.in);
  flow("created", row.created);
  flow("out", row.out);
  flow("consumed", row.consumed);
  flow("delivered", row.delivered);
  flow("refused", row.refused);
  flow("stored", row.stored);
  for (std::size_t i = 0; i < row.dropped.size(); ++i) {
    if (row.dropped[i] == 0) continue;
    auto with = labels;
    with.emplace_back("reason", to_string(static_cast<engine::Reason>(i)));
    family(out, "weir_dropped_items_total", "Items that ended here, by reason.")
        .samples.push_back({.labels = std::move(with), .value = static_cast<double>(row.dropped[i])});
  }
}

}  // namespace

Result<std::unique_ptr<OwnMetricsServer>> OwnMetricsServer::start(io::Loop& loop, const OwnTelemetry& own, telemetry::Registry& registry,
                                                                  std::shared_ptr<Listeners> listeners) {
  auto server = std::make_unique<Server>(registry, std::move(listeners), own);
  for (auto& endpoint : own.prometheus)
    if (auto ok = server->listen(loop, endpoint); !ok)
      return fail(ok.error().code, "service::telemetry::metrics: {}", ok.error().what);
  return server;
}

std::shared_ptr<void> add_process_metrics(telemetry::Registry& registry, const Budget& budget) {
  return registry.add_source([&budget, begun = system_clock().now()](std::vector<telemetry::Family>& out) {
    auto add = [&](std::string name, std::string help, std::string unit, telemetry::Type type, double value) {
      out.push_back({std::move(name), std::move(help), std::move(unit), type, {{.labels = {}, .value = value}}});
    };
    using enum telemetry::Type;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
    struct mallinfo2 heap = mallinfo2();
    add("otelcol_process_uptime", "Seconds since this process began to run.", "s", counter,
        static_cast<double>((system_clock().now() - begun).count()) * 1e-9);
    add("otelcol_process_cpu_seconds", "CPU time of this process, user and system.", "s", counter, seconds(usage.ru_utime) + seconds(usage.ru_stime));
    add("otelcol_process_memory_rss", "Resident memory.", "By", gauge, static_cast<double>(resident_memory()));
    add("otelcol_process_runtime_heap_alloc_bytes", "Bytes the allocator has given out and not got back.", "By", gauge,
        static_cast<double>(heap.uordblks + heap.hblkhd));
    add("otelcol_process_runtime_total_alloc_bytes", "Bytes ever taken in for requests (what the allocator gave in all is not counted).", "By", counter,
        static_cast<double>(budget.charged()));
    add("otelcol_process_runtime_total_sys_memory_bytes", "Bytes the allocator has from the system.", "By", gauge,
        static_cast<double>(heap.arena + heap.hblkhd));
    add("weir_budget_used_bytes", "Bytes of requests in the process now.", "By", gauge, static_cast<double>(budget.used()));
    add("weir_budget_limit_bytes", "Bytes of requests from which new ones are refused.", "By", gauge, static_cast<double>(budget.limit()));
  });
}

std::shared_ptr<void> add_ledger_metrics(telemetry::Registry& registry, const engine::Engine& engine) {
  return registry.add_source([&engine](std::vector<telemetry::Family>& out) {
    for (auto& row : engine.ledger(false)) add_row(out, row);
  });
}

}  // namespace weir::app

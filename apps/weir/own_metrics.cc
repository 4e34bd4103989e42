#include "weir/own_metrics.h"

#include "net/server.h"

namespace weir::app {
namespace {

constexpr std::string_view text_format = "text/plain; version=0.0.4; charset=utf-8";

class Server : public OwnMetricsServer, public net::Handler {
 public:
  Server(telemetry::Registry& registry, telemetry::Labels constant) : registry_(registry), constant_(std::move(constant)) {}

  Result<> listen(io::Loop& loop, std::string endpoint, Budget& budget) {
    net::ServerSettings settings;
    settings.endpoint = std::move(endpoint);
    settings.max_request_body_size = 1024;
    WEIR_ASSIGN(auto server, net::Server::listen(loop, std::move(settings), budget, *this));
    servers_.push_back(std::move(server));
    return {};
  }

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    if (head.path() != "/metrics") return net::Response{.status = 404, .body = Bytes::copy_of("own metrics are at /metrics\n")};
    return std::nullopt;
  }
  void on_request(net::Request, net::Responder responder) override {
    std::string text = telemetry::prometheus_text(registry_.collect(), constant_);
    responder.respond(net::Response{.headers = {{"content-type", text_format}}, .body = Bytes::take(std::move(text))});
  }

 private:
  telemetry::Registry& registry_;
  telemetry::Labels constant_;
  std::vector<std::unique_ptr<net::Server>> servers_;
};

telemetry::Family& family(std::vector<telemetry::Family>& out, std::string name, std::string help) {
  for (auto& there : out)
    if (there.name == name) return there;
  return out.emplace_back(telemetry::Family{std::move(name), std::move(help), "", telemetry::Type::counter, {}});
}

void add_row(std::vector<telemetry::Family>& out, const engine::LedgerRow& row) {
  telemetry::Labels labels = {{"component", row.component},
                              {"kind", std::string(to_string(row.role))},
                              {"signal", std::string(to_string(row.signal))}};
  auto flow = [&](std::string_view name, std::uint64_t value) {
    auto with = labels;
    with.emplace_back("flow", name);
    family(out, "weir_ledger_items", "Items by what became of them: in + created = out + consumed + delivered + refused + dropped + held.")
        .samples.push_back({.labels = std::move(with), .value = static_cast<double>(value)});
  };
  flow("in", row.in);
  flow("created", row.created);
  flow("out", row.out);
  flow("consumed", row.consumed);
  flow("delivered", row.delivered);
  flow("refused", row.refused);
  for (std::size_t i = 0; i < row.dropped.size(); ++i) {
    if (row.dropped[i] == 0) continue;
    auto with = labels;
    with.emplace_back("reason", to_string(static_cast<engine::Reason>(i)));
    family(out, "weir_dropped_items_total", "Items that ended here, by reason.")
        .samples.push_back({.labels = std::move(with), .value = static_cast<double>(row.dropped[i])});
  }
}

}  // namespace

Result<std::unique_ptr<OwnMetricsServer>> OwnMetricsServer::start(io::Loop& loop, std::span<const std::string> endpoints,
                                                                  telemetry::Labels constant, telemetry::Registry& registry,
                                                                  Budget& budget) {
  auto server = std::make_unique<Server>(registry, std::move(constant));
  for (auto& endpoint : endpoints)
    if (auto ok = server->listen(loop, endpoint, budget); !ok)
      return fail(ok.error().code, "service::telemetry::metrics: {}", ok.error().what);
  return server;
}

std::shared_ptr<void> add_ledger_metrics(telemetry::Registry& registry, const engine::Engine& engine) {
  return registry.add_source([&engine](std::vector<telemetry::Family>& out) {
    for (auto& row : engine.ledger(false)) add_row(out, row);
  });
}

}  // namespace weir::app

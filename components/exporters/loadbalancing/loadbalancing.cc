#include "components/exporters/loadbalancing/loadbalancing.h"

#include "base/log.h"
#include "components/shared/auth/auth.h"
#include "components/shared/otlp_grpc/grpc_sender.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "telemetry/owned.h"

namespace weir::exporters::loadbalancing {
namespace {

// Measures what the sender inside does.
class MeasuredSender : public exporting::Sender {
 public:
  MeasuredSender(std::unique_ptr<exporting::Sender> sender, const std::string& address, const engine::StageContext& context)
      : sender_(std::move(sender)), clock_(context.executor), latency_(histogram(address, context)), good_(outcome(address, "true", context)), bad_(outcome(address, "false", context)) {}

  Result<> start() override { return sender_->start(); }
  bool sends_protobuf() const override { return sender_->sends_protobuf(); }
  using Sender::send;
  void send(exporting::Payload payload, Duration timeout, Done done) override {
    sender_->send(std::move(payload), timeout, [this, begun = clock_.now(), done = std::move(done)](exporting::Sent sent) mutable {
      latency_->observe(static_cast<double>((clock_.now() - begun).count()) / 1e6);
      (sent.error ? bad_ : good_)->add();
      done(std::move(sent));
    });
  }

 private:
  static telemetry::OwnedHistogram histogram(const std::string& address, const engine::StageContext& context) {
    static constexpr std::array<double, 10> bounds = {5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
    return telemetry::OwnedHistogram(context.host.metrics(), "otelcol_loadbalancer_backend_latency", "Milliseconds to a backend's answer.", bounds, labels(address, context));
  }
  static telemetry::OwnedCounter outcome(const std::string& address, const char* success, const engine::StageContext& context) {
    auto all = labels(address, context);
    all.emplace_back("success", success);
    return telemetry::OwnedCounter(context.host.metrics(), "otelcol_loadbalancer_backend_outcome", "Requests to a backend that it took, and did not take.", std::move(all));
  }
  static telemetry::Labels labels(const std::string& address, const engine::StageContext& context) {
    return {{"exporter", context.id.to_string()}, {"endpoint", address}};
  }

  std::unique_ptr<exporting::Sender> sender_;
  Clock& clock_;
  // They go with the backend.
  telemetry::OwnedHistogram latency_;
  telemetry::OwnedCounter good_, bad_;
};

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

Backends::Make grpc_backends(const otlp_grpc::Config& config, std::function<void(net::HeaderList&)> authorize, const engine::StageContext& context) {
  return [config, authorize, context](const std::string& address) -> Result<std::unique_ptr<exporting::QueuedStage>> {
    net::GrpcClientSettings client = config.client.settings();
    client.endpoint = address;
    exporting::Settings settings = config.exporting.settings();
    settings.endpoint = address;
    auto sender = otlp_grpc::make_grpc_sender(std::move(client), context, authorize);
    return exporting::make_stage(settings, std::make_unique<MeasuredSender>(std::move(sender), address, context), context);
  };
}

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(RoutingKey key, routing_key_for(c, context.signal));
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.protocol.otlp.client.auth));
  LoadBalancing::Parts parts;
  if (context.shard == 0) {
    WEIR_ASSIGN(parts.resolver, make_resolver(c.resolver, context));
  }
  parts.noticeboard = engine::life_state<Noticeboard>(context, fmt::format("backends {}", to_string(context.signal)));
  parts.make_backend = grpc_backends(c.protocol.otlp, std::move(authorize), context);
  return std::make_unique<LoadBalancing>(c, key, std::move(parts), context);
}

engine::Durability durability(const void* config, const engine::StorageInfo& storage) {
  const Config& c = as(config);
  auto front = c.front.settings();
  return exporting::durability(front.queue.enabled ? front : c.protocol.otlp.exporting.settings(), storage);
}

// What the queues of backends that are gone had on disk is read by the one in front, so it looks where they were.
exporting::Settings front_settings(const Config& config) {
  auto out = config.front.settings();
  if (out.queue.enabled) return out;
  auto behind = config.protocol.otlp.exporting.settings();
  out.queue = behind.queue;
  out.queue.enabled = false;
  out.queue.durable = behind.queue.enabled && behind.queue.durable;
  out.queue.batch.reset();
  return out;
}

Result<> check(const void* config, engine::Signal signal) {
  WEIR_TRY(routing_key_for(as(config), signal));
  return {};
}

}  // namespace

LoadBalancing::LoadBalancing(const Config& config, RoutingKey key, Parts parts, const engine::StageContext& context)
    : config_(config),
      signal_(context.signal),
      id_(context.id.to_string()),
      rng_(context.rng),
      parts_(std::move(parts)),
      router_(config_, key, signal_),
      nameless_(context.host.metrics().counter("weir_loadbalancer_items_without_service_name",
                                               "Data points routed by service that have none.", {{"exporter", id_}})),
      backends_(std::move(parts_.make_backend), [this](otlp::Batch batch) { front_->process(std::move(batch), *out_); }),
      front_(exporting::make_stage(front_settings(config_), *this, context)) {
  subscription_ = parts_.noticeboard->subscribe(context.executor, [this](const Endpoints& endpoints) { found(endpoints); });
}

Result<> LoadBalancing::start(engine::Out& out) {
  out_ = &out;
  WEIR_TRY(front_->start(out));
  if (!parts_.resolver) return {};
  return parts_.resolver->start([board = parts_.noticeboard.get()](const Endpoints& endpoints) { board->post(endpoints); });
}

void LoadBalancing::process(otlp::Batch batch, engine::Out& out) {
  if (!ring_) return early_.push_back(std::move(batch));
  front_->process(std::move(batch), out);
}

void LoadBalancing::found(const Endpoints& endpoints) {
  HashRing ring(endpoints, config_.ring);
  Endpoints addresses;
  for (auto& endpoint : ring.endpoints()) addresses.push_back(address_of(endpoint));
  auto before = std::exchange(ring_, std::move(ring));
  if (auto updated = backends_.update(addresses, *out_); !updated) {
    log::error("failed to create the exporter for an endpoint; the backends stay as they are", {{"exporter", id_}, {"error", updated.error().what}});
    ring_ = before ? std::move(before) : HashRing({}, config_.ring);
  }
  for (auto& batch : std::exchange(early_, {})) front_->process(std::move(batch), *out_);
}

Outcome LoadBalancing::forward(otlp::Batch& batch, engine::Out& out) {
  if (!ring_ || ring_->empty()) return Error{Errc::retryable, "couldn't find the exporter for the endpoint \"\": the resolver knows no backends", {}};
  bool wait_for_room = config_.front.retry_on_failure.enabled;
  otlp::Batch rest(signal_);
  auto parts = router_.split(std::move(batch), *ring_, rng_);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (wait_for_room && backends_.at(i).congested())
      rest.append(std::move(parts[i]));
    else
      backends_.at(i).process(std::move(parts[i]), out);
  }
  nameless_.add(router_.take_nameless());
  batch = std::move(rest);
  if (batch.empty()) return {};
  return Error{Errc::refused, "sending queue is full", {}};
}

void LoadBalancing::tick(TimePoint now, engine::Out& out) {
  front_->tick(now, out);
  backends_.tick(now, out);
}

void LoadBalancing::drain(engine::Out& out) {
  front_->drain(out);
  backends_.drain(out);
}

void LoadBalancing::abandon(engine::Out& out) {
  for (auto& batch : std::exchange(early_, {})) out.refuse(std::move(batch), {Errc::retryable, "shutting down before backends were found", {}});
  front_->abandon(out);
  backends_.abandon(out);
}

std::size_t LoadBalancing::held() const {
  std::size_t n = front_->held() + backends_.held();
  for (auto& batch : early_) n += batch.items();
  return n;
}

std::string address_of(const std::string& endpoint) {
  auto colons = std::count(endpoint.begin(), endpoint.end(), ':');
  bool bracketed = endpoint.starts_with('['), url = endpoint.find("://") != endpoint.npos;
  if (colons == 0 || endpoint.ends_with(']')) return endpoint + ":4317";
  if (colons > 1 && !bracketed && !url) return "[" + endpoint + "]:4317";
  return endpoint;
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "loadbalancing",
          .aliases = {"load_balancing"},
          .summary = "Sends every item to the one of several backends that owns its key.",
          .signals = {engine::Signal::traces, engine::Signal::metrics, engine::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = check,
          .durability = durability,
          .make_stage = make};
}

}  // namespace weir::exporters::loadbalancing

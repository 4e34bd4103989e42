// Remote write on one core: requests in, batches out, and the answer when every part of a batch is settled.
#include "base/text.h"
#include "components/receivers/prometheusremotewrite/config.h"
#include "components/receivers/prometheusremotewrite/convert.h"
#include "components/shared/auth/auth.h"
#include "components/shared/listeners/listeners.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "net/server.h"

namespace weir::receivers::prometheusremotewrite {
namespace {

using remote_write::Version;

constexpr std::string_view path = "/api/v1/write";
// A series of two bytes is many times that when it is taken apart.
constexpr std::size_t max_series = 2'000'000;

// By the Content-Type; 1.0 when it does not say.
std::optional<Version> version_of(std::string_view content_type) {
  auto parts = split(content_type, ';');
  if (!equal_ignore_case(trim(parts[0]), "application/x-protobuf")) return {};
  for (auto part : std::span(parts).subspan(1)) {
    part = trim(part);
    auto equals = part.find('=');
    if (!equal_ignore_case(trim(part.substr(0, equals)), "proto") || equals == part.npos) continue;
    auto name = trim(part.substr(equals + 1));
    if (name == "io.prometheus.write.v2.Request") return Version::v2;
    if (name != "prometheus.WriteRequest") return {};
  }
  return Version::v1;
}

// The protocol has snappy only; vmagent sends zstd, too.
bool is_known_encoding(std::string_view encoding) {
  return encoding.empty() || equal_ignore_case(encoding, "snappy") || equal_ignore_case(encoding, "zstd");
}

net::Response plain(int status, std::string text) {
  return {.status = status, .headers = {{"content-type", "text/plain; charset=utf-8"}}, .body = Bytes::take(std::move(text))};
}

std::string host_of(std::string_view peer) {
  if (auto colon = peer.rfind(':'); colon != peer.npos) peer = peer.substr(0, colon);
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return std::string(peer);
}

class Endpoint : public net::Handler {
 public:
  Endpoint(engine::Intake& intake, std::shared_ptr<Known> known, bool include_metadata, auth::Server* authenticator)
      : intake_(intake), known_(std::move(known)), include_metadata_(include_metadata), authenticator_(authenticator) {}

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    if (head.path() != path || !intake_.takes(engine::Signal::metrics)) return plain(404, "404 page not found\n");
    if (head.method() != "POST") return plain(405, "405 method not allowed, supported: [POST]");
    if (authenticator_)
      if (auto known = authenticator_->authenticate(head.headers); !known) return net::error_answer(head, known.error());
    if (!version_of(head.content_type())) return plain(415, "expected application/x-protobuf with a known proto parameter\n");
    if (!is_known_encoding(head.headers.get("content-encoding"))) return plain(415, "expected snappy or zstd\n");
    return std::nullopt;
  }

  void on_request(net::Request request, net::Responder responder) override {
    Version version = *version_of(request.content_type());
    Bytes body = request.body;
    Charge charge = std::move(request.charge);
    if (remote_write::count_series(body.view(), version) > max_series)
      return responder.respond(plain(413, fmt::format("more than {} series\n", max_series)));
    Converter converter(version, *known_, charge);
    if (auto decoded = decode(version, body.view(), converter, charge); !decoded) {
      intake_.refused(engine::Signal::metrics, "http", converter.stats().samples + converter.stats().histograms);
      return responder.respond(refusal(decoded.error()));
    }
    auto batch = converter.finish();
    Stats stats = converter.stats();
    if (batch.empty()) return responder.respond(answer(version, stats));
    batch.hold(body);
    batch.set_bytes(body.size());
    batch.charge = std::move(charge);
    batch.context = context_of(request);
    intake_.push(std::move(batch), "http", [version, stats = std::move(stats), responder = std::move(responder)](Outcome outcome) mutable {
      responder.respond(outcome ? refusal(*outcome) : answer(version, stats));
    });
  }

 private:
  // 204, or 400 when a part was not taken; the sender must not send either again.
  static net::Response answer(Version version, const Stats& stats) {
    net::Response out = stats.invalid == 0 ? net::Response{.status = 204} : plain(400, stats.why);
    if (version == Version::v1) return out;
    out.headers.add("x-prometheus-remote-write-samples-written", std::to_string(stats.samples));
    out.headers.add("x-prometheus-remote-write-histograms-written", std::to_string(stats.histograms));
    out.headers.add("x-prometheus-remote-write-exemplars-written", std::to_string(stats.exemplars));
    return out;
  }

  // Nothing was written. 5xx: the sender tries again.
  static net::Response refusal(const Error& error) {
    bool may_pass = error.code == Errc::refused || error.code == Errc::retryable;
    if (!may_pass) return plain(400, error.what + "\n");
    net::Response out = plain(503, error.what + "\n");
    auto seconds = std::chrono::ceil<std::chrono::seconds>(error.retry_after > 0s ? error.retry_after : Duration{1s});
    out.headers.set("retry-after", fmt::format("{}", seconds.count()));
    return out;
  }

  std::shared_ptr<const otlp::Context> context_of(const net::RequestHead& head) const {
    auto context = std::make_shared<otlp::Context>();  // shared by all batches cut from this request
    context->peer = host_of(head.peer());
    if (include_metadata_)
      for (auto field : head.headers)
        if (!field.name.starts_with(':')) context->metadata[std::string(field.name)].emplace_back(field.value);
    if (authenticator_ != nullptr)
      if (auto known = authenticator_->authenticate(head.headers)) context->auth = std::move(*known);
    return context;
  }

  engine::Intake& intake_;
  std::shared_ptr<Known> known_;  // shared with the other cores
  bool include_metadata_;
  auth::Server* authenticator_;
};

class RemoteWriteReceiver : public engine::Receiver, public engine::Listens {
 public:
  RemoteWriteReceiver(const Config& config, engine::ReceiverContext& context, auth::Server* authenticator)
      : config_(config),
        context_(context),
        listeners_(Listeners::of(context.host)),
        endpoint_(context.intake, engine::life_state<Known>(context, "known"),
                  config.server.include_metadata, authenticator) {}

  Result<> start() override {
    net::ServerSettings settings = config_.server.settings();
    const std::string& configured = config_.server.endpoint;
    settings.share_port = context_.shard > 0 || listeners_->shares_port(configured);
    if (std::string known = listeners_->resolved(configured); context_.shard > 0 && !known.empty()) settings.endpoint = known;
    int inherited = listeners_->take(configured, context_.shard);
    auto server = net::Server::listen(context_.executor, std::move(settings), context_.host.budget(), endpoint_, inherited);
    WEIR_ASSIGN(server_, std::move(server));
    if (context_.shard == 0) listeners_->resolve(configured, server_->endpoint());
    return {};
  }

  void share_listeners() override {
    if (server_) listeners_->leave(config_.server.endpoint, context_.shard, server_->share_listener());
  }

  void stop(io::Task done) override {
    if (!server_) return done();
    server_->drain(std::move(done));
  }

 private:
  Config config_;
  engine::ReceiverContext context_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  Endpoint endpoint_;                     // outlives the server
  std::unique_ptr<net::Server> server_;
};

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{config::embedded<&Config::server>()};
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "prometheusremotewrite",
          .aliases = {"prometheus_remote_write"},
          .summary = "Takes metrics by Prometheus remote write, 1.0 and 2.0.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            auto& c = *static_cast<const Config*>(config);
            WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, c.server.auth));
            return std::make_unique<RemoteWriteReceiver>(c, context, authenticator);
          }};
}

}  // namespace weir::receivers::prometheusremotewrite

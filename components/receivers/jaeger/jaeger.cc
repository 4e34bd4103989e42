// Jaeger's clients on one core: gRPC and Thrift over HTTP with answers, Thrift over UDP without.
#include "components/shared/jaeger/jaeger.h"

#include "base/log.h"
#include "base/text.h"
#include "components/receivers/jaeger/config.h"
#include "components/shared/translating/translating.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "net/datagram.h"

namespace weir::receivers::jaeger {
namespace {

using otlp::Signal;
using weir::thrift::Protocol;

constexpr std::string_view post_spans = "/jaeger.api_v2.CollectorService/PostSpans";

class GrpcFormat : public translating::Format {
 public:
  std::optional<net::Answer> turn_away(const net::RequestHead& head) const override {
    if (head.path() == post_spans) return std::nullopt;
    return net::GrpcAnswer{.code = net::GrpcCode::unimplemented, .message = fmt::format("unknown method {}", head.path())};
  }
  Result<Bytes> translate(const net::Request& request, Charge& charge) const override {
    return weir::jaeger::from_post_spans(request.body.view(), charge);
  }
};

class HttpFormat : public translating::Format {
 public:
  std::optional<net::Answer> turn_away(const net::RequestHead& head) const override {
    if (head.path() != "/api/traces") return translating::plain(404, "404 page not found\n");
    if (head.method() != "POST") return translating::plain(405, "405 method not allowed, supported: [POST]");
    std::string type = to_lower(head.content_type().substr(0, head.content_type().find(';')));
    while (type.ends_with(' ')) type.pop_back();
    if (type == "application/x-thrift" || type == "application/vnd.apache.thrift.binary") return std::nullopt;
    return translating::plain(400, fmt::format("Unsupported content type: {}", head.content_type()));
  }
  Result<Bytes> translate(const net::Request& request, Charge& charge) const override {
    return weir::jaeger::from_thrift(Protocol::binary, request.body.view(), charge);
  }
};

// The agent's side: nobody is answered, so what cannot be taken is counted as refused.
class UdpPort {
 public:
  UdpPort(const Udp& settings, Protocol protocol, engine::ReceiverContext& context)
      : settings_(settings), protocol_(protocol), context_(context) {}

  Result<> start(Listeners& listeners) {
    net::DatagramSettings socket{.endpoint = settings_.endpoint, .max_size = settings_.max_packet_size,
                                 .receive_buffer = settings_.socket_buffer_size, .share_port = context_.shard > 0 || listeners.shares_port(settings_.endpoint)};
    std::string key = "udp " + settings_.endpoint;
    if (std::string known = listeners.resolved(key); context_.shard > 0 && !known.empty()) socket.endpoint = known;
    WEIR_ASSIGN(socket_, net::DatagramSocket::listen(context_.executor, std::move(socket),
                                                     [this](const net::Datagram& in) { take(in); }));
    if (context_.shard == 0) listeners.resolve(key, socket_->endpoint());
    return {};
  }
  // Both take datagrams for a moment.
  void share(Listeners& listeners) const { listeners.announce(settings_.endpoint); }

 private:
  void take(const net::Datagram& in) {
    Charge charge;
    bool room = context_.host.budget().try_charge(in.bytes.size(), charge);
    Result<Bytes> request = in.truncated ? fail(Errc::invalid, "longer than max_packet_size, {} bytes", settings_.max_packet_size)
                            : !room      ? Result<Bytes>(fail(no_room()))
                                         : weir::jaeger::from_datagram(protocol_, in.bytes, charge);
    auto batch = translating::parse_translated(std::move(request), std::move(charge), context_.intake);
    if (!batch) return drop(batch.error(), to_string(in.peer));
    context_.intake.push(std::move(*batch), transport(), [](Outcome) {});
  }

  // How many spans were in it is not known.
  void drop(const Error& error, const std::string& peer) {
    context_.intake.refused(Signal::traces, transport(), 1);
    long long more = 0;
    if (lines_.allow(more))
      log::warn("A datagram was dropped", {{"receiver", context_.id.to_string()}, {"peer", peer}, {"error", error.what}, {"suppressed", more}});
  }
  std::string_view transport() const { return protocol_ == Protocol::compact ? "udp_thrift_compact" : "udp_thrift_binary"; }

  Udp settings_;
  Protocol protocol_;
  engine::ReceiverContext context_;
  std::unique_ptr<net::DatagramSocket> socket_;
  log::RateLimit lines_;
};

class JaegerReceiver : public engine::Receiver, public engine::Listens {
 public:
  explicit JaegerReceiver(engine::ReceiverContext& context) : listeners_(Listeners::of(context.host)) {}

  Result<> start() override {
    for (auto& endpoint : endpoints_) WEIR_TRY(endpoint->start());
    for (auto& port : ports_) WEIR_TRY(port->start(*listeners_));
    return {};
  }
  void share_listeners() override {
    for (auto& endpoint : endpoints_) endpoint->share_listeners();
    for (auto& port : ports_) port->share(*listeners_);
  }
  void stop(io::Task done) override {
    ports_.clear();
    stop_all(std::span<const std::unique_ptr<translating::Endpoint>>(endpoints_), std::move(done));
  }

  void add(translating::EndpointSettings settings, std::unique_ptr<translating::Format> format, engine::ReceiverContext& context) {
    endpoints_.push_back(std::make_unique<translating::Endpoint>(std::move(settings), std::move(format), context));
  }
  void add(const Udp& settings, Protocol protocol, engine::ReceiverContext& context) {
    ports_.push_back(std::make_unique<UdpPort>(settings, protocol, context));
  }

 private:
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  std::vector<std::unique_ptr<translating::Endpoint>> endpoints_;
  std::vector<std::unique_ptr<UdpPort>> ports_;
};

Result<std::unique_ptr<engine::Receiver>> make(const Config& config, engine::ReceiverContext& context) {
  auto receiver = std::make_unique<JaegerReceiver>(context);
  auto& [grpc, thrift_http, thrift_compact, thrift_binary] = config.protocols;
  if (grpc) {
    WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, grpc->auth));
    receiver->add({grpc->settings(), "grpc", {grpc->include_metadata, authenticator}}, std::make_unique<GrpcFormat>(), context);
  }
  if (thrift_http) {
    WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, thrift_http->auth));
    receiver->add({thrift_http->settings(), "http", {thrift_http->include_metadata, authenticator}}, std::make_unique<HttpFormat>(), context);
  }
  if (thrift_compact) receiver->add(*thrift_compact, Protocol::compact, context);
  if (thrift_binary) receiver->add(*thrift_binary, Protocol::binary, context);
  return receiver;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "jaeger",
          .summary = "Takes traces from Jaeger's clients and agents.",
          .signals = {Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) {
            return make(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::jaeger

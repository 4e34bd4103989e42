// One OTLP endpoint on one core: gRPC and HTTP in, batches out, and the answer when every part of a batch is settled.
#include "base/partial_success.h"
#include "base/text.h"
#include "components/receivers/otlp/call_metrics.h"
#include "components/receivers/otlp/config.h"
#include "components/shared/otlp_grpc/method.h"
#include "components/shared/serving/serving.h"
#include "engine/decode.h"
#include "engine/component.h"
#include "engine/life.h"
#include "otlp/item_counter.h"
#include "otlp/json.h"
#include "otlp/wire.h"
#include "telemetry/detail.h"

namespace weir::receivers::otlp {
namespace {

using engine::Intake;
using weir::otlp::Batch;
using weir::otlp::ItemCounter;

// An Export<Signal>ServiceResponse: the same fields for every signal.
Bytes encode_partial_success(const PartialSuccess& partial) {
  if (partial.empty()) return {};
  weir::otlp::Writer out(64 + partial.message.size());
  std::size_t mark = out.size();
  out.put_bytes(2, partial.message);
  out.number(1, partial.rejected);
  out.close(1, mark);
  return out.finish();
}

std::string partial_success_json(Signal signal, const PartialSuccess& partial) {
  constexpr std::array<std::string_view, 4> names = {"rejectedSpans", "rejectedDataPoints", "rejectedLogRecords", "rejectedProfiles"};
  if (partial.empty()) return R"({"partialSuccess":{}})";
  return fmt::format(R"({{"partialSuccess":{{"{}":"{}","errorMessage":{}}}}})", names[static_cast<std::size_t>(signal)], partial.rejected, quote_json(partial.message));
}

// What gRPC and HTTP have in common: who may send, what is known about the sender, and the way into the pipelines.
class Endpoint : public net::Handler {
 public:
  Endpoint(Intake& intake, Budget& budget, std::string_view transport, SenderContext sender) : intake_(intake), budget_(budget), transport_(transport), sender_(sender) {}

  // Before the first request.
  void measure(telemetry::Registry& registry, const io::Executor& executor, std::string_view endpoint, bool tls) {
    metrics_.emplace(registry, endpoint, tls);
    executor_ = &executor;
  }

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    auto answer = route(head);
    if (answer || sender_.authenticator == nullptr) return answer;
    if (auto known = sender_.authenticator->authenticate(head.headers); !known) return on_error(head, known.error(), 0);
    return std::nullopt;
  }

  std::unique_ptr<net::PassingBody> on_refused_body(const net::RequestHead& head) override {
    auto signal = signal_of(head);
    if (!signal) return nullptr;
    return std::make_unique<Refused>(*this, *signal, is_json(head) ? ItemCounter::Encoding::json : ItemCounter::Encoding::protobuf);
  }

 protected:
  // Counts what is refused before it is a batch.
  class Refused : public net::PassingBody {
   public:
    Refused(Endpoint& endpoint, Signal signal, ItemCounter::Encoding encoding)
        : endpoint_(endpoint), signal_(signal), counter_(signal, encoding) {}
    ~Refused() override { endpoint_.intake_.refused(signal_, endpoint_.transport_, counter_.items()); }
    void take(std::string_view bytes) override { counter_.take(bytes); }

   private:
    Endpoint& endpoint_;
    Signal signal_;
    ItemCounter counter_;
  };

  virtual bool is_json(const net::RequestHead&) const { return false; }
  virtual std::optional<net::Answer> route(const net::RequestHead& head) = 0;
  virtual std::optional<Signal> signal_of(const net::RequestHead& head) const = 0;

  std::shared_ptr<const weir::otlp::Context> context_of(const net::RequestHead& head) const { return sender_.of(head, budget_); }

  // When a request began, if anybody wants to know.
  TimePoint began() const { return executor_ ? executor_->now() : TimePoint{}; }
  Duration took(TimePoint began) const { return executor_->now() - began; }

  Intake& intake_;
  Budget& budget_;
  std::string transport_;
  std::optional<CallMetrics> metrics_;  // detailed metrics only

 private:
  const io::Executor* executor_ = nullptr;
  SenderContext sender_;
};

class GrpcEndpoint : public Endpoint {
 public:
  using Endpoint::Endpoint;

  void on_request(net::Request request, net::Responder responder) override {
    TimePoint begun = began();
    Signal signal = *signal_of_method(request.path());
    auto batch = Batch::parse(signal, std::move(request.body), std::move(request.charge), intake_.sought(signal));
    if (!batch) {
      if (metrics_) metrics_->rpc(request.path(), net::grpc_code_of(batch.error()), took(begun));
      return responder.answer(net::error_answer(request, batch.error()));
    }
    batch->context = context_of(request);
    intake_.push(std::move(*batch), transport_, [this, begun, signal, responder = std::move(responder)](Outcome outcome) mutable {
      net::GrpcAnswer answer = outcome ? grpc_error(*outcome) : net::GrpcAnswer{.payload = encode_partial_success(SettlingWith::current())};
      if (metrics_) metrics_->rpc(otlp_grpc::method_of(signal), answer.code, took(begun));
      responder.respond(std::move(answer));
    });
  }

 private:
  static net::GrpcAnswer grpc_error(const Error& error) {
    net::GrpcAnswer answer{.code = net::grpc_code_of(error), .message = error.what};
    if (answer.code == net::GrpcCode::unavailable) answer.retry_delay = error.retry_after > 0s ? error.retry_after : 1s;
    return answer;
  }
  std::optional<net::Answer> route(const net::RequestHead& head) override {
    auto signal = signal_of(head);
    if (signal && intake_.takes(*signal)) return std::nullopt;
    std::string_view service = head.path();
    if (service.starts_with('/')) service.remove_prefix(1);
    service = service.substr(0, service.find('/'));
    return net::GrpcAnswer{.code = net::GrpcCode::unimplemented, .message = fmt::format("unknown service {}", service)};
  }
  std::optional<Signal> signal_of(const net::RequestHead& head) const override { return signal_of_method(head.path()); }
};

class HttpEndpoint : public Endpoint {
 public:
  HttpEndpoint(HttpPaths paths, Intake& intake, Budget& budget, SenderContext sender) : Endpoint(intake, budget, "http", sender), paths_(std::move(paths)) {}

  void on_request(net::Request request, net::Responder responder) override {
    Call call{*paths_.signal_of(request.path()), *encoding_of(request.content_type()), request.http_major, request.wire_size, began()};
    auto batch = parse(call.signal, call.encoding, request);
    if (!batch) return respond(call, responder, error(call.encoding, batch.error()));
    batch->context = context_of(request);
    intake_.push(std::move(*batch), transport_, [this, call, responder = std::move(responder)](Outcome outcome) mutable {
      respond(call, responder, outcome ? error(call.encoding, *outcome) : success(call.encoding, call.signal));
    });
  }

  // Whatever goes wrong on the way in, a client of OTLP reads a Status in the encoding it speaks.
  net::Answer on_error(const net::RequestHead& head, const Error& cause, int http_status) override {
    auto encoding = signal_of(head) ? encoding_of(head.content_type()) : std::nullopt;
    if (!encoding) return net::error_answer(head, cause, http_status);
    net::Response response = error(*encoding, cause);
    if (http_status != 0 && http_status != response.status) {
      response.status = http_status;
      if (http_status != 503 && http_status != 429) response.headers.remove("retry-after");
    }
    return response;
  }

 private:
  // What is known of a request when it is answered.
  struct Call {
    Signal signal;
    Encoding encoding;
    int http_major;
    std::size_t bytes;
    TimePoint begun;
  };

  void respond(const Call& call, net::Responder& responder, net::Response response) {
    if (metrics_) metrics_->http(paths_.path_of(call.signal), call.http_major, response.status, call.bytes, response.body.size(), took(call.begun));
    responder.respond(std::move(response));
  }

  Result<Batch> parse(Signal signal, Encoding encoding, net::Request& request) {
    if (encoding == Encoding::protobuf) return Batch::parse(signal, std::move(request.body), std::move(request.charge), intake_.sought(signal));
    std::size_t repaired = 0;
    auto body = weir::otlp::json_to_protobuf(signal, request.body.view(), &budget_, &repaired);
    if (!body) {
      if (no_memory(body.error())) Refused(*this, signal, ItemCounter::Encoding::json).take(request.body.view());
      return std::unexpected(std::move(body).error());
    }
    Charge charge = budget_.charge_unchecked(body->size());
    auto batch = Batch::parse(signal, std::move(*body), std::move(charge), intake_.sought(signal));
    if (batch) batch->repaired_texts += repaired;
    return batch;
  }
  static bool no_memory(const Error& error) { return error.code == Errc::refused || error.code == Errc::too_large; }
  bool is_json(const net::RequestHead& head) const override { return encoding_of(head.content_type()) == Encoding::json; }

  static net::Response success(Encoding encoding, Signal signal) {
    net::Response response{.status = 200, .headers = {{"content-type", content_type(encoding)}}};
    auto& partial = SettlingWith::current();
    response.body = encoding == Encoding::json ? Bytes::take(partial_success_json(signal, partial)) : encode_partial_success(partial);
    return response;
  }

  static net::Response error(Encoding encoding, const Error& error) {
    net::GrpcCode code = net::grpc_code_of(error);
    net::Response response{.status = net::http_status_of(error), .headers = {{"content-type", content_type(encoding)}}};
    if (response.status == 503 || response.status == 429) {
      auto seconds = std::chrono::ceil<std::chrono::seconds>(error.retry_after > 0s ? error.retry_after : Duration{1s});
      response.headers.set("retry-after", fmt::format("{}", seconds.count()));
    }
    response.body = Bytes::take(encoding == Encoding::json
                                    ? fmt::format(R"({{"code":{},"message":{}}})", static_cast<int>(code), quote_json(error.what))
                                    : net::encode_rpc_status({.code = code, .message = error.what}));
    return response;
  }

  static net::Response plain(int status, std::string text) {
    return {.status = status, .headers = {{"content-type", "text/plain"}}, .body = Bytes::take(std::move(text))};
  }

  std::optional<net::Answer> route(const net::RequestHead& head) override {
    auto signal = signal_of(head);
    if (!signal || !intake_.takes(*signal)) return plain(404, "404 page not found\n");
    if (head.method() != "POST") return plain(405, "405 method not allowed, supported: [POST]");
    if (!encoding_of(head.content_type()))
      return plain(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");
    return std::nullopt;
  }
  std::optional<Signal> signal_of(const net::RequestHead& head) const override { return paths_.signal_of(head.path()); }

  HttpPaths paths_;
};

// A server with its endpoint.
class Listening {
 public:
  Listening(net::ServerSettings settings, std::unique_ptr<Endpoint> endpoint, engine::ReceiverContext& context)
      : context_(context), endpoint_(std::move(endpoint)), serving_(std::move(settings), context) {}

  Result<> start() {
    auto& settings = serving_.settings();
    if (telemetry::detailed()) endpoint_->measure(context_.host.metrics(), context_.executor, settings.endpoint, settings.tls.has_value());
    return serving_.start(*endpoint_);
  }
  void share() { serving_.share(); }
  void stop(io::Task done) { serving_.stop(std::move(done)); }

 private:
  engine::ReceiverContext context_;
  std::unique_ptr<Endpoint> endpoint_;  // outlives the server
  Serving serving_;
};

class OtlpReceiver : public engine::Receiver, public engine::Listens {
 public:
  explicit OtlpReceiver(std::vector<std::unique_ptr<Listening>> listening) : listening_(std::move(listening)) {}

  Result<> start() override {
    for (auto& one : listening_) WEIR_TRY(one->start());
    return {};
  }
  void share_listeners() override {
    for (auto& one : listening_) one->share();
  }
  void stop(io::Task done) override { stop_all(std::span<const std::unique_ptr<Listening>>(listening_), std::move(done)); }

 private:
  std::vector<std::unique_ptr<Listening>> listening_;
};

Result<std::unique_ptr<engine::Receiver>> make(const Config& config, engine::ReceiverContext& context) {
  std::vector<std::unique_ptr<Listening>> listening;
  if (auto& grpc = config.protocols.grpc) {
    WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, grpc->auth));
    listening.push_back(std::make_unique<Listening>(
        grpc->settings(), std::make_unique<GrpcEndpoint>(context.intake, context.host.budget(), "grpc", SenderContext{grpc->include_metadata, authenticator}), context));
  }
  if (auto& http = config.protocols.http) {
    WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, http->auth));
    listening.push_back(std::make_unique<Listening>(
        http->settings(), std::make_unique<HttpEndpoint>(http->paths(), context.intake, context.host.budget(), SenderContext{http->include_metadata, authenticator}), context));
  }
  return std::make_unique<OtlpReceiver>(std::move(listening));
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "otlp",
          .summary = "Takes OTLP over gRPC and HTTP.",
          .signals = {weir::otlp::all_signals.begin(), weir::otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) {
            return make(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::otlp

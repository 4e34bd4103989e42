// OpenCensus' agent protocol on one core: gRPC calls with many messages, and the same as JSON over HTTP.
#include "base/log.h"
#include "components/receivers/opencensus/config.h"
#include "components/receivers/opencensus/json.h"
#include "components/receivers/opencensus/translate.h"
#include "components/shared/serving/serving.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::receivers::opencensus {
namespace {

using otlp::Signal;

struct Method {
  std::string_view call, path;
  Signal signal;
};
constexpr Method methods[] = {
    {"/opencensus.proto.agent.trace.v1.TraceService/Export", "/v1/trace", Signal::traces},
    {"/opencensus.proto.agent.metrics.v1.MetricsService/Export", "/v1/metrics", Signal::metrics},
};

net::Response status_response(int status, const Error& error) {
  std::string body = fmt::format(R"({{"code":{},"message":)", static_cast<int>(net::grpc_code_of(error)));
  body += '"';
  for (char c : error.what) {
    if (c == '"' || c == '\\') body += '\\';
    body += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  body += R"(","details":[]})";
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = Bytes::take(std::move(body))};
}

// What both ways in do with requests.
class Intake {
 public:
  Intake(engine::ReceiverContext& context, SenderContext senders) : context_(context), senders_(senders) {}

  const Method* method_of(const net::RequestHead& head) const {
    std::string_view path = head.path();
    for (auto& method : methods)
      if (path == (head.is_grpc ? method.call : method.path) && context_.intake.takes(method.signal)) return &method;
    return nullptr;
  }
  Result<> let_in(const net::RequestHead& head) const {
    if (senders_.authenticator == nullptr) return {};
    WEIR_TRY(senders_.authenticator->authenticate(head.headers));
    return {};
  }
  std::shared_ptr<const otlp::Context> sender_of(const net::RequestHead& head) const { return senders_.of(head, context_.host.budget()); }
  Charge empty_charge() const { return context_.host.budget().empty_charge(); }

  // The first request of a call has to say who sends.
  static Result<> check_sender(const Sender& sender) {
    if (sender.node()) return {};
    return fail(Errc::invalid, "protocol violation: Export's first message must have a Node");
  }
  // `charge`: for what was translated.
  void push(Signal signal, std::string_view transport, Translator& translator, Charge charge, std::shared_ptr<const otlp::Context> context,
            std::move_only_function<void(Outcome)> done) {
    if (translator.lost() > 0) tell_lost(transport, translator.lost());
    if (translator.empty()) return done({});
    auto request = translator.finish();
    if (!request) return done(std::move(request).error());
    auto batch = otlp::Batch::parse(signal, std::move(*request), std::move(charge), context_.intake.sought(signal));
    if (!batch) return done(std::move(batch).error());
    batch->context = std::move(context);
    context_.intake.push(std::move(*batch), transport, std::move(done));
  }

 private:
  void tell_lost(std::string_view transport, std::size_t points) {
    context_.intake.refused(Signal::metrics, transport, points);
    long long more = 0;
    if (lines_.allow(more))
      log::warn("Points of a type that OTLP does not have were dropped", {{"receiver", context_.id.to_string()}, {"points", points}, {"suppressed", more}});
  }

  engine::ReceiverContext context_;
  SenderContext senders_;
  log::RateLimit lines_;
};

// One gRPC call: who sends holds from message to message.
class Export : public net::Call {
 public:
  Export(Intake& intake, Signal signal, const net::RequestHead& head, net::Responder responder)
      : intake_(intake), signal_(signal), context_(intake.sender_of(head)), sender_(intake.empty_charge()), answer_(std::make_shared<Answer>()) {
    answer_->head.is_grpc = true;
    answer_->responder = std::move(responder);
  }

  void on_message(net::Message message) override {
    if (auto translated = take(std::move(message)); !translated) answer_->fail(translated.error());
  }
  void on_end() override { answer_->responder.respond(net::GrpcAnswer{.without_message = true}); }

 private:
  // Also held by the callback of the batch at work, which may come when the call is over.
  struct Answer {
    net::RequestHead head;
    net::Responder responder;
    void fail(const Error& error) { responder.answer(net::error_answer(head, error)); }
  };

  Result<> take(net::Message message) {
    WEIR_TRY(sender_.update(message.body.view()));
    WEIR_TRY(Intake::check_sender(sender_));
    Translator translator(signal_, message.charge);
    WEIR_TRY(translator.add(message.body.view(), sender_));
    message.body = {};
    intake_.push(signal_, "grpc", translator, std::move(message.charge), context_, [answer = answer_](Outcome outcome) {
      if (outcome) answer->fail(*outcome);
      else answer->responder.next();
    });
    return {};
  }

  Intake& intake_;
  Signal signal_;
  std::shared_ptr<const otlp::Context> context_;  // shared by all batches of this call
  Sender sender_;
  std::shared_ptr<Answer> answer_;
};

class Handler : public net::Handler {
 public:
  Handler(engine::ReceiverContext& context, SenderContext senders) : intake_(context, senders) {}

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    if (intake_.method_of(head) == nullptr) {
      if (head.is_grpc) return net::GrpcAnswer{.code = net::GrpcCode::unimplemented, .message = fmt::format("unknown method {}", head.path())};
      return status_response(404, {Errc::unimplemented, "Not Found", {}});
    }
    if (!head.is_grpc && head.method() != "POST") return status_response(501, {Errc::unimplemented, "Method Not Allowed", {}});
    if (auto known = intake_.let_in(head); !known) return net::error_answer(head, known.error());
    return std::nullopt;
  }
  bool streams(const net::RequestHead&) override { return true; }
  std::unique_ptr<net::Call> on_call(const net::RequestHead& head, net::Responder responder) override {
    return std::make_unique<Export>(intake_, intake_.method_of(head)->signal, head, std::move(responder));
  }

  // JSON over HTTP.
  void on_request(net::Request request, net::Responder responder) override {
    Signal signal = intake_.method_of(request)->signal;
    Charge charge = std::move(request.charge);
    Translator translator(signal, charge);
    if (auto translated = translate(signal, request, charge, translator); !translated)
      return responder.respond(status_response(net::http_status_of(translated.error()), translated.error()));
    auto context = intake_.sender_of(request);
    request.body = {};
    intake_.push(signal, "http", translator, std::move(charge), std::move(context), [responder = std::move(responder)](Outcome outcome) mutable {
      if (outcome) responder.respond(status_response(net::http_status_of(*outcome), *outcome));
      else responder.respond(net::Response{.headers = {{"content-type", "application/json"}}});
    });
  }

 private:
  Result<> translate(Signal signal, const net::Request& request, Charge& charge, Translator& translator) {
    WEIR_ASSIGN(auto messages, from_json(signal, request.body.view(), charge));
    Sender sender(intake_.empty_charge());
    for (auto& message : messages) {
      WEIR_TRY(sender.update(message));
      WEIR_TRY(Intake::check_sender(sender));
      WEIR_TRY(translator.add(message, sender));
    }
    return {};
  }

  Intake intake_;
};

class OpenCensusReceiver : public engine::Receiver, public engine::Listens {
 public:
  OpenCensusReceiver(const Config& config, auth::Server* authenticator, engine::ReceiverContext& context)
      : handler_(context, {config.include_metadata, authenticator}), serving_(config.settings(), context) {}

  Result<> start() override { return serving_.start(handler_); }
  void stop(io::Task done) override { serving_.stop(std::move(done)); }
  void share_listeners() override { serving_.share(); }

 private:
  Handler handler_;  // outlives the server
  Serving serving_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "opencensus",
          .summary = "Takes traces and metrics from OpenCensus' libraries and agents. Deprecated.",
          .signals = {Signal::traces, Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* erased, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            auto& config = *static_cast<const Config*>(erased);
            WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, config.auth));
            return std::make_unique<OpenCensusReceiver>(config, authenticator, context);
          }};
}

}  // namespace weir::receivers::opencensus

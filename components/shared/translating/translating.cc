#include "components/shared/translating/translating.h"

#include "io/loop.h"

namespace weir::translating {
namespace {

std::string host_of(std::string_view peer) {
  if (auto colon = peer.rfind(':'); colon != peer.npos) peer = peer.substr(0, colon);
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return std::string(peer);
}

}  // namespace

net::Response plain(int status, std::string text) {
  return {.status = status, .headers = {{"content-type", "text/plain"}}, .body = Bytes::take(std::move(text))};
}

Result<otlp::Batch> parse_translated(Result<Bytes> request, Charge charge, engine::Intake& intake) {
  if (!request) return fail(std::move(request).error());
  return otlp::Batch::parse(otlp::Signal::traces, std::move(*request), std::move(charge), intake.sought(otlp::Signal::traces));
}

class Endpoint::Handler : public net::Handler {
 public:
  Handler(const EndpointSettings& settings, std::unique_ptr<Format> format, engine::Intake& intake)
      : settings_(settings), format_(std::move(format)), intake_(intake) {}

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    auto answer = format_->turn_away(head);
    if (answer || settings_.authenticator == nullptr) return answer;
    if (auto known = settings_.authenticator->authenticate(head.headers); !known) return net::error_answer(head, known.error());
    return std::nullopt;
  }

  void on_request(net::Request request, net::Responder responder) override {
    auto translated = format_->translate(request, request.charge);
    request.body = {};  // the translated request has all of it
    auto batch = parse_translated(std::move(translated), std::move(request.charge), intake_);
    if (!batch) return responder.answer(net::error_answer(request, batch.error()));
    batch->context = context_of(request);
    // What an error looks like depends on the request's head, without its body.
    auto head = std::make_unique<net::RequestHead>(std::move(request));
    intake_.push(std::move(*batch), settings_.transport, [this, head = std::move(head), responder = std::move(responder)](Outcome outcome) mutable {
      if (outcome) return responder.answer(net::error_answer(*head, *outcome));
      if (head->is_grpc) return responder.respond(net::GrpcAnswer{});
      responder.respond(format_->accepted());
    });
  }

 private:
  std::shared_ptr<const otlp::Context> context_of(const net::RequestHead& head) const {
    auto context = std::make_shared<otlp::Context>();  // shared by all batches cut from this request
    context->peer = host_of(head.peer());
    if (settings_.include_metadata)
      for (auto field : head.headers)
        if (!field.name.starts_with(':')) context->metadata[std::string(field.name)].emplace_back(field.value);
    if (settings_.authenticator != nullptr)
      if (auto known = settings_.authenticator->authenticate(head.headers)) context->auth = std::move(*known);
    return context;
  }

  const EndpointSettings& settings_;
  std::unique_ptr<Format> format_;
  engine::Intake& intake_;
};

Endpoint::Endpoint(EndpointSettings settings, std::unique_ptr<Format> format, engine::ReceiverContext& context)
    : settings_(std::move(settings)),
      configured_(settings_.server.endpoint),
      context_(context),
      listeners_(Listeners::of(context.host)),
      handler_(std::make_unique<Handler>(settings_, std::move(format), context.intake)) {}

Endpoint::~Endpoint() = default;

Result<> Endpoint::start() {
  settings_.server.share_port = context_.shard > 0 || listeners_->shares_port(configured_);
  if (std::string known = listeners_->resolved(configured_); context_.shard > 0 && !known.empty()) settings_.server.endpoint = known;
  int inherited = listeners_->take(configured_, context_.shard);
  WEIR_ASSIGN(server_, net::Server::listen(static_cast<io::Loop&>(context_.executor), settings_.server, context_.host.budget(), *handler_, inherited));
  if (context_.shard == 0) listeners_->resolve(configured_, server_->endpoint());
  return {};
}

void Endpoint::share_listeners() {
  if (server_) listeners_->leave(configured_, context_.shard, server_->share_listener());
}

void Endpoint::stop(io::Task done) {
  if (!server_) return done();
  server_->drain(std::move(done));
}

void stop_all(std::span<const std::unique_ptr<Endpoint>> endpoints, io::Task done) {
  if (endpoints.empty()) return done();
  struct Waiting {
    std::size_t left;
    io::Task done;
  };
  auto waiting = std::make_shared<Waiting>(endpoints.size(), std::move(done));  // shared by the servers' callbacks
  for (auto& endpoint : endpoints)
    endpoint->stop([waiting] {
      if (--waiting->left == 0) waiting->done();
    });
}

}  // namespace weir::translating

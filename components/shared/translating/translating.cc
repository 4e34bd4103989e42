#include "components/shared/translating/translating.h"

namespace weir::translating {
net::Response plain(int status, std::string text) {
  return {.status = status, .headers = {{"content-type", "text/plain"}}, .body = Bytes::take(std::move(text))};
}

Result<otlp::Batch> parse_translated(Result<Bytes> request, Charge charge, engine::Intake& intake) {
  if (!request) return fail(std::move(request).error());
  return otlp::Batch::parse(otlp::Signal::traces, std::move(*request), std::move(charge), intake.sought(otlp::Signal::traces));
}

class Endpoint::Handler : public net::Handler {
 public:
  Handler(std::string transport, SenderContext sender, std::unique_ptr<Format> format, const engine::ReceiverContext& context)
      : transport_(std::move(transport)), sender_(sender), format_(std::move(format)), intake_(context.intake), budget_(context.host.budget()) {}

  std::optional<net::Answer> on_head(const net::RequestHead& head) override {
    auto answer = format_->turn_away(head);
    if (answer || sender_.authenticator == nullptr) return answer;
    if (auto known = sender_.authenticator->authenticate(head.headers); !known) return net::error_answer(head, known.error());
    return std::nullopt;
  }

  void on_request(net::Request request, net::Responder responder) override {
    auto translated = format_->translate(request, request.charge);
    request.body = {};  // the translated request has all of it
    auto batch = parse_translated(std::move(translated), std::move(request.charge), intake_);
    if (!batch) return responder.answer(net::error_answer(request, batch.error()));
    batch->context = sender_.of(request, budget_);
    // What an error looks like depends on the request's head, without its body.
    auto head = std::make_unique<net::RequestHead>(std::move(request));
    intake_.push(std::move(*batch), transport_, [this, head = std::move(head), responder = std::move(responder)](Outcome outcome) mutable {
      if (outcome) return responder.answer(net::error_answer(*head, *outcome));
      if (head->is_grpc) return responder.respond(net::GrpcAnswer{});
      responder.respond(format_->accepted());
    });
  }

 private:
  std::string transport_;
  SenderContext sender_;
  std::unique_ptr<Format> format_;
  engine::Intake& intake_;
  Budget& budget_;
};

Endpoint::Endpoint(EndpointSettings settings, std::unique_ptr<Format> format, engine::ReceiverContext& context)
    : handler_(std::make_unique<Handler>(std::move(settings.transport), settings.sender, std::move(format), context)),
      serving_(std::move(settings.server), context) {}

Endpoint::~Endpoint() = default;

Result<> Endpoint::start() { return serving_.start(*handler_); }

}  // namespace weir::translating

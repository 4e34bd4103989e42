#include "components/shared/serving/serving.h"


namespace weir {
namespace {

constexpr std::size_t entry_bytes = 128;  // of a map of texts

// The address without its port.
std::string host_of(std::string_view peer) {
  if (auto colon = peer.rfind(':'); colon != peer.npos) peer = peer.substr(0, colon);
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return std::string(peer);
}

}  // namespace

Serving::Serving(net::ServerSettings settings, const engine::ReceiverContext& context)
    : context_(context), configured_(settings.endpoint), listeners_(Listeners::of(context.host)), settings_(std::move(settings)) {
  if (std::string known = listeners_->resolved(configured_); context_.shard > 0 && !known.empty()) settings_.endpoint = known;
}

Serving::~Serving() = default;

Result<> Serving::start(net::Handler& handler) {
  if (!is_needed()) return {};
  settings_.share_port = context_.shard > 0 || listeners_->shares_port(configured_);
  // The first core may have started after this was made.
  if (std::string known = listeners_->resolved(configured_); context_.shard > 0 && !known.empty()) settings_.endpoint = known;
  int inherited = listeners_->take(configured_, context_.shard);
  WEIR_ASSIGN(server_, net::Server::listen(context_.executor, settings_, context_.host.budget(), handler, inherited));
  if (context_.shard == 0) listeners_->resolve(configured_, server_->endpoint());
  return {};
}

void Serving::share() {
  if (server_) listeners_->leave(configured_, context_.shard, server_->share_listener());
}

void Serving::stop(io::Task done) {
  if (!server_) return done();
  server_->drain(std::move(done));
}

std::shared_ptr<const otlp::Context> SenderContext::of(const net::RequestHead& head, Budget& budget) const {
  auto context = std::make_shared<otlp::Context>();  // shared by all batches cut from this request
  context->peer = host_of(head.peer());
  if (include_metadata)
    for (auto field : head.headers)
      if (!field.name.starts_with(':')) context->metadata[std::string(field.name)].emplace_back(field.value);
  if (authenticator != nullptr)
    if (auto known = authenticator->authenticate(head.headers)) context->auth = std::move(*known);
  std::size_t bytes = sizeof(otlp::Context);
  for (auto& [name, values] : context->metadata) {
    bytes += entry_bytes + name.size();
    for (auto& value : values) bytes += sizeof value + value.size();
  }
  for (auto& [name, value] : context->auth) bytes += entry_bytes + name.size() + value.size();
  context->charge = budget.charge_unchecked(bytes);
  return context;
}

}  // namespace weir

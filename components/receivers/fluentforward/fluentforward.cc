// Takes what Fluentd and Fluent Bit forward.
#include "base/log.h"
#include "components/receivers/fluentforward/message.h"
#include "components/shared/listeners/listeners.h"
#include "components/shared/stanza/input.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "net/byte_listener.h"

namespace weir::receivers::fluentforward {
namespace {

constexpr std::size_t most_message = 16 << 20, most_content = 64 << 20;

struct Config {
  std::string endpoint;

  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&Config::endpoint>("endpoint", "Where to listen: host:port, or unix:///path.", {.required = true})};
    return rows;
  }
  Result<> validate() const {
    if (auto good = net::parse_endpoint(address()); !good) return std::unexpected(good.error());
    return {};
  }
  std::string address() const {
    if (endpoint.starts_with("unix://")) return "unix:" + endpoint.substr(7);
    return endpoint.starts_with('/') ? "unix:" + endpoint : endpoint;
  }
};

class FluentReceiver final : public engine::Receiver, public engine::Listens, private net::ByteListener::Handler {
 public:
  FluentReceiver(const Config& config, const engine::ReceiverContext& context, std::unique_ptr<stanza::Input> input)
      : address_(config.address()), context_(context), input_(std::move(input)), listeners_(Listeners::of(context.host)) {}

  Result<> start() override {
    io::Executor& executor = context_.executor;
    net::ByteListenerSettings settings{.endpoint = address_, .max_pending = most_message, .share_port = context_.shard > 0 || listeners_->shares_port(address_)};
    if (std::string known = listeners_->resolved(address_); context_.shard > 0 && !known.empty()) settings.endpoint = known;
    int inherited = listeners_->take(address_, context_.shard);
    WEIR_ASSIGN(listener_, net::ByteListener::listen(executor, settings, context_.host.budget(), *this, inherited));
    if (context_.shard == 0) listeners_->resolve(address_, listener_->endpoint());
    return {};
  }
  void share_listeners() override {
    if (listener_) listeners_->leave(address_, context_.shard, listener_->share_listener());
  }
  void stop(io::Task done) override {
    if (!listener_) return done();
    listeners_->leave(address_, context_.shard, listener_->release_listener());
    listener_->pause();
    input_->stop(std::move(done));
  }

 private:
  using Id = net::ByteListener::Id;

  std::size_t on_bytes(Id id, std::string_view bytes, bool) override {
    std::size_t used = 0;
    while (used < bytes.size() && !input_->full()) {
      auto size = value_size(bytes.substr(used));
      if (size && *size == 0) break;
      if (!size) return give_up(id, size.error()), bytes.size();
      take(id, bytes.substr(used, *size));
      used += *size;
    }
    if (input_->full()) {
      listener_->pause();
      input_->on_room([this] { listener_->resume(); });
    }
    return used;
  }

  void take(Id id, std::string_view bytes) {
    Arena arena;
    Charge charge = context_.host.budget().empty_charge();
    auto message = read_message(bytes, arena, most_content, charge);
    if (!message) return give_up(id, message.error());
    for (auto& entry : message->entries) input_->take(entry);
    if (message->chunk.empty()) return;
    // The sender hears "ack" when the pipeline has it.
    input_->flush([this, id, chunk = std::string(message->chunk)](Outcome outcome) {
      if (!outcome) return listener_->send(id, ack_of(chunk));
      // Without an answer it sends the chunk again.
      listener_->close(id);
    });
  }

  void give_up(Id id, const Error& error) {
    long long more = 0;
    bool short_of_memory = error.code == Errc::refused;
    if (lines_.allow(more)) log::warn(short_of_memory ? "Closing a connection, since there is no memory for its message." : "Closing a connection that does not speak the forward protocol.", {{"receiver", context_.id.to_string()}, {"error", error.what}, {"suppressed", more}});
    context_.intake.refused(otlp::Signal::logs, "http", 1);
    context_.executor.post([this, id] { listener_->close(id); });
  }

  std::string address_;
  engine::ReceiverContext context_;
  std::unique_ptr<stanza::Input> input_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  std::unique_ptr<net::ByteListener> listener_;
  log::RateLimit lines_;
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  WEIR_ASSIGN(auto input, stanza::Input::make({}, context, "http"));
  return std::make_unique<FluentReceiver>(*static_cast<const Config*>(config), context, std::move(input));
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "fluentforward",
          .aliases = {"fluent_forward"},
          .summary = "Takes what Fluentd and Fluent Bit forward.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::fluentforward

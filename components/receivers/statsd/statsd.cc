// StatsD over UDP, TCP and unix datagrams. The first core takes all of it: lines of one sender belong together.
#include "base/log.h"
#include "components/receivers/statsd/aggregator.h"
#include "components/shared/listeners/listeners.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "net/byte_listener.h"
#include "net/datagram.h"

namespace weir::receivers::statsd {
namespace {

constexpr std::size_t most_line = 64 * 1024;  // as long as a datagram may be

class StatsdReceiver final : public engine::Receiver, public engine::Listens, private net::ByteListener::Handler {
 public:
  StatsdReceiver(const Config& config, engine::ReceiverContext& context)
      : config_(config),
        context_(context),
        listeners_(Listeners::of(context.host)),
        wrong_(context.host.metrics().counter("weir_receiver_statsd_wrong_lines", "Lines that are no metrics.", {{"receiver", context.id.to_string()}})) {}
  ~StatsdReceiver() override { context_.executor.cancel(timer_); }

  Result<> start() override {
    if (context_.shard != 0 || !context_.intake.takes(engine::Signal::metrics)) return {};
    WEIR_ASSIGN(Aggregator made, Aggregator::make(config_, context_.host.budget(), context_.executor.wall(), static_cast<std::uint64_t>(context_.executor.wall())));
    aggregator_.emplace(std::move(made));
    if (config_.is_stream()) {
      WEIR_TRY(listen());
    } else {
      WEIR_TRY(bind());
    }
    next_ = context_.executor.now() + config_.aggregation_interval;
    timer_ = context_.executor.at(next_, [this] { tick(); });
    return {};
  }

  void share_listeners() override {
    if (listener_) listeners_->leave(config_.endpoint, context_.shard, listener_->share_listener());
  }

  void stop(io::Task done) override {
    socket_.reset();
    if (listener_) {
      listeners_->leave(config_.endpoint, context_.shard, listener_->release_listener());
      listener_->pause();
    }
    context_.executor.cancel(timer_);
    if (aggregator_) flush();
    done();
  }

 private:
  Result<> bind() {
    bool unix = config_.transport == "unixgram";
    net::DatagramSettings settings{.endpoint = unix ? "unix:" + config_.endpoint : config_.endpoint, .receive_buffer = config_.socket_buffer_size, .permissions = unix ? static_cast<int>(config_.socket_permissions) : -1};
    WEIR_ASSIGN(socket_, net::DatagramSocket::listen(context_.executor, std::move(settings), [this](const net::Datagram& datagram) { take(datagram); }));
    return {};
  }

  Result<> listen() {
    net::ByteListenerSettings settings{.endpoint = config_.endpoint, .max_pending = most_line, .share_port = listeners_->shares_port(config_.endpoint)};
    int inherited = listeners_->take(config_.endpoint, context_.shard);
    WEIR_ASSIGN(listener_, net::ByteListener::listen(context_.executor, settings, context_.host.budget(), *this, inherited));
    return {};
  }

  void take(const net::Datagram& datagram) {
    std::string_view lines = datagram.bytes;
    if (datagram.truncated) lines = lines.substr(0, lines.rfind('\n') == lines.npos ? 0 : lines.rfind('\n'));  // the last line is not whole
    take(lines, net::to_string(datagram.peer));
  }

  void on_open(net::ByteListener::Id id, const net::SocketAddress& peer, const net::SocketAddress&) override { senders_[id] = net::to_string(peer); }
  void on_close(net::ByteListener::Id id) override { senders_.erase(id); }
  // Whole lines; at the end of the connection the last one needs no end.
  std::size_t on_bytes(net::ByteListener::Id id, std::string_view bytes, bool at_end) override {
    std::size_t whole = at_end ? bytes.size() : bytes.rfind('\n') + 1;  // 0 when there is none
    take(bytes.substr(0, whole), senders_[id]);
    return whole;
  }

  void take(std::string_view left, const std::string& sender) {
    std::size_t refused = 0;
    while (!left.empty()) {
      std::size_t end = std::min(left.find('\n'), left.size());
      std::string_view line = left.substr(0, end);
      left.remove_prefix(std::min(end + 1, left.size()));
      while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
      if (line.empty()) continue;
      auto added = aggregator_->add(line, sender, context_.executor.wall());
      if (added) continue;
      if (added.error().code == Errc::refused) ++refused;
      else wrong(added.error());
    }
    if (refused > 0) context_.intake.refused(engine::Signal::metrics, config_.transport, refused);
  }

  void wrong(const Error& error) {
    wrong_.add();
    if (long long more = 0; lines_.allow(more)) log::warn("a StatsD line is no metric", {{"receiver", context_.id.to_string()}, {"error", error.what}, {"suppressed", more}});
  }

  void tick() {
    next_ += config_.aggregation_interval;
    timer_ = context_.executor.at(std::max(next_, context_.executor.now()), [this] { tick(); });
    flush();
  }

  void flush() {
    for (auto& batch : aggregator_->flush(context_.executor.wall()))
      context_.intake.push(std::move(batch), config_.transport, [id = context_.id.to_string()](Outcome outcome) {
        static log::RateLimit lines;
        if (long long more = 0; outcome && lines.allow(more)) log::error("StatsD metrics were not taken", {{"receiver", id}, {"error", outcome->what}, {"suppressed", more}});
      });
  }

  const Config& config_;  // the plan's, which outlives us
  engine::ReceiverContext context_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  telemetry::Counter& wrong_;
  std::optional<Aggregator> aggregator_;
  std::unique_ptr<net::DatagramSocket> socket_;
  std::unique_ptr<net::ByteListener> listener_;
  std::unordered_map<net::ByteListener::Id, std::string> senders_;  // of connections
  TimePoint next_{};
  io::TimerId timer_ = 0;
  log::RateLimit lines_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "statsd",
          .summary = "Takes StatsD lines and sends what they add up to.",
          .signals = {engine::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<StatsdReceiver>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::statsd

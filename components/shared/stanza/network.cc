#include "components/shared/stanza/network.h"

#include <arpa/inet.h>

#include "base/log.h"
#include "base/number.h"
#include "engine/life.h"

namespace weir::stanza {
namespace {

using config::field;

// Address without port.
std::string host_of(const net::SocketAddress& address) {
  std::string text = net::to_string(address);
  if (text.starts_with("unix:")) return text;
  text.erase(std::min(text.rfind(':'), text.size()));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return text;
}

// What a sender's records get with add_attributes. Names are not looked up: they are the addresses.
class PeerAttributes {
 public:
  PeerAttributes() = default;
  PeerAttributes(std::string_view transport, const net::SocketAddress& peer, const net::SocketAddress& local) : transport_(transport) {
    peer_ = host_of(peer), local_ = host_of(local);
    peer_port_ = fmt::format("{}", peer.port()), local_port_ = fmt::format("{}", local.port());
  }
  // Views into this object.
  std::vector<otlp::KeyValue> all() const {
    if (transport_.empty()) return {};
    auto kv = [](std::string_view key, std::string_view value) { return otlp::KeyValue{key, Value::of(value)}; };
    return {kv("net.transport", transport_), kv("net.peer.ip", peer_), kv("net.peer.port", peer_port_), kv("net.peer.name", peer_),
            kv("net.host.ip", local_),       kv("net.host.port", local_port_), kv("net.host.name", local_)};
  }

 private:
  std::string transport_, peer_, peer_port_, local_, local_port_;
};

class TcpReceiver final : public engine::Receiver, public engine::Listens, private net::ByteListener::Handler {
 public:
  TcpReceiver(const TcpConfig& config, const engine::ReceiverContext& context, std::unique_ptr<Input> input, Lines lines, bool octets)
      : config_(config), context_(context), input_(std::move(input)), lines_(std::move(lines)), octets_(octets), listeners_(Listeners::of(context.host)) {}

  Result<> start() override {
    io::Executor& executor = context_.executor;
    net::ByteListenerSettings settings{.endpoint = config_.listen_address,
                                       .tls = config_.tls ? std::optional<net::TlsServerSettings>(*config_.tls) : std::nullopt,
                                       .max_connections = config_.max_connections,
                                       .max_pending = config_.max_log_size.value + 64 * 1024,
                                       .idle_timeout = config_.connection_idle_timeout,
                                       .share_port = context_.shard > 0 || listeners_->shares_port(config_.listen_address)};
    if (std::string known = listeners_->resolved(config_.listen_address); context_.shard > 0 && !known.empty()) settings.endpoint = known;
    int inherited = listeners_->take(config_.listen_address, context_.shard);
    WEIR_ASSIGN(listener_, net::ByteListener::listen(executor, settings, context_.host.budget(), *this, inherited));
    if (context_.shard == 0) listeners_->resolve(config_.listen_address, listener_->endpoint());
    return {};
  }

  void share_listeners() override {
    if (listener_) listeners_->leave(config_.listen_address, context_.shard, listener_->share_listener());
  }

  void stop(io::Task done) override {
    if (!listener_) return done();
    listeners_->leave(config_.listen_address, context_.shard, listener_->release_listener());
    listener_->pause();
    input_->stop(std::move(done));
  }

 private:
  using Id = net::ByteListener::Id;
  struct Sender {
    PeerAttributes attributes;
    bool skipping = false;
  };

  void on_open(Id id, const net::SocketAddress& peer, const net::SocketAddress& local) override {
    Sender& sender = senders_[id];
    if (config_.add_attributes) sender.attributes = {"IP.TCP", peer, local};
  }
  void on_close(Id id) override { senders_.erase(id); }

  std::size_t on_bytes(Id id, std::string_view bytes, bool at_end) override {
    Sender& sender = senders_[id];
    auto attributes = sender.attributes.all();
    std::size_t used = octets_ ? by_octets(id, bytes, at_end, attributes) : by_lines(sender, bytes, at_end, attributes);
    if (input_->full()) {
      listener_->pause();
      input_->on_room([this] { listener_->resume(); });
    }
    return used;
  }

  std::size_t by_lines(Sender& sender, std::string_view bytes, bool at_end, std::span<const otlp::KeyValue> attributes) {
    if (config_.one_log_per_packet) {
      // Everything up to the end of the connection is one record.
      if (!at_end && bytes.size() < config_.max_log_size.value) return 0;
      if (!sender.skipping) take(bytes.substr(0, config_.max_log_size.value), attributes);
      sender.skipping = true;
      return bytes.size();
    }
    LineScan scan(lines_, bytes, at_end, sender.skipping);
    while (auto raw = scan.next()) take(*raw, attributes);
    if (!at_end) return scan.position();
    if (!scan.rest().empty()) take(scan.rest(), attributes);
    return bytes.size();
  }

  std::size_t by_octets(Id id, std::string_view bytes, bool at_end, std::span<const otlp::KeyValue> attributes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
      auto size = octet_frame(bytes.substr(used), config_.max_log_size.value);
      if (!size) {
        long long more = 0;
        if (said_.allow(more)) log::warn("Closing a connection that sends no lengths.", {{"receiver", context_.id.to_string()}, {"error", size.error().what}, {"suppressed", more}});
        context_.intake.refused(otlp::Signal::logs, "tcp", 1);
        context_.executor.post([this, id] { listener_->close(id); });
        return bytes.size();
      }
      if (*size == 0) {
        if (at_end) take(bytes.substr(used), attributes);
        break;
      }
      take(bytes.substr(used, *size), attributes);
      used += *size;
      while (used < bytes.size() && bytes[used] == '\n') ++used;
    }
    return used;
  }

  void take(std::string_view raw, std::span<const otlp::KeyValue> attributes) {
    Value body = lines_.read(raw, input_->memory());
    if (!body.text.empty()) input_->take(body, attributes);
  }

  TcpConfig config_;
  engine::ReceiverContext context_;
  std::unique_ptr<Input> input_;
  Lines lines_;
  bool octets_;
  std::map<Id, Sender> senders_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  std::unique_ptr<net::ByteListener> listener_;
  log::RateLimit said_;
};

class UdpReceiver final : public engine::Receiver, public engine::Listens {
 public:
  UdpReceiver(const UdpConfig& config, const engine::ReceiverContext& context, std::unique_ptr<Input> input, Lines lines)
      : config_(config), context_(context), input_(std::move(input)), lines_(std::move(lines)), listeners_(Listeners::of(context.host)) {}

  Result<> start() override {
    io::Executor& executor = context_.executor;
    net::DatagramSettings settings{.endpoint = config_.listen_address, .receive_buffer = 4 << 20,
                                   .share_port = context_.shard > 0 || listeners_->shares_port(config_.listen_address)};
    std::string key = "udp " + config_.listen_address;
    if (std::string known = listeners_->resolved(key); context_.shard > 0 && !known.empty()) settings.endpoint = known;
    WEIR_ASSIGN(socket_, net::DatagramSocket::listen(executor, settings, [this](const net::Datagram& datagram) { on_datagram(datagram); }));
    if (context_.shard == 0) listeners_->resolve(key, socket_->endpoint());
    return {};
  }
  // Both take datagrams for a moment.
  void share_listeners() override { listeners_->announce(config_.listen_address); }
  void stop(io::Task done) override {
    socket_.reset();
    input_->stop(std::move(done));
  }

 private:
  void on_datagram(const net::Datagram& datagram) {
    std::string_view bytes = datagram.bytes;
    while (!bytes.empty() && (bytes.back() == '\0' || bytes.back() == '\n' || bytes.back() == '\r')) bytes.remove_suffix(1);
    if (bytes.empty()) return;
    // Senders of datagrams cannot wait.
    if (input_->full()) return context_.intake.refused(otlp::Signal::logs, "udp", 1);
    PeerAttributes peer;
    if (config_.add_attributes) peer = {"IP.UDP", datagram.peer, net::SocketAddress()};
    auto attributes = peer.all();
    bool whole = config_.one_log_per_packet || (config_.multiline.line_start_pattern.empty() && config_.multiline.line_end_pattern.empty());
    if (whole) return take(bytes, attributes);
    bool skipping = false;
    LineScan scan(lines_, bytes, true, skipping);
    while (auto raw = scan.next()) take(*raw, attributes);
    if (!scan.rest().empty()) take(scan.rest(), attributes);
  }

  void take(std::string_view raw, std::span<const otlp::KeyValue> attributes) {
    Value body = lines_.read(raw, input_->memory());
    if (!body.text.empty()) input_->take(body, attributes);
  }

  UdpConfig config_;
  engine::ReceiverContext context_;
  std::unique_ptr<Input> input_;
  Lines lines_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  std::unique_ptr<net::DatagramSocket> socket_;
};

}  // namespace

std::span<const config::FieldInfo> TcpConfig::fields() {
  static const std::array rows{
      field<&TcpConfig::listen_address>("listen_address", "Where to listen, host:port.", {.required = true}),
      field<&TcpConfig::tls>("tls", "Encryption."),
      field<&TcpConfig::max_log_size>("max_log_size", "Longest line; the rest of a longer one becomes another.", {.min = 64 * 1024, .max = 64 << 20}),
      field<&TcpConfig::add_attributes>("add_attributes", "Adds net.transport, net.peer.* and net.host.*."),
      field<&TcpConfig::one_log_per_packet>("one_log_per_packet", "A connection is one record."),
      field<&TcpConfig::encoding>("encoding", "utf-8, utf-8-raw, ascii, nop, utf-16le, utf-16be, or another name that the system knows."),
      field<&TcpConfig::multiline>("multiline", "Entries that are longer than a line."),
      field<&TcpConfig::preserve_leading_whitespaces>("preserve_leading_whitespaces", "Keep white space in front of entries."),
      field<&TcpConfig::preserve_trailing_whitespaces>("preserve_trailing_whitespaces", "Keep white space behind entries."),
      field<&TcpConfig::max_connections>("max_connections", "Connections at a time, for each core; further ones are closed. 0: 16384."),
      field<&TcpConfig::connection_idle_timeout>("connection_idle_timeout", "Silent connections are closed after so long; 0: never.", {.min = 0s}),
  };
  return rows;
}

std::span<const config::FieldInfo> UdpAsync::fields() {
  static const std::array rows{
      field<&UdpAsync::readers>("readers", "Accepted; every core reads."),
      field<&UdpAsync::processors>("processors", "Accepted; every core works."),
      field<&UdpAsync::max_queue_length>("max_queue_length", "Accepted; what is under way is bounded in bytes."),
  };
  return rows;
}

std::span<const config::FieldInfo> UdpConfig::fields() {
  static const std::array rows{
      field<&UdpConfig::listen_address>("listen_address", "Where to listen, host:port.", {.required = true}),
      field<&UdpConfig::add_attributes>("add_attributes", "Adds net.transport, net.peer.* and net.host.*."),
      field<&UdpConfig::one_log_per_packet>("one_log_per_packet", "A datagram is one record, whatever multiline says."),
      field<&UdpConfig::encoding>("encoding", "utf-8, utf-8-raw, ascii, nop, utf-16le, utf-16be, or another name that the system knows."),
      field<&UdpConfig::multiline>("multiline", "How to divide datagrams; without it, each is one record."),
      field<&UdpConfig::preserve_leading_whitespaces>("preserve_leading_whitespaces", "Keep white space in front of entries."),
      field<&UdpConfig::preserve_trailing_whitespaces>("preserve_trailing_whitespaces", "Keep white space behind entries."),
      field<&UdpConfig::async>("async", "Accepted; receiving is never synchronous."),
  };
  return rows;
}

LineSettings TcpConfig::lines() const {
  return {encoding, multiline, preserve_leading_whitespaces, preserve_trailing_whitespaces, max_log_size.value};
}
LineSettings UdpConfig::lines() const { return {encoding, multiline, preserve_leading_whitespaces, preserve_trailing_whitespaces, 64 * 1024}; }

Result<> TcpConfig::check() const {
  WEIR_TRY(net::parse_endpoint(listen_address));
  WEIR_TRY(Lines::make(lines()));
  return {};
}
Result<> UdpConfig::check() const {
  WEIR_TRY(net::parse_endpoint(listen_address));
  WEIR_TRY(Lines::make(lines()));
  return {};
}

Result<std::size_t> octet_frame(std::string_view bytes, std::size_t most) {
  std::size_t n = std::min(bytes.find_first_not_of("0123456789"), bytes.size());
  if (n == 0 || bytes[0] == '0' || n > 9) return fail(Errc::invalid, "a message does not begin with its length");
  if (n == bytes.size()) return std::size_t{0};
  if (!std::isspace(static_cast<unsigned char>(bytes[n]))) return fail(Errc::invalid, "no space behind a length");
  auto length = static_cast<std::size_t>(parse_go_int(bytes.substr(0, n)).value_or(0));
  if (length > most) return fail(Errc::invalid, "a message of {} bytes is longer than {}", length, most);
  return bytes.size() < n + 1 + length ? std::size_t{0} : n + 1 + length;
}

Result<std::unique_ptr<engine::Receiver>> make_tcp_receiver(const TcpConfig& tcp, const InputConfig& settings, const engine::ReceiverContext& context,
                                                            bool octet_counting, std::unique_ptr<Operator> first) {
  WEIR_ASSIGN(auto input, Input::make(settings, context, "tcp", std::move(first)));
  WEIR_ASSIGN(auto lines, Lines::make(tcp.lines()));
  return std::make_unique<TcpReceiver>(tcp, context, std::move(input), std::move(lines), octet_counting);
}

Result<std::unique_ptr<engine::Receiver>> make_udp_receiver(const UdpConfig& udp, const InputConfig& settings, const engine::ReceiverContext& context,
                                                            std::unique_ptr<Operator> first) {
  WEIR_ASSIGN(auto input, Input::make(settings, context, "udp", std::move(first)));
  WEIR_ASSIGN(auto lines, Lines::make(udp.lines()));
  return std::make_unique<UdpReceiver>(udp, context, std::move(input), std::move(lines));
}

}  // namespace weir::stanza

#pragma once
// Lines that come over TCP and UDP, for the receivers tcplog, udplog and syslog.
#include "components/shared/listeners/listeners.h"
#include "components/shared/net_config/server.h"
#include "components/shared/stanza/input.h"
#include "components/shared/stanza/lines.h"
#include "net/byte_listener.h"
#include "net/datagram.h"

namespace weir::stanza {

struct TcpConfig {
  std::string listen_address;
  std::optional<net_config::ServerTls> tls;
  config::ByteSize max_log_size{1024 * 1024};
  bool add_attributes = false, one_log_per_packet = false;
  std::string encoding = "utf-8";
  MultilineConfig multiline;
  bool preserve_leading_whitespaces = false, preserve_trailing_whitespaces = false;
  std::uint64_t max_connections = 0;
  Duration connection_idle_timeout = 0s;

  static std::span<const config::FieldInfo> fields();
  Result<> check() const;
  LineSettings lines() const;
};

struct UdpAsync {
  std::uint64_t readers = 1, processors = 1, max_queue_length = 100;
  static std::span<const config::FieldInfo> fields();
};

struct UdpConfig {
  std::string listen_address;
  bool add_attributes = false, one_log_per_packet = false;
  std::string encoding = "utf-8";
  MultilineConfig multiline;
  bool preserve_leading_whitespaces = false, preserve_trailing_whitespaces = false;
  std::optional<UdpAsync> async;

  static std::span<const config::FieldInfo> fields();
  Result<> check() const;
  LineSettings lines() const;
};

// A receiver of one core: listens, cuts lines, and waits while the pipelines are full (UDP: drops and counts).
// `octet_counting`: messages with their length in front (RFC 6587). `first`: the receiver's own parser.
Result<std::unique_ptr<engine::Receiver>> make_tcp_receiver(const TcpConfig& tcp, const InputConfig& input, const engine::ReceiverContext& context,
                                                            bool octet_counting = false, std::unique_ptr<Operator> first = nullptr);
Result<std::unique_ptr<engine::Receiver>> make_udp_receiver(const UdpConfig& udp, const InputConfig& input, const engine::ReceiverContext& context,
                                                            std::unique_ptr<Operator> first = nullptr);

// The length of a frame "12 message" at the front, with what says it; 0: more is needed. Errc::invalid when it is none.
Result<std::size_t> octet_frame(std::string_view bytes, std::size_t most);

}  // namespace weir::stanza

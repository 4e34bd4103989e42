#include "components/receivers/jaeger/config.h"

namespace weir::receivers::jaeger {

using config::field;

std::span<const config::FieldInfo> Grpc::fields() { return net_config::GrpcServer::fields(); }
std::span<const config::FieldInfo> ThriftHttp::fields() { return net_config::HttpServer::fields(); }

std::span<const config::FieldInfo> Udp::fields() {
  static const std::array rows{
      field<&Udp::endpoint>("endpoint", "Address and port to listen on."),
      field<&Udp::max_packet_size>("max_packet_size", "A longer datagram is dropped and counted as refused.", {.min = 1, .max = 65'535}),
      field<&Udp::socket_buffer_size>("socket_buffer_size", "Of the kernel, in bytes; 0: the system's default."),
      field<&Udp::queue_size>("queue_size", "Accepted: weir keeps no queue in front of its pipelines."),
      field<&Udp::workers>("workers", "Accepted: every core takes datagrams."),
  };
  return rows;
}

std::span<const config::FieldInfo> Protocols::fields() {
  static const std::array rows{
      field<&Protocols::grpc>("grpc", "jaeger.api_v2.CollectorService, from agents and SDKs; the key alone switches it on."),
      field<&Protocols::thrift_http>("thrift_http", "POST /api/traces with binary Thrift; the key alone switches it on."),
      field<&Protocols::thrift_compact>("thrift_compact", "The agent's UDP port for compact Thrift; the key alone switches it on."),
      field<&Protocols::thrift_binary>("thrift_binary", "The agent's UDP port for binary Thrift; the key alone switches it on."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{field<&Config::protocols>("protocols", "What to listen for.", {.required = true})};
  return rows;
}

Result<> Config::validate() const {
  if (!protocols.grpc && !protocols.thrift_http && !protocols.thrift_compact && !protocols.thrift_binary)
    return fail(Errc::config, "must specify at least one protocol when using the Jaeger receiver");
  return {};
}

}  // namespace weir::receivers::jaeger

#pragma once
#include "components/exporters/loadbalancing/ring.h"
#include "components/shared/otlp_grpc/config.h"

namespace weir::exporters::loadbalancing {

enum class RoutingKey : std::uint8_t { standard, trace_id, service, resource, metric, stream_id, attributes };

struct Protocol {
  otlp_grpc::Config otlp{.client = {.endpoint = "placeholder:4317"}};
  static std::span<const config::FieldInfo> fields();
};

struct StaticResolver {
  std::vector<std::string> hostnames;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct DnsResolver {
  std::string hostname, port;
  Duration interval = 5s, timeout = 1s;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct KubernetesResolver {
  std::string service;
  std::vector<std::uint16_t> ports;
  Duration timeout = 1min;
  bool return_hostnames = false;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct CloudMapResolver {
  std::string namespace_name, service_name;
  std::string health_status = "HEALTHY", owner_account;
  Duration interval = 30s, timeout = 5s;
  std::optional<std::uint16_t> port;
  static std::span<const config::FieldInfo> fields();
};

struct Resolvers {
  std::optional<StaticResolver> fixed;
  std::optional<DnsResolver> dns;
  std::optional<KubernetesResolver> k8s;
  std::optional<CloudMapResolver> aws_cloud_map;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

// Why a resolver cannot work in this build; empty when it can.
std::string missing_client(const Resolvers& config);

struct Config {
  Config();
  exporting::Config front;  // in front of routing; off unless set
  Protocol protocol;
  Resolvers resolver;
  RoutingKey routing_key = RoutingKey::standard;
  std::vector<std::string> routing_attributes;
  RingVersion ring = RingVersion::v0_158;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

// host:port of a backend as it stands on the ring, whatever of it was left out.
std::string address_of(const std::string& endpoint);

// What `standard` stands for; fails for a key that the signal does not have.
Result<RoutingKey> routing_key_for(const Config& config, otlp::Signal signal);

}  // namespace weir::exporters::loadbalancing

#pragma once
// Settings of Kafka clients as users write them, and what librdkafka calls them.
#include "components/shared/net_config/client.h"

namespace weir::kafka {

// librdkafka's settings by its own names. May hold secrets.
using Properties = std::vector<std::pair<std::string, std::string>>;

struct PlainText {
  std::string username;
  config::Secret password;
  static std::span<const config::FieldInfo> fields();
};

struct Sasl {
  std::string username;
  config::Secret password;
  std::string mechanism;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Authentication {
  std::optional<PlainText> plain_text;
  std::optional<Sasl> sasl;
  std::optional<net_config::ClientTls> tls;
  static std::span<const config::FieldInfo> fields();
};

struct MetadataRetry {
  std::uint64_t max = 3;
  Duration backoff = 250ms;
  static std::span<const config::FieldInfo> fields();
};

struct Metadata {
  bool full = true;
  Duration refresh_interval = 10min;
  MetadataRetry retry;
  static std::span<const config::FieldInfo> fields();
};

struct Client {
  std::vector<std::string> brokers{"localhost:9092"};
  std::string client_id = "otel-collector";
  std::string protocol_version;
  Authentication auth;
  std::optional<net_config::ClientTls> tls;
  Metadata metadata;
  std::string rack_id;
  Duration conn_idle_timeout = 9min;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  Properties properties() const;
};

}  // namespace weir::kafka

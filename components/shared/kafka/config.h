#pragma once
// Settings of Kafka clients as users write them, and what librdkafka calls them.
#include "components/shared/net_config/client.h"
#include "otlp/batch.h"

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

// Topic and encoding of each signal, and the older ones that hold for all signals without their own.
template <class Own>
struct PerSignal {
  Own traces, metrics, logs, profiles;
  std::string topic;
  decltype(Own::encoding) encoding;

  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        config::field<&PerSignal::traces>("traces", "Traces."),
        config::field<&PerSignal::metrics>("metrics", "Metrics."),
        config::field<&PerSignal::logs>("logs", "Logs."),
        config::field<&PerSignal::profiles>("profiles", "Profiles."),
        config::field<&PerSignal::topic>("topic", "Old: topic of signals that have none of their own."),
        config::field<&PerSignal::encoding>("encoding", "Old: encoding of signals that have none of their own."),
    };
    return rows;
  }
  const Own& of(otlp::Signal signal) const {
    switch (signal) {
      case otlp::Signal::metrics: return metrics;
      case otlp::Signal::logs: return logs;
      case otlp::Signal::profiles: return profiles;
      default: return traces;
    }
  }
  // The topic of signals without one of their own.
  std::string common_topic(otlp::Signal signal) const {
    if (!topic.empty()) return topic;
    return signal == otlp::Signal::traces ? "otlp_spans" : fmt::format("otlp_{}", to_string(signal));
  }
};

// As librdkafka takes durations.
std::string millis(Duration d);

}  // namespace weir::kafka

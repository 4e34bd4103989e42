#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/kafka/config.h"

namespace weir::exporters::kafka {

enum class Encoding : std::uint8_t { otlp_proto, otlp_json, zipkin_proto, zipkin_json, jaeger_proto, jaeger_json, raw };
std::span<const config::Choice> choices_of(Encoding);

// `all`: for 10000 and what else means that every replica in step has to have it.
enum class Acks : std::int8_t { all = -1, none = 0, leader = 1 };
std::span<const config::Choice> choices_of(Acks);

struct SignalConfig {
  std::string topic, topic_from_metadata_key, message_key_from_metadata_key;
  std::optional<Encoding> encoding;
  static std::span<const config::FieldInfo> fields();
};

struct CompressionParams {
  std::int64_t level = 0;
  static std::span<const config::FieldInfo> fields();
};

struct ProducerConfig {
  std::uint64_t max_message_bytes = 1'000'000;
  Acks required_acks = Acks::leader;
  std::string compression = "none";
  CompressionParams compression_params;
  std::uint64_t flush_max_messages = 10'000;
  bool allow_auto_topic_creation = true;
  Duration linger = 10ms;
  static std::span<const config::FieldInfo> fields();
};

struct Nothing {
  static std::span<const config::FieldInfo> fields();
};

struct StickyKey {
  std::string hasher = "sarama_compat";
  static std::span<const config::FieldInfo> fields();
};

struct Partitioner {
  std::optional<StickyKey> sticky_key;
  std::optional<Nothing> round_robin;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct RecordHeader {
  std::string name, value;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  exporting::Config exporting;
  weir::kafka::Client client;
  ProducerConfig producer;
  weir::kafka::PerSignal<SignalConfig> signals;
  std::vector<std::string> include_metadata_keys;
  std::vector<RecordHeader> record_headers;
  std::string topic_from_attribute;
  bool partition_traces_by_id = false, partition_metrics_by_resource_attributes = false;
  bool partition_logs_by_resource_attributes = false, partition_logs_by_trace_id = false;
  Partitioner record_partitioner;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  Encoding encoding_of(otlp::Signal signal) const;
  std::string topic_of(otlp::Signal signal) const;
  weir::kafka::Properties properties() const;
};

// What is wrong with it for this signal.
Result<> check(const Config& config, otlp::Signal signal);

}  // namespace weir::exporters::kafka

#include "components/exporters/kafka/config.h"

#include "components/shared/kafka/client.h"

namespace weir::exporters::kafka {
namespace {

constexpr std::int64_t most_compression = 12;  // of librdkafka

}  // namespace

using config::field;
using config::FieldInfo;
using otlp::Signal;

std::span<const config::Choice> choices_of(Encoding) {
  static constexpr config::Choice rows[] = {{"otlp_proto", Encoding::otlp_proto},     {"otlp_json", Encoding::otlp_json},     {"zipkin_proto", Encoding::zipkin_proto},
                                            {"zipkin_json", Encoding::zipkin_json},   {"jaeger_proto", Encoding::jaeger_proto}, {"jaeger_json", Encoding::jaeger_json},
                                            {"raw", Encoding::raw}};
  return rows;
}

std::span<const config::Choice> choices_of(Acks) {
  static constexpr config::Choice rows[] = {{"1", Acks::leader}, {"0", Acks::none}, {"all", Acks::all}, {"-1", Acks::all}};
  return rows;
}

std::span<const FieldInfo> SignalConfig::fields() {
  using T = SignalConfig;
  static const std::array rows{
      field<&T::topic>("topic", "Topic. Default: otlp_spans, otlp_metrics, otlp_logs, otlp_profiles."),
      field<&T::topic_from_metadata_key>("topic_from_metadata_key", "Metadata of the request that names the topic, where there is some."),
      field<&T::message_key_from_metadata_key>("message_key_from_metadata_key", "Metadata of the request that is the messages' key, where there is some."),
      field<&T::encoding>("encoding", "Traces: also zipkin_* and jaeger_*, one span for each message; logs: also raw, one body for each. Default: otlp_proto."),
  };
  return rows;
}

std::span<const FieldInfo> CompressionParams::fields() {
  static const std::array rows{field<&CompressionParams::level>("level", "Level of the codec; 0 is its default. Above 12 is 12.", {.min = 0, .max = 22})};
  return rows;
}

std::span<const FieldInfo> ProducerConfig::fields() {
  using T = ProducerConfig;
  static const std::array rows{
      field<&T::max_message_bytes>("max_message_bytes", "Longest message. What is longer is cut between items; an item that is longer by itself is dropped.", {.min = 1000, .max = 1'000'000'000}),
      config::ignored("max_broker_write_bytes", "requests to brokers are bounded by max_message_bytes"),
      field<&T::required_acks>("required_acks", "Who has to have a message: no broker (0), its leader (1), all replicas in step (all)."),
      field<&T::compression>("compression", "Codec.", {.choices = "none|gzip|snappy|lz4|zstd"}),
      field<&T::compression_params>("compression_params", "How hard to compress."),
      field<&T::flush_max_messages>("flush_max_messages", "Most messages in one request to a broker.", {.min = 1, .max = 1'000'000}),
      field<&T::allow_auto_topic_creation>("allow_auto_topic_creation", "Topics may come into being by being written to."),
      field<&T::linger>("linger", "How long messages wait for others to go with.", {.max = 15min}),
  };
  return rows;
}

std::span<const FieldInfo> Nothing::fields() { return {}; }

std::span<const FieldInfo> StickyKey::fields() {
  static const std::array rows{field<&StickyKey::hasher>("hasher", "Hash of keys: FNV-1a as older collectors have it, or murmur2 as Java clients have it.", {.choices = "sarama_compat|murmur2"})};
  return rows;
}

std::span<const FieldInfo> Partitioner::fields() {
  static const std::array rows{
      field<&Partitioner::sticky_key>("sticky_key", "By the hash of the key; without a key any partition. The default."),
      field<&Partitioner::round_robin>("round_robin", "Partitions in turn, whatever the key."),
  };
  return rows;
}

void Partitioner::validate(config::Context& context) const {
  if (sticky_key && round_robin) context.error_at("", "at most one record_partitioner strategy may be configured");
}

std::span<const FieldInfo> RecordHeader::fields() {
  static const std::array rows{
      field<&RecordHeader::name>("name", "Header.", {.required = true, .aliases = "key"}),
      field<&RecordHeader::value>("value", "Value."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      config::embedded<&T::client>(),
      field<&T::producer>("producer", "How messages are written."),
      config::embedded<&T::signals>(),
      field<&T::include_metadata_keys>("include_metadata_keys", "Metadata of the request that goes along as headers."),
      field<&T::record_headers>("record_headers", "Headers of every message."),
      field<&T::topic_from_attribute>("topic_from_attribute", "Attribute of the resource that names the topic, where there is one."),
      field<&T::partition_traces_by_id>("partition_traces_by_id", "A message for each trace, whose id is the key."),
      field<&T::partition_metrics_by_resource_attributes>("partition_metrics_by_resource_attributes", "A message for each resource, whose hash is the key."),
      field<&T::partition_logs_by_resource_attributes>("partition_logs_by_resource_attributes", "The same for logs."),
      field<&T::partition_logs_by_trace_id>("partition_logs_by_trace_id", "A message for each trace id, which is the key."),
      field<&T::record_partitioner>("record_partitioner", "Which partition a message goes to."),
      config::embedded<&T::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (partition_logs_by_resource_attributes && partition_logs_by_trace_id)
    context.error_at("", "partition_logs_by_resource_attributes and partition_logs_by_trace_id cannot both be enabled");
  auto exclusive = [&](const SignalConfig& signal, bool partitioned, std::string_view what) {
    if (!signal.message_key_from_metadata_key.empty() && partitioned) context.error_at("", fmt::format("{0}::message_key_from_metadata_key cannot be combined with partition_{0}_*", what));
  };
  exclusive(signals.traces, partition_traces_by_id, "traces");
  exclusive(signals.metrics, partition_metrics_by_resource_attributes, "metrics");
  exclusive(signals.logs, partition_logs_by_resource_attributes || partition_logs_by_trace_id, "logs");
  if (auto checked = weir::kafka::check(properties()); !checked) context.machine_error_at("", checked.error().what);
}

Encoding Config::encoding_of(Signal signal) const { return signals.of(signal).encoding.value_or(signals.encoding.value_or(Encoding::otlp_proto)); }

std::string Config::topic_of(Signal signal) const {
  auto& own = signals.of(signal).topic;
  return own.empty() ? signals.common_topic(signal) : own;
}

weir::kafka::Properties Config::properties() const {
  auto out = client.properties();
  using weir::kafka::millis;
  // librdkafka adds what surrounds a message.
  out.emplace_back("message.max.bytes", std::to_string(producer.max_message_bytes + 1024));
  out.emplace_back("request.required.acks", std::to_string(static_cast<int>(producer.required_acks)));
  out.emplace_back("compression.codec", producer.compression);
  if (producer.compression_params.level > 0) out.emplace_back("compression.level", std::to_string(std::min(producer.compression_params.level, most_compression)));
  out.emplace_back("batch.num.messages", std::to_string(producer.flush_max_messages));
  out.emplace_back("allow.auto.create.topics", producer.allow_auto_topic_creation ? "true" : "false");
  out.emplace_back("queue.buffering.max.ms", millis(producer.linger));
  out.emplace_back("queue.buffering.max.messages", "1000000");
  out.emplace_back("message.timeout.ms", millis(exporting.timeout));
  bool murmur = record_partitioner.sticky_key && record_partitioner.sticky_key->hasher == "murmur2";
  out.emplace_back("partitioner", murmur ? "murmur2_random" : "fnv1a_random");
  return out;
}

Result<> check(const Config& config, Signal signal) {
  Encoding encoding = config.encoding_of(signal);
  bool otlp = encoding == Encoding::otlp_proto || (encoding == Encoding::otlp_json && signal != Signal::profiles);
  bool raw = encoding == Encoding::raw;
  if (otlp || (signal == Signal::logs ? raw : signal == Signal::traces && !raw)) return {};
  std::string_view name = "";
  for (auto& choice : choices_of(encoding))
    if (choice.value == static_cast<std::int64_t>(encoding)) name = choice.name;
  return fail(Errc::config, "unrecognized {} encoding \"{}\"", to_string(signal), name);
}

}  // namespace weir::exporters::kafka

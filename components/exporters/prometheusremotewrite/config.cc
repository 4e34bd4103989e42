#include "components/exporters/prometheusremotewrite/config.h"

#include "base/gates.h"
#include "base/text.h"
#include "components/exporters/prometheusremotewrite/exporter.h"
#include "engine/decode.h"

namespace weir::remote_write {

std::span<const config::Choice> choices_of(Version) {
  static constexpr std::array choices{config::Choice("prometheus.WriteRequest", Version::v1),
                                      config::Choice("io.prometheus.write.v2.Request", Version::v2)};
  return choices;
}

}  // namespace weir::remote_write

namespace weir::exporters::prometheusremotewrite {
namespace {

using config::field;

constexpr std::array<std::string_view, 4> reserved_headers = {"content-encoding", "content-type", "user-agent", "x-prometheus-remote-write-version"};

bool is_reserved(std::string_view header) {
  return std::ranges::any_of(reserved_headers, [&](auto name) { return equal_ignore_case(name, header); });
}

prometheus::LabelNamer external_namer() {
  return {.prefix_underscore = !gates::enabled("pkg.translator.prometheus.PermissiveLabelSanitization")};
}

}  // namespace

std::span<const config::FieldInfo> TargetInfo::fields() {
  static const std::array rows{
      field<&TargetInfo::enabled>("enabled", "Send the other resource attributes as the metric target_info."),
  };
  return rows;
}

std::span<const config::FieldInfo> RemoteWriteQueue::fields() {
  static const std::array rows{
      field<&RemoteWriteQueue::enabled>("enabled", "Answer senders when a batch is queued rather than when it is delivered."),
      field<&RemoteWriteQueue::queue_size>("queue_size", "Batches that may wait; not set: 10000 in memory, max_disk_size on disk."),
      field<&RemoteWriteQueue::num_consumers>("num_consumers", "Requests being sent at one time, each with series of its own.", {.max = 1000}),
      field<&RemoteWriteQueue::durable>("durable", "Keep the queue on disk where the process has a place for it."),
      field<&RemoteWriteQueue::storage>("storage", "Storage extension for the queue, in place of the data directory."),
      field<&RemoteWriteQueue::max_disk_size>("max_disk_size", "Room on disk."),
      field<&RemoteWriteQueue::max_age>("max_age", "Older batches on disk are dropped; 0 is never.", {.min = 0s}),
  };
  return rows;
}

Config::Config() {
  client.compression = "snappy";
  retry_on_failure.initial_interval = 50ms;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      config::embedded<&Config::client>(),
      field<&Config::timeout>("timeout", "For one request; 0 is no limit.", {.min = 0s}),
      field<&Config::retry_on_failure>("retry_on_failure", "What happens after an error that may pass."),
      field<&Config::remote_write_queue>("remote_write_queue", "Batches that wait for being sent, in order."),
      field<&Config::name_space>("namespace", "Put in front of every metric's name."),
      field<&Config::external_labels>("external_labels", "Labels of every series that does not have them itself."),
      field<&Config::max_batch_size_bytes>("max_batch_size_bytes", "A request is cut at about this size before compression; 0 is 3000000."),
      field<&Config::max_batch_request_parallelism>("max_batch_request_parallelism", "Takes the place of remote_write_queue::num_consumers.", {.min = 1, .max = 1000}),
      field<&Config::resource_to_telemetry_conversion>("resource_to_telemetry_conversion", "Resource attributes as labels."),
      field<&Config::target_info>("target_info", "The metric with the attributes of a resource."),
      field<&Config::disable_scope_info>("disable_scope_info", "No labels with the scope's name, version and attributes."),
      field<&Config::add_metric_suffixes>("add_metric_suffixes", "Append unit and type to names.", {.deprecated = "use translation_strategy"}),
      field<&Config::translation_strategy>("translation_strategy", "How names become Prometheus's. The two without escaping need 2.0."),
      field<&Config::send_metadata>("send_metadata", "Send type, help and unit with 1.0; 2.0 always does."),
      field<&Config::protobuf_message>("protobuf_message", "Version of the protocol: 1.0 or 2.0."),
      field<&Config::include_metadata_keys>("include_metadata_keys", "Request headers of the sender that are sent on (needs include_metadata on the receiver)."),
      field<&Config::convert_explicit_histograms_to_nhcb>("convert_explicit_histograms_to_nhcb", "Send explicit histograms as native ones with custom buckets."),
      field<&Config::keep_classic_histograms>("keep_classic_histograms", "And beside that as series for each bucket."),
      config::ignored("export_created_metric", "start times travel with the samples of 2.0"),
      config::ignored("wal", "the queue itself is on disk where the process has a place for it"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  bool is_url = client.endpoint.starts_with("http://") || client.endpoint.starts_with("https://");
  if (!is_url) context.error_at("endpoint", "invalid endpoint");
  if (!client.compression.empty() && client.compression != "snappy" && client.compression != "zstd") context.error_at("compression", "compression type must be snappy (or zstd, for VictoriaMetrics)");
  if (remote_write_queue.enabled && remote_write_queue.queue_size == std::uint64_t{0}) context.error_at("remote_write_queue::queue_size", "a 0 size queue will drop all the data");
  if (protobuf_message == Protocol::v1 && translation_strategy && !prometheus::escapes(*translation_strategy))
    context.error_at("translation_strategy", "requires Prometheus Remote Write 2.0 (UTF-8 support)");
  for (auto& [key, value] : external_labels)
    if (key.empty() || value.empty() || !external_namer().build(key))
      context.error_at("external_labels", "external labels configuration contains an empty key or value");
  for (auto& key : include_metadata_keys)
    if (is_reserved(key)) context.error_at("include_metadata_keys", fmt::format("\"{}\" collides with a reserved remote write header", key));
}

TranslationSettings Config::translation() const {
  TranslationSettings out{.name_space = name_space,
                          .strategy = add_metric_suffixes ? Strategy::underscores_with_suffixes : Strategy::underscores,
                          .external_labels = {},
                          .conversion = resource_to_telemetry_conversion,
                          .version = protobuf_message,
                          .target_info = target_info.enabled,
                          .scope_info = !disable_scope_info,
                          .metadata = send_metadata,
                          .custom_buckets = convert_explicit_histograms_to_nhcb,
                          .classic_beside = keep_classic_histograms};
  if (translation_strategy) out.strategy = *translation_strategy;
  for (auto& [key, value] : external_labels)
    if (auto name = external_namer().build(key)) out.external_labels.emplace_back(*name, value);
  return out;
}

exporting::Settings Config::exporting() const {
  // Waiting batches are joined, so that a backlog leaves in large requests.
  constexpr exporting::QueueBatchSettings joined{.flush_timeout = 0s, .sizer = exporting::Sizer::items, .min_size = 10'000, .max_size = 0};
  exporting::Settings out{.timeout = timeout, .retry = retry_on_failure, .queue = {}, .endpoint = {}};
  out.queue.enabled = remote_write_queue.enabled;
  out.queue.queue_size = remote_write_queue.queue_size;
  out.queue.in_order = true;
  out.queue.batch = joined;
  out.queue.durable = remote_write_queue.durable;
  out.queue.storage = remote_write_queue.storage.to_string();
  out.queue.max_disk_bytes = remote_write_queue.max_disk_size.value;
  out.queue.max_age = remote_write_queue.max_age;
  return out;
}

std::size_t Config::lanes() const {
  return std::max<std::uint64_t>(1, max_batch_request_parallelism.value_or(remote_write_queue.num_consumers));
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "prometheusremotewrite",
          .aliases = {"prometheus_remote_write"},
          .summary = "Sends metrics to Prometheus, Mimir and others by remote write.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::resource; },
          .durability = [](const void* config, const engine::StorageInfo& storage) {
            return exporting::durability(static_cast<const Config*>(config)->exporting(), storage);
          },
          .make_stage = [](const void* config, engine::StageContext& context) { return make(*static_cast<const Config*>(config), context); }};
}

}  // namespace weir::exporters::prometheusremotewrite

#pragma once
#include "components/exporters/prometheusremotewrite/translate.h"
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::exporters::prometheusremotewrite {

using Protocol = remote_write::Version;

struct TargetInfo {
  bool enabled = true;
  static std::span<const config::FieldInfo> fields();
};

struct RemoteWriteQueue {
  bool enabled = true;
  std::optional<std::uint64_t> queue_size;
  std::uint64_t num_consumers = 5;
  bool durable = true;
  storage::StorageId storage;
  config::ByteSize max_disk_size{exporting::QueueSettings{}.max_disk_bytes};
  Duration max_age{};
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Config();
  net_config::HttpClient client;
  Duration timeout = 5s;
  exporting::RetryConfig retry_on_failure;
  RemoteWriteQueue remote_write_queue;
  std::string name_space;
  std::map<std::string, std::string> external_labels;
  std::uint64_t max_batch_size_bytes = 3'000'000;
  std::optional<std::uint64_t> max_batch_request_parallelism;
  prometheus::ResourceConversion resource_to_telemetry_conversion;
  TargetInfo target_info;
  bool disable_scope_info = false;
  bool add_metric_suffixes = true;
  std::optional<Strategy> translation_strategy;
  bool send_metadata = false;
  Protocol protobuf_message = Protocol::v1;
  std::vector<std::string> include_metadata_keys;
  bool convert_explicit_histograms_to_nhcb = false;
  bool keep_classic_histograms = false;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  TranslationSettings translation() const;
  exporting::Settings exporting() const;
  // Requests to the backend at one time, on one core.
  std::size_t lanes() const;
};

}  // namespace weir::exporters::prometheusremotewrite

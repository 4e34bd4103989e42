#pragma once
// timeout, retry_on_failure and sending_queue as users write them; embedded in the settings of exporters.
#include "components/shared/exporting/exporting.h"
#include "components/shared/storage/storage_id.h"
#include "config/field.h"

namespace weir::storage {

std::span<const config::Choice> choices_of(Sync);

}  // namespace weir::storage

namespace weir::exporting {

std::span<const config::Choice> choices_of(Sizer);
std::span<const config::Choice> choices_of(Overflow);

struct RetryConfig : RetrySettings {
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct PartitionConfig {
  std::vector<std::string> metadata_keys;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct QueueBatchConfig {
  Duration flush_timeout = QueueBatchSettings{}.flush_timeout;
  std::optional<Sizer> sizer;
  std::uint64_t min_size = QueueBatchSettings{}.min_size;
  std::uint64_t max_size = QueueBatchSettings{}.max_size;
  PartitionConfig partition;

  QueueBatchSettings settings(std::optional<Sizer> of_queue) const;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct QueueConfig {
  bool enabled = true;
  std::uint64_t num_consumers = 10;
  std::optional<std::uint64_t> queue_size;
  std::optional<Sizer> sizer;
  bool block_on_overflow = false;
  bool wait_for_result = false;
  weir::storage::StorageId storage;
  std::optional<QueueBatchConfig> batch;
  Overflow overflow = Overflow::refuse;
  bool durable = true;
  std::optional<storage::Sync> sync;
  Duration sync_interval = 1s;
  config::ByteSize max_disk_size{QueueSettings{}.max_disk_bytes};
  Duration max_age{};
  bool newest_first = false;
  config::ByteSize dead_letter_size{QueueSettings{}.dead_letter_bytes};

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  Duration timeout = 5s;
  RetryConfig retry_on_failure;
  std::optional<QueueConfig> sending_queue = QueueConfig{};

  Settings settings() const;
  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::exporting

#include "components/shared/exporting/config.h"

#include <set>

#include "base/text.h"

namespace weir::storage {

std::span<const config::Choice> choices_of(Sync) {
  static constexpr std::array choices{config::Choice("never", Sync::never), config::Choice("interval", Sync::interval),
                                      config::Choice("always", Sync::always)};
  return choices;
}

}  // namespace weir::storage

namespace weir::exporting {

using config::field;
using config::FieldInfo;

std::span<const config::Choice> choices_of(Sizer) {
  static constexpr std::array choices{config::Choice("requests", Sizer::requests), config::Choice("items", Sizer::items),
                                      config::Choice("bytes", Sizer::bytes)};
  return choices;
}

std::span<const config::Choice> choices_of(Overflow) {
  static constexpr std::array choices{config::Choice("refuse", Overflow::refuse), config::Choice("drop_oldest", Overflow::drop_oldest),
                                      config::Choice("drop_newest", Overflow::drop_newest)};
  return choices;
}

std::span<const FieldInfo> RetryConfig::fields() {
  using T = RetrySettings;
  static const std::array rows{
      field<&T::enabled>("enabled", "Try again after errors that may pass."),
      field<&T::initial_interval>("initial_interval", "Wait before the second attempt.", {.min = 0s}),
      field<&T::randomization_factor>("randomization_factor", "Waits are drawn from this share around their value.", {.min = 0, .max = 1}),
      field<&T::multiplier>("multiplier", "Each wait is this many times the one before.", {.min = 0}),
      field<&T::max_interval>("max_interval", "Longest wait.", {.min = 0s}),
      field<&T::max_elapsed_time>("max_elapsed_time", "Give up this long after the first attempt; 0 is never. Default: 5m from a queue in memory, never from one on disk.", {.min = 0s}),
  };
  return rows;
}

Result<> RetryConfig::validate() const {
  if (!enabled || !max_elapsed_time || *max_elapsed_time == 0s) return {};
  if (*max_elapsed_time < initial_interval) return fail(Errc::config, "'max_elapsed_time' must not be less than 'initial_interval'");
  if (*max_elapsed_time < max_interval) return fail(Errc::config, "'max_elapsed_time' must not be less than 'max_interval'");
  return {};
}

std::span<const FieldInfo> PartitionConfig::fields() {
  static const std::array rows{
      field<&PartitionConfig::metadata_keys>("metadata_keys", "Requests with other values of these are not joined; any case (needs include_metadata on the receiver)."),
  };
  return rows;
}

Result<> PartitionConfig::validate() const {
  std::set<std::string> seen;
  for (auto& key : metadata_keys)
    if (auto lower = to_lower(key); !seen.insert(lower).second) return fail(Errc::config, "duplicate entry in metadata_keys: \"{}\" (case-insensitive)", lower);
  return {};
}

std::span<const FieldInfo> QueueBatchConfig::fields() {
  using T = QueueBatchConfig;
  static const std::array rows{
      field<&T::flush_timeout>("flush_timeout", "A batch is sent at the latest this long after its first request.", {.min = 1ns}),
      field<&T::sizer>("sizer", "Unit of min_size and max_size: items or bytes. Default: the queue's where that is set, else items."),
      field<&T::min_size>("min_size", "A batch of this size is sent at once."),
      field<&T::max_size>("max_size", "Larger batches are cut; 0 is no limit."),
      field<&T::partition>("partition", "What is batched separately."),
  };
  return rows;
}

Result<> QueueBatchConfig::validate() const {
  if (max_size != 0 && max_size < min_size) return fail(Errc::config, "`max_size` must be greater than or equal to `min_size`");
  return {};
}

QueueBatchSettings QueueBatchConfig::settings(std::optional<Sizer> of_queue) const {
  QueueBatchSettings out{.flush_timeout = flush_timeout, .sizer = sizer.value_or(of_queue.value_or(Sizer::items)), .min_size = min_size, .max_size = max_size};
  for (auto& key : partition.metadata_keys) out.metadata_keys.push_back(to_lower(key));
  return out;
}

std::span<const FieldInfo> QueueConfig::fields() {
  static const std::array rows{
      field<&QueueConfig::enabled>("enabled", "Answer senders when a request is queued rather than when it is delivered."),
      field<&QueueConfig::num_consumers>("num_consumers", "Requests being sent at one time.", {.min = 1}),
      field<&QueueConfig::queue_size>("queue_size", "Room, in units of sizer. Default: 1000 in memory, max_disk_size on disk.", {.min = 1}),
      field<&QueueConfig::sizer>("sizer", "What queue_size counts. Default: requests."),
      field<&QueueConfig::block_on_overflow>("block_on_overflow", "Senders wait when the queue is full instead of being refused.", {.aliases = "blocking"}),
      field<&QueueConfig::wait_for_result>("wait_for_result", "Senders hear the backend's answer."),
      field<&QueueConfig::storage>("storage", "Storage extension that says where the queue is on disk. Default: the data directory."),
      field<&QueueConfig::batch>("batch", "Join and cut requests in the queue."),
      field<&QueueConfig::overflow>("overflow", "What becomes of a request that finds the queue full."),
      field<&QueueConfig::durable>("durable", "Keep the queue on disk where there is a place; a request is answered when it is written."),
      field<&QueueConfig::sync>("sync", "When the disk has to have it: never, once in an interval, or always before the answer. Default: always with fsync of the storage extension, else interval."),
      field<&QueueConfig::sync_interval>("sync_interval", "What a power cut may cost with sync: interval.", {.min = 1ms}),
      field<&QueueConfig::max_disk_size>("max_disk_size", "Room on disk."),
      field<&QueueConfig::max_age>("max_age", "Older requests are dropped when they are read from disk; 0 is no limit.", {.min = 0s}),
      field<&QueueConfig::newest_first>("newest_first", "Send what came last before what waits on disk."),
      field<&QueueConfig::dead_letter_size>("dead_letter_size", "Room on disk for requests that the backend refused for good; 0 keeps none."),
  };
  return rows;
}

Result<> QueueConfig::validate() const {
  if (!enabled || !batch) return {};
  Sizer unit = batch->settings(sizer).sizer;
  if (unit == Sizer::requests) return fail(Errc::config, "`batch` supports only `items` or `bytes` sizer, found \"requests\"");
  if (sizer.value_or(Sizer::requests) == unit && batch->min_size > queue_size.value_or(batch->min_size))
    return fail(Errc::config, "`min_size` must be less than or equal to `queue_size`");
  return {};
}

Settings Config::settings() const {
  Settings out{.timeout = timeout, .retry = retry_on_failure};
  if (!sending_queue) {
    out.queue.enabled = false;
    return out;
  }
  out.queue = {.enabled = sending_queue->enabled,
               .num_consumers = sending_queue->num_consumers,
               .queue_size = sending_queue->queue_size,
               .sizer = sending_queue->sizer.value_or(Sizer::requests),
               .block_on_overflow = sending_queue->block_on_overflow,
               .wait_for_result = sending_queue->wait_for_result,
               .overflow = sending_queue->overflow,
               .durable = sending_queue->durable,
               .storage = sending_queue->storage.to_string(),
               .sync = sending_queue->sync,
               .sync_interval = sending_queue->sync_interval,
               .max_disk_bytes = sending_queue->max_disk_size.value,
               .max_age = sending_queue->max_age,
               .newest_first = sending_queue->newest_first,
               .dead_letter_bytes = sending_queue->dead_letter_size.value};
  if (sending_queue->batch) out.queue.batch = sending_queue->batch->settings(sending_queue->sizer);
  return out;
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::timeout>("timeout", "For one attempt; 0 is no limit.", {.min = 0s}),
      field<&Config::retry_on_failure>("retry_on_failure", "What happens after an error that may pass."),
      field<&Config::sending_queue>("sending_queue", "Requests that wait for being sent."),
  };
  return rows;
}

}  // namespace weir::exporting

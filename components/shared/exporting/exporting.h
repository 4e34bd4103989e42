#pragma once
// What every exporter over a network shares: the sending queue, in memory or on disk, retries, time-outs and their metrics. An exporter
// brings a Sender; this brings the rest.
#include "components/shared/exporting/batcher.h"
#include "components/shared/exporting/disk_queue.h"
#include "components/shared/exporting/retry.h"
#include "components/shared/exporting/sender.h"
#include "engine/out.h"

namespace weir::exporting {

// What happens to a request that finds the queue full.
enum class Overflow : std::uint8_t { refuse, drop_oldest, drop_newest };

struct QueueSettings {
  bool enabled = true;
  std::uint64_t num_consumers = 10;
  std::optional<std::uint64_t> queue_size;  // not set: 1000 in memory, the quota on disk
  Sizer sizer = Sizer::requests;
  bool block_on_overflow = false;
  bool wait_for_result = false;
  std::optional<QueueBatchSettings> batch;
  Overflow overflow = Overflow::refuse;
  bool in_order = false;                    // of each core: one request at a time, for exporters whose backend wants order

  bool durable = true;                      // on disk, where there is a place
  std::string storage;                      // extension that names the place; empty: the data directory
  std::optional<storage::Sync> sync;        // not set: the extension's, else once in a while
  Duration sync_interval = 1s;
  std::uint64_t max_disk_bytes = 8ull * 1024 * 1024 * 1024;
  Duration max_age{};                       // on disk; 0: no limit
  bool newest_first = false;
  std::uint64_t dead_letter_bytes = 256 * 1024 * 1024;

  static constexpr std::uint64_t default_size = 1000;
};

struct Settings {
  Duration timeout = 5s;  // one attempt; 0: none
  RetrySettings retry;
  QueueSettings queue;
  std::string endpoint;  // of exporters with a queue for each backend: tells their queues and gauges apart
};

// What takes batches instead of a Sender when there are queues of other stages behind: it hands parts of a batch on to
// them, with the same Out, and they deliver.
class Relay {
 public:
  virtual ~Relay() = default;
  // What could not be handed on is left in `batch`, and tried again as the error says.
  virtual Outcome forward(otlp::Batch& batch, engine::Out& out) = 0;
};

// An exporter stage that can be taken out of service without losing what it holds.
class QueuedStage : public engine::Stage {
 public:
  // From now on nothing is tried again: what waits now, and what fails later in a way that may pass, goes to `take`.
  virtual void retire(std::function<void(otlp::Batch)> take) = 0;
};

// The collector's counters of an exporter's items. For exporters that write at once and need no queue, too.
struct SentCounters {
  telemetry::Counter &sent, &failed;
  static SentCounters of(const engine::StageContext& context);
};

// The exporter stage around a sender.
std::unique_ptr<QueuedStage> make_stage(const Settings& settings, std::unique_ptr<Sender> sender,
                                        const engine::StageContext& context);
// The same in front of a relay, which outlives it. It also takes what the queues behind it had on disk when they went, if they share
// its id.
std::unique_ptr<QueuedStage> make_stage(const Settings& settings, Relay& relay, const engine::StageContext& context);

// For Factory::durability: what an OK from this queue is worth.
engine::Durability durability(const Settings& settings, const engine::StorageInfo& storage);

}  // namespace weir::exporting

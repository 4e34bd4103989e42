#pragma once
// What every exporter over a network shares: the sending queue, retries, time-outs and their metrics. An exporter brings
// a Sender; this brings the rest.
#include "engine/out.h"

namespace weir::exporting {

struct RetrySettings {
  bool enabled = true;
  Duration initial_interval = 5s;
  double randomization_factor = 0.5;
  double multiplier = 1.5;
  Duration max_interval = 30s;
  Duration max_elapsed_time = 5min;  // 0: never give up
};

enum class Sizer : std::uint8_t { requests, items, bytes };

struct QueueBatchSettings {
  Duration flush_timeout = 200ms;
  Sizer sizer = Sizer::items;
  std::uint64_t min_size = 8192;
  std::uint64_t max_size = 0;  // 0: no limit
};

struct QueueSettings {
  bool enabled = true;
  std::uint64_t num_consumers = 10;
  std::uint64_t queue_size = 1000;
  Sizer sizer = Sizer::requests;
  bool block_on_overflow = false;
  bool wait_for_result = false;
  std::string storage;
  std::optional<QueueBatchSettings> batch;
};

struct Settings {
  Duration timeout = 5s;  // one attempt; 0: none
  RetrySettings retry;
  QueueSettings queue;
  std::string endpoint;  // of exporters with a queue for each backend: tells their queues and gauges apart
};

// One request on its way out.
struct Payload {
  std::vector<Bytes> pieces;  // sent one after another
  engine::Signal signal{};
  std::size_t items = 0;
  std::shared_ptr<const otlp::Context> context;  // shared with the batch
};

// One attempt to send. Errc::retryable / refused (with retry_after when the backend named one) is tried again, every
// other code is final. The seam between queueing and the network: simulations put a faulty one here.
class Sender {
 public:
  using Done = std::move_only_function<void(Outcome)>;
  virtual ~Sender() = default;
  virtual Result<> start() { return {}; }
  // How a batch becomes bytes. Default: protobuf.
  virtual std::vector<Bytes> encode(otlp::Batch& batch) { return batch.encode(); }
  // `done` runs once, on this core, also after a time-out, but not after the sender is gone. timeout 0: none.
  virtual void send(Payload payload, Duration timeout, Done done) = 0;
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

// When the next attempt comes: exponential with jitter, uniform in ±randomization_factor; at least what the backend asked.
Duration backoff(const RetrySettings& settings, unsigned attempt, Rng& rng, Duration asked);

// The exporter stage around a sender.
std::unique_ptr<QueuedStage> make_stage(const Settings& settings, std::unique_ptr<Sender> sender,
                                        const engine::StageContext& context);
// The same in front of a relay, which outlives it.
std::unique_ptr<QueuedStage> make_stage(const Settings& settings, Relay& relay, const engine::StageContext& context);

// For Factory::answers_late: an OK from this queue means that the backend has the data.
inline bool answers_late(const Settings& settings) { return !settings.queue.enabled || settings.queue.wait_for_result; }

}  // namespace weir::exporting

#include "components/processors/batch/batch.h"

#include "base/text.h"
#include "telemetry/detail.h"
#include "telemetry/owned.h"

namespace weir::processors::batch {
namespace {

using engine::Out;
using otlp::Batch;

// Where senders wait for the answer of a queue on disk they wait for the batch, too: no longer than this.
constexpr Duration longest_wait = 200ms;

struct Metrics {
  telemetry::Counter &by_size, &by_timeout;
  telemetry::Histogram& send_size;
  telemetry::Histogram* send_bytes;  // detailed metrics only
  telemetry::OwnedGauge cardinality;

  static Metrics of(const engine::StageContext& context) {
    auto& registry = context.host.metrics();
    telemetry::Labels labels = {{"processor", context.id.to_string()}};
    return {registry.counter("otelcol_processor_batch_batch_size_trigger_send", "Batches sent because they were full.", labels),
            registry.counter("otelcol_processor_batch_timeout_trigger_send", "Batches sent because their time was over.", labels),
            registry.histogram("otelcol_processor_batch_batch_send_size", "Items in a sent batch.", telemetry::batch_items, labels),
            !telemetry::detailed() ? nullptr : &registry.histogram("otelcol_processor_batch_batch_send_size_bytes", "Bytes in a sent batch.", telemetry::batch_bytes, labels),
            telemetry::OwnedGauge(registry, "otelcol_processor_batch_metadata_cardinality", "Sets of metadata values being batched.", labels)};
  }
};

// What waits for one set of metadata values.
struct Pending {
  Batch batch;
  Charge charge;  // for this and its key
  TimePoint due{};
};

// Holds at most send_batch_size items for each set of metadata values, and those charged to the memory budget.
class BatchStage : public engine::Stage {
 public:
  BatchStage(const Config& config, const engine::StageContext& context)
      : config_(config),
        signal_(context.signal),
        answers_early_(context.best_answer == engine::Durability::memory),
        metrics_(Metrics::of(context)),
        budget_(context.host.budget()) {
    for (auto& key : config_.metadata_keys) key = to_lower(key);
    immediate_ = config_.timeout == 0s || config_.send_batch_size == 0;
  }

  void process(Batch batch, Out& out) override {
    auto at = find(batch);
    if (at == pending_.end())
      return out.refuse(std::move(batch), {Errc::refused, "too many batcher metadata-value combinations", {}});
    if (answers_early_ && !out.congested()) out.accept(batch);
    Pending& pending = at->second;
    if (!pending.batch.can_join()) send(pending, out, metrics_.by_size, pending.batch.items());
    bool first = pending.batch.empty();
    pending.batch.append(std::move(batch));
    if (immediate_)
      send_all(pending, out, metrics_.by_timeout);
    else
      while (pending.batch.items() >= config_.send_batch_size) send(pending, out, metrics_.by_size, chunk(pending));
    if (!pending.batch.empty() && (first || pending.due == TimePoint{})) schedule(pending, out);
    if (pending.batch.empty() && forgets_values()) pending_.erase(at);
  }

  void tick(TimePoint now, Out& out) override {
    for (auto at = pending_.begin(); at != pending_.end();) {
      Pending& pending = at->second;
      if (!pending.batch.empty() && pending.due <= now) send_all(pending, out, metrics_.by_timeout);
      if (!pending.batch.empty()) out.wake_at(pending.due);
      at = pending.batch.empty() && forgets_values() ? pending_.erase(at) : std::next(at);
    }
    metrics_.cardinality.set(static_cast<double>(pending_.size()));
  }

  void drain(Out& out) override {
    immediate_ = true;
    for (auto& [key, pending] : pending_) send_all(pending, out, metrics_.by_timeout);
  }

  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& [key, pending] : pending_) n += pending.batch.items();
    return n;
  }
  bool opens() const override { return config_.send_batch_max_size > 0; }
  bool keeps() const override { return true; }

 private:
  // Beside a Pending and its key.
  static constexpr std::size_t overhead = 128;

  // A limit is on all sets of values that were ever seen, as in the Go collector; without one those are kept that are in use.
  bool forgets_values() const { return !config_.metadata_keys.empty() && config_.metadata_cardinality_limit == 0; }

  using Sets = std::map<std::vector<std::string>, Pending>;

  // The end when this would be one set of values too many.
  Sets::iterator find(const Batch& batch) {
    std::vector<std::string> key;
    for (auto& name : config_.metadata_keys) {
      const std::vector<std::string>* values = nullptr;
      if (batch.context)
        if (auto at = batch.context->metadata.find(name); at != batch.context->metadata.end()) values = &at->second;
      // The count keeps "a","b" apart from "a,b" and absent from empty.
      key.push_back(fmt::format("{}", values ? values->size() : 0));
      if (values) key.insert(key.end(), values->begin(), values->end());
    }
    auto at = pending_.find(key);
    if (at != pending_.end()) return at;
    if (!key.empty() && config_.metadata_cardinality_limit && pending_.size() >= config_.metadata_cardinality_limit) return pending_.end();
    std::size_t bytes = sizeof(*at) + overhead;
    for (auto& value : key) bytes += sizeof(value) + value.capacity();
    at = pending_.emplace(std::move(key), Pending{Batch(signal_), budget_.charge_unchecked(bytes), {}}).first;
    metrics_.cardinality.set(static_cast<double>(pending_.size()));
    return at;
  }

  std::size_t chunk(const Pending& pending) const {
    return config_.send_batch_max_size ? config_.send_batch_max_size : pending.batch.items();
  }

  void send(Pending& pending, Out& out, telemetry::Counter& trigger, std::size_t items) {
    Batch front = pending.batch.take_front(items);
    pending.due = {};
    trigger.add();
    metrics_.send_size.observe(static_cast<double>(front.items()));
    if (metrics_.send_bytes) metrics_.send_bytes->observe(static_cast<double>(front.bytes()));
    out.push(std::move(front));
    if (!pending.batch.empty()) schedule(pending, out);
  }

  void send_all(Pending& pending, Out& out, telemetry::Counter& trigger) {
    while (!pending.batch.empty()) send(pending, out, trigger, chunk(pending));
  }

  void schedule(Pending& pending, Out& out) {
    if (immediate_) return;
    bool somebody_waits = !pending.batch.receipts.empty();
    pending.due = out.now() + (somebody_waits ? std::min(config_.timeout, longest_wait) : config_.timeout);
    out.wake_at(pending.due);
  }

  Config config_;
  otlp::Signal signal_;
  bool answers_early_;
  bool immediate_;
  Metrics metrics_;
  Budget& budget_;
  Sets pending_;
};

}  // namespace

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context) {
  return std::make_unique<BatchStage>(config, context);
}

}  // namespace weir::processors::batch

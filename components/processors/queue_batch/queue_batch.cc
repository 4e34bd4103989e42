#include "components/processors/queue_batch/queue_batch.h"

#include "components/shared/exporting/batcher.h"
#include "telemetry/detail.h"

namespace weir::processors::queue_batch {
namespace {

using engine::Out;
using otlp::Batch;

struct Metrics {
  telemetry::Counter& sent;
  // Of batches on their way in and out; null without detailed metrics.
  telemetry::Histogram *enqueued = nullptr, *sent_batches = nullptr;

  static Metrics of(const engine::StageContext& context) {
    auto& registry = context.host.metrics();
    telemetry::Labels labels = {{"processor", context.id.to_string()}, {"data_type", std::string(to_string(context.signal))}};
    Metrics out{registry.counter("otelcol_processor_queuebatch_sent_items", "Items in batches that were sent.", labels)};
    if (!telemetry::detailed()) return out;
    out.enqueued = &registry.histogram("otelcol_processor_queuebatch_enqueue_size", "Items in a request that came in.", telemetry::batch_items, labels);
    out.sent_batches = &registry.histogram("otelcol_processor_queuebatch_batch_send_size", "Items in a batch that was sent.", telemetry::batch_items, labels);
    return out;
  }
};

// Holds what is less than a batch, for at most flush_timeout. Its memory is that of the batches, which are charged.
class QueueBatch : public engine::Stage {
 public:
  QueueBatch(const Config& config, const engine::StageContext& context)
      : batcher_(config.batch.settings({}), exporting::Sizer::requests),
        answers_early_(!config.wait_for_result && context.best_answer == engine::Durability::memory),
        cuts_(config.batch.max_size != 0),
        metrics_(Metrics::of(context)) {}

  void process(Batch batch, Out& out) override {
    if (answers_early_ && !out.congested()) out.accept(batch);
    if (metrics_.enqueued) metrics_.enqueued->observe(static_cast<double>(batch.items()));
    std::string partition = batcher_.partition_of(batch);
    waiting_.push_back({.batch = std::move(batch), .since = out.now(), .partition = std::move(partition)});
    send_ready(out);
  }
  void tick(TimePoint, Out& out) override { send_ready(out); }
  void drain(Out& out) override {
    draining_ = true;
    send_ready(out);
  }

  std::size_t held() const override {
    std::size_t items = 0;
    for (auto& entry : waiting_) items += entry.batch.items();
    return items;
  }
  bool opens() const override { return cuts_; }
  bool keeps() const override { return true; }

 private:
  void send_ready(Out& out) {
    while (!waiting_.empty()) {
      auto next = batcher_.take(waiting_, out.now(), draining_);
      if (!next.request) return out.wake_at(next.due);
      Batch& batch = next.request->batch;
      metrics_.sent.add(batch.items());
      if (metrics_.sent_batches) metrics_.sent_batches->observe(static_cast<double>(batch.items()));
      out.push(std::move(batch));
    }
  }

  exporting::Batcher batcher_;
  const bool answers_early_, cuts_;
  bool draining_ = false;
  Metrics metrics_;
  std::deque<exporting::Waiting> waiting_;
};

}  // namespace

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context) {
  return std::make_unique<QueueBatch>(config, context);
}

}  // namespace weir::processors::queue_batch

#include "components/shared/exporting/exporting.h"

#include <cmath>
#include <deque>
#include <list>

#include "base/log.h"
#include "telemetry/detail.h"

namespace weir::exporting {
namespace {

using engine::Out;
using engine::Reason;
using otlp::Batch;

// The queue's fill, shared by the cores of one exporter.
struct Fill {
  std::atomic<std::int64_t> size{0};
};

std::uint64_t size_of(const Batch& batch, Sizer sizer) {
  switch (sizer) {
    case Sizer::requests: return 1;
    case Sizer::items: return batch.items();
    case Sizer::bytes: return batch.bytes();
  }
  return 0;
}

bool may_retry(const Error& error) { return error.code == Errc::retryable || error.code == Errc::refused; }

struct Metrics : SentCounters {
  telemetry::Counter& enqueue_failed;
  telemetry::Gauge& in_flight;
  telemetry::Histogram *send_size = nullptr, *send_bytes = nullptr;  // detailed metrics only

  static Metrics of(const engine::StageContext& context) {
    auto& registry = context.host.metrics();
    std::string items(otlp::items_name(context.signal));
    telemetry::Labels labels = {{"exporter", context.id.to_string()}};
    Metrics out{SentCounters::of(context),
            registry.counter("otelcol_exporter_enqueue_failed_" + items, "Items that found no room in the queue.", labels),
            registry.gauge("otelcol_exporter_in_flight_requests", "Requests being sent.",
                           {{"exporter", context.id.to_string()}, {"data_type", std::string(to_string(context.signal))}})};
    if (telemetry::detailed()) {
      out.send_size = &registry.histogram("otelcol_exporter_queue_batch_send_size", "Items in a batch that was sent.", telemetry::batch_items, labels);
      out.send_bytes = &registry.histogram("otelcol_exporter_queue_batch_send_size_bytes", "Bytes in a batch that was sent.", telemetry::batch_bytes, labels);
    }
    return out;
  }

  void sends(const Batch& batch) const {
    if (send_size) send_size->observe(static_cast<double>(batch.items()));
    if (send_bytes) send_bytes->observe(static_cast<double>(batch.bytes()));
  }
};

// Holds batches from process() until the backend has them or they are given up. One core; bounded by queue_size for
// whoever can still be refused, and by the memory budget for what stages in front already hold.
class QueuedExporter : public QueuedStage {
 public:
  QueuedExporter(const Settings& settings, std::unique_ptr<Sender> sender, Relay* relay, const engine::StageContext& context)
      : settings_(settings),
        sender_(std::move(sender)),
        relay_(relay),
        id_(context.id.to_string()),
        executor_(context.executor),
        rng_(context.rng),
        metrics_(Metrics::of(context)),
        spans_(context.host.own_spans()),
        signal_(context.signal) {
    auto& queue = settings_.queue;
    if (!queue.enabled) return;
    std::string key = fmt::format("queue {} {} {}", id_, to_string(context.signal), settings_.endpoint);
    fill_ = engine::shared_state<Fill>(context.host, key);
    if (sender_) consumers_ = std::max<std::size_t>(1, queue.num_consumers / context.shards);
    if (context.shard == 0) export_gauges(context);
  }

  Result<> start(Out& out) override {
    out_ = &out;
    return sender_ ? sender_->start() : Result<>();
  }

  void process(Batch batch, Out& out) override {
    if (!settings_.queue.enabled) return launch(std::move(batch));
    std::uint64_t size = size_of(batch, settings_.queue.sizer);
    if (batch.refusable() && is_full(size)) return overflow(std::move(batch), out);
    enqueue(std::move(batch), size);
  }

  void drain(Out&) override {
    draining_ = true;
    pump();
  }
  bool idle() const override { return waiting_.empty() && blocked_.empty() && jobs_.empty(); }

  void abandon(Out& out) override {
    Error error{Errc::retryable, "shutting down before the backend took it", {}};
    abandoned_ = true;
    for (auto& entry : std::exchange(waiting_, {})) give_up(std::move(entry.batch), entry.size, Reason::shutdown, error, out);
    for (auto& batch : std::exchange(blocked_, {})) out.refuse(std::move(batch), error);
    for (Job& job : jobs_) {
      if (job.timer) executor_.cancel(job.timer);
      give_up(std::move(job.batch), job.size, Reason::shutdown, error, out);
    }
    jobs_.clear();
  }

  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& entry : waiting_) n += entry.batch.items();
    for (auto& batch : blocked_) n += batch.items();
    for (auto& job : jobs_) n += job.batch.items();
    return n;
  }
  bool congested() const override { return settings_.queue.enabled && is_full(1); }

  void tick(TimePoint, Out&) override { pump(); }

  void retire(std::function<void(Batch)> take) override {
    take_ = std::move(take);
    auto blocked = std::exchange(blocked_, {});
    for (auto& entry : std::exchange(waiting_, {})) hand_back(std::move(entry.batch), entry.size);
    for (auto& batch : blocked) take_(std::move(batch));
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      auto next = std::next(job);
      if (job->timer) {
        executor_.cancel(job->timer);
        hand_back(std::move(job->batch), job->size);
        jobs_.erase(job);
      }
      job = next;
    }
  }

 private:
  struct Waiting {
    Batch batch;
    std::uint64_t size;
    TimePoint since;
  };
  // A batch with a consumer: being sent, or waiting for its next attempt.
  struct Job {
    Batch batch;
    std::uint64_t size;
    TimePoint begun;
    unsigned attempts = 0;
    UnixNanos sent_at = 0;  // the latest attempt
    io::TimerId timer = 0;
    std::uint64_t number = 0;
  };
  using JobRef = std::list<Job>::iterator;

  bool is_full(std::uint64_t more) const {
    auto size = fill_->size.load(std::memory_order_relaxed);
    return static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0)) + more > settings_.queue.queue_size;
  }

  void overflow(Batch batch, Out& out) {
    if (settings_.queue.block_on_overflow && !draining_) {
      blocked_.push_back(std::move(batch));
      return;
    }
    metrics_.enqueue_failed.add(batch.items());
    out.refuse(std::move(batch), {Errc::refused, "sending queue is full", {}});
  }

  void enqueue(Batch batch, std::uint64_t size) {
    fill_->size.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
    if (!settings_.queue.wait_for_result) out_->accept(batch);
    waiting_.push_back({std::move(batch), size, executor_.now()});
    pump();
  }

  void pump() {
    if (std::exchange(pumping_, true)) return;  // an attempt may end at once, and ends here
    while (!waiting_.empty() && jobs_.size() < consumers_) {
      auto next = settings_.queue.batch ? take_batch() : take_one();
      if (!next) break;
      metrics_.sends(next->batch);
      jobs_.push_back({.batch = std::move(next->batch), .size = next->size, .begun = executor_.now(), .number = ++job_number_});
      attempt(std::prev(jobs_.end()));
    }
    pumping_ = false;
  }

  std::optional<Waiting> take_one() {
    std::optional<Waiting> out(std::move(waiting_.front()));
    waiting_.pop_front();
    return out;
  }

  // Joins waiting requests up to min_size, cuts at max_size. Nothing while too little waits for too short a time.
  std::optional<Waiting> take_batch() {
    auto& rule = *settings_.queue.batch;
    std::uint64_t total = 0;
    for (auto& entry : waiting_)
      if ((total += size_of(entry.batch, rule.sizer)) >= rule.min_size) break;
    TimePoint due = waiting_.front().since + rule.flush_timeout;
    if (total < rule.min_size && executor_.now() < due && !draining_) {
      out_->wake_at(due);
      return std::nullopt;
    }
    Waiting out = *take_one();
    while (!waiting_.empty() && size_of(out.batch, rule.sizer) < rule.min_size && out.batch.can_join()) {
      Waiting more = *take_one();
      out.batch.append(std::move(more.batch));
      out.size += more.size;
    }
    cut(out, rule);
    return out;
  }

  // What is over max_size goes back to the front. The whole entry's size stays with the part that goes first, except in
  // sizers that can be cut.
  void cut(Waiting& entry, const QueueBatchSettings& rule) {
    if (rule.max_size == 0 || size_of(entry.batch, rule.sizer) <= rule.max_size) return;
    std::size_t items = rule.max_size;
    if (rule.sizer == Sizer::bytes) items = std::max<std::size_t>(1, entry.batch.items() * rule.max_size / entry.batch.bytes());
    Batch front = entry.batch.take_front(items);
    std::uint64_t front_size = settings_.queue.sizer == Sizer::requests ? 0 : size_of(front, settings_.queue.sizer);
    front_size = std::min(front_size, entry.size);
    waiting_.push_front({std::move(entry.batch), entry.size - front_size, entry.since});
    entry.batch = std::move(front);
    entry.size = front_size;
  }

  void launch(Batch batch) {
    jobs_.push_back({.batch = std::move(batch), .size = 0, .begun = executor_.now(), .number = ++job_number_});
    attempt(std::prev(jobs_.end()));
  }

  void attempt(JobRef job) {
    job->timer = 0;
    ++job->attempts;
    job->sent_at = executor_.wall();
    if (relay_) return relay(job);
    metrics_.in_flight.set(metrics_.in_flight.value() + 1);
    Payload payload{sender_->encode(job->batch), signal_, job->batch.items(), job->batch.context};
    sender_->send(std::move(payload), settings_.timeout,
                  [this, number = job->number](Outcome outcome) { finished(number, std::move(outcome)); });
  }

  void relay(JobRef job) {
    Outcome outcome = relay_->forward(job->batch, *out_);
    if (outcome) return fail_attempt(job, *outcome);
    leave(job);
    pump();
  }

  void finished(std::uint64_t number, Outcome outcome) {
    metrics_.in_flight.set(metrics_.in_flight.value() - 1);
    auto job = std::find_if(jobs_.begin(), jobs_.end(), [number](const Job& j) { return j.number == number; });
    if (job == jobs_.end()) return;  // abandoned meanwhile
    if (spans_ != nullptr) record_span(*job, outcome);
    if (!outcome)
      succeed(job);
    else
      fail_attempt(job, *outcome);
  }

  void fail_attempt(JobRef job, const Error& error) {
    if (take_ && may_retry(error)) {
      hand_back(std::move(job->batch), job->size);
      jobs_.erase(job);
    } else if (settings_.retry.enabled && may_retry(error)) {
      retry(job, error);
    } else {
      fail_job(job, error, may_retry(error) ? Reason::retries_exhausted : Reason::permanent_error);
    }
  }

  void hand_back(Batch batch, std::uint64_t size) {
    release(size);
    take_(std::move(batch));
  }

  // One for each attempt.
  void record_span(const Job& job, const Outcome& outcome) {
    telemetry::OwnSpan span{.name = fmt::format("exporter/{}/{}", id_, to_string(signal_)), .start = job.sent_at, .end = executor_.wall()};
    span.attributes.emplace_back("exporter", id_);
    span.attributes.emplace_back("data_type", std::string(to_string(signal_)));
    span.attributes.emplace_back("items.sent", outcome ? 0 : job.batch.items());
    span.attributes.emplace_back("items.failed", outcome ? job.batch.items() : 0);
    if (outcome) span.error = outcome->what;
    spans_->record(std::move(span));
  }

  void succeed(JobRef job) {
    metrics_.sent.add(job->batch.items());
    Batch batch = std::move(job->batch);
    leave(job);
    out_->delivered(std::move(batch));
    pump();
  }

  void retry(JobRef job, const Error& error) {
    Duration wait = backoff(settings_.retry, job->attempts, rng_, error.retry_after);
    Duration limit = settings_.retry.max_elapsed_time;
    if (limit > 0s && executor_.now() + wait - job->begun > limit)
      return fail_job(job, error, Reason::retries_exhausted);
    long long more = 0;
    if (retry_lines_.allow(more))
      log::info("Exporting failed. Will retry the request after interval.",
                {{"exporter", id_}, {"error", error.what}, {"interval", format_duration(wait)}, {"suppressed", more}});
    job->timer = executor_.at(executor_.now() + wait, [this, job] { attempt(job); });
  }

  void fail_job(JobRef job, const Error& error, Reason reason) {
    Batch batch = std::move(job->batch);
    std::uint64_t size = job->size;
    jobs_.erase(job);
    long long more = 0;
    if (drop_lines_.allow(more))
      log::error(batch.refusable() ? "Exporting failed. Rejecting data." : "Exporting failed. Dropping data.",
                 {{"exporter", id_}, {"error", error.what}, {"items", batch.items()}, {"suppressed", more}});
    give_up(std::move(batch), size, reason, error, *out_);
    pump();
  }

  // Where all of it has senders they keep the data and hear why; otherwise it is lost here and counted.
  void give_up(Batch batch, std::uint64_t size, Reason reason, const Error& error, Out& out) {
    metrics_.failed.add(batch.items());
    release(size);
    if (batch.refusable())
      out.refuse(std::move(batch), error);
    else
      out.drop(std::move(batch), reason, error);
  }

  void leave(JobRef job) {
    release(job->size);
    jobs_.erase(job);
  }

  void release(std::uint64_t size) {
    if (!fill_) return;
    fill_->size.fetch_sub(static_cast<std::int64_t>(size), std::memory_order_relaxed);
    while (!blocked_.empty() && !abandoned_ && !is_full(size_of(blocked_.front(), settings_.queue.sizer))) {
      Batch batch = std::move(blocked_.front());
      blocked_.pop_front();
      std::uint64_t need = size_of(batch, settings_.queue.sizer);
      fill_->size.fetch_add(static_cast<std::int64_t>(need), std::memory_order_relaxed);
      if (!settings_.queue.wait_for_result) out_->accept(batch);
      waiting_.push_back({std::move(batch), need, executor_.now()});
    }
  }

  void export_gauges(const engine::StageContext& context) {
    telemetry::Labels labels = {{"exporter", id_}, {"data_type", std::string(to_string(context.signal))}};
    if (!settings_.endpoint.empty()) labels.emplace_back("endpoint", settings_.endpoint);
    auto capacity = static_cast<double>(settings_.queue.queue_size);
    gauges_ = context.host.metrics().add_source([labels, capacity, fill = fill_](std::vector<telemetry::Family>& out) {
      auto gauge = [&](std::string name, std::string help, double value) {
        out.push_back({std::move(name), std::move(help), "", telemetry::Type::gauge, {{.labels = labels, .value = value}}});
      };
      gauge("otelcol_exporter_queue_size", "Fill of the sending queue, in units of its sizer.",
            static_cast<double>(std::max<std::int64_t>(0, fill->size.load(std::memory_order_relaxed))));
      gauge("otelcol_exporter_queue_capacity", "Room of the sending queue, in units of its sizer.", capacity);
    });
  }

  Settings settings_;
  std::unique_ptr<Sender> sender_;  // one of the two
  Relay* relay_;
  std::string id_;
  io::Executor& executor_;
  Rng& rng_;
  Metrics metrics_;
  telemetry::SpanSink* spans_;  // null: nobody wants them
  engine::Signal signal_;
  Out* out_ = nullptr;
  std::shared_ptr<Fill> fill_;    // shared with the same exporter on other cores
  std::shared_ptr<void> gauges_;  // registration, first core only
  std::size_t consumers_ = SIZE_MAX;  // handing on takes no time: what one backend has no room for must not stop the others
  std::deque<Waiting> waiting_;
  std::deque<Batch> blocked_;  // block_on_overflow: not in the queue yet, their senders wait
  std::list<Job> jobs_;
  std::uint64_t job_number_ = 0;
  bool draining_ = false, abandoned_ = false, pumping_ = false;
  std::function<void(Batch)> take_;  // set: out of service
  log::RateLimit retry_lines_, drop_lines_;
};

}  // namespace

SentCounters SentCounters::of(const engine::StageContext& context) {
  auto& registry = context.host.metrics();
  std::string items(otlp::items_name(context.signal));
  telemetry::Labels labels = {{"exporter", context.id.to_string()}};
  return {registry.counter("otelcol_exporter_sent_" + items, "Items that a backend took.", labels),
          registry.counter("otelcol_exporter_send_failed_" + items, "Items that were given up on.", labels)};
}

Duration backoff(const RetrySettings& settings, unsigned attempt, Rng& rng, Duration asked) {
  double base = static_cast<double>(settings.initial_interval.count()) * std::pow(settings.multiplier, attempt - 1);
  base = std::min(base, static_cast<double>(settings.max_interval.count()));
  double jitter = 1 + settings.randomization_factor * (2 * rng.unit() - 1);
  return std::max(asked, Duration{static_cast<std::int64_t>(base * jitter)});
}

std::unique_ptr<QueuedStage> make_stage(const Settings& settings, std::unique_ptr<Sender> sender,
                                        const engine::StageContext& context) {
  return std::make_unique<QueuedExporter>(settings, std::move(sender), nullptr, context);
}

std::unique_ptr<QueuedStage> make_stage(const Settings& settings, Relay& relay, const engine::StageContext& context) {
  return std::make_unique<QueuedExporter>(settings, nullptr, &relay, context);
}

}  // namespace weir::exporting

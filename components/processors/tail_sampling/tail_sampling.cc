#include "components/processors/tail_sampling/tail_sampling.h"

#include <queue>

#include "components/processors/tail_sampling/traces.h"

namespace weir::processors::tail_sampling {
namespace {

using engine::Out;
using engine::Reason;
using otlp::Batch;
using otlp::TraceId;

constexpr std::array<double, 17> age_bounds = {1, 2, 5, 10, 20, 30, 40, 50, 60, 90, 120, 180, 300, 600, 1800, 3600, 7200};

// Decided traces go on together up to this size, so that what follows is called less often.
constexpr std::size_t outgoing_items = 2000;

// Decisions come within this time of their due time: one wake-up for many traces.
constexpr Duration tick = 100ms;

struct Metrics {
  struct PolicyCounters {
    telemetry::Counter &sampled, &not_sampled;
  };
  std::vector<PolicyCounters> policies;
  telemetry::Counter &kept, &rejected, &dropped, &new_traces, &early, &late_kept, &late_dropped, &too_early;
  telemetry::Histogram& late_age;
  telemetry::Gauge& in_memory;

  static Metrics of(const engine::StageContext& context, const std::vector<std::string>& names) {
    auto& registry = context.host.metrics();
    constexpr std::string_view prefix = "otelcol_processor_tail_sampling_";
    auto counter = [&](std::string_view name, std::string_view help, telemetry::Labels labels) -> telemetry::Counter& {
      labels.emplace_back("processor", context.id.to_string());
      return registry.counter(std::string(prefix) + std::string(name), help, std::move(labels));
    };
    constexpr std::string_view by_policy = "Traces by what a policy said.", overall = "Traces by decision.";
    std::vector<PolicyCounters> policies;
    for (auto& name : names) {
      std::string label = context.id.name.empty() ? name : context.id.name + "." + name;
      policies.push_back({counter("count_traces_sampled", by_policy, {{"policy", label}, {"sampled", "true"}, {"decision", "sampled"}}),
                          counter("count_traces_sampled", by_policy, {{"policy", label}, {"sampled", "false"}, {"decision", "not_sampled"}})});
    }
    telemetry::Labels own = {{"processor", context.id.to_string()}};
    return {std::move(policies),
            counter("global_count_traces_sampled", overall, {{"sampled", "true"}, {"decision", "sampled"}}),
            counter("global_count_traces_sampled", overall, {{"sampled", "false"}, {"decision", "not_sampled"}}),
            counter("global_count_traces_sampled", overall, {{"sampled", "false"}, {"decision", "dropped"}}),
            counter("new_trace_id_received", "Traces that came for the first time.", {}),
            counter("early_decisions", "Traces decided before their time because num_traces waited.", {}),
            counter("early_releases_from_cache_decision", "Late spans by the decision on their trace.", {{"sampled", "true"}}),
            counter("early_releases_from_cache_decision", "Late spans by the decision on their trace.", {{"sampled", "false"}}),
            counter("sampling_trace_dropped_too_early", "Traces lost undecided: never, weir decides them early.", {}),
            registry.histogram(std::string(prefix) + "sampling_late_span_age", "Seconds from the decision to a late span.", age_bounds, own),
            registry.gauge(std::string(prefix) + "sampling_traces_on_memory", "Traces waiting for their decision.", own)};
  }
};

class TailSampling : public engine::Stage {
 public:
  TailSampling(const Config& config, std::unique_ptr<Policies> policies, const engine::StageContext& context)
      : config_(config),
        policies_(std::move(policies)),
        budget_(context.host.budget()),
        metrics_(Metrics::of(context, policies_->names())),
        limit_(std::max<std::size_t>(1, config.num_traces / context.shards)),
        kept_(cache_size(config.decision_cache.sampled_cache_size, context.shards)),
        rejected_(cache_size(config.decision_cache.non_sampled_cache_size, context.shards)) {}

  void process(Batch batch, Out& out) override {
    if (!batch.receipts.empty() && (out.congested() || (config_.block_on_overflow && pending_.size() >= limit_)))
      return out.refuse(std::move(batch), {Errc::refused, "tail sampling holds as much as it may", 1s});
    out.accept(batch);
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) take(group, scope, arena, out);
    flush(out);
    metrics_.in_memory.set(static_cast<double>(pending_.size()));
  }

  void tick(TimePoint now, Out& out) override {
    while (!queue_.empty() && queue_.top().due <= now) {
      Waiting next = queue_.top();
      queue_.pop();
      auto at = pending_.find(next.id);
      if (at == pending_.end() || at->second->due > next.due) continue;  // decided already, or waiting longer now
      decide(at, out);
    }
    flush(out);
    wake(out);
    metrics_.in_memory.set(static_cast<double>(pending_.size()));
  }

  void drain(Out& out) override {
    while (!pending_.empty()) {
      if (config_.drop_pending_traces_on_shutdown)
        drop_pending(pending_.begin(), Reason::shutdown, out);
      else
        decide(pending_.begin(), out);
    }
    flush(out);
  }

  std::size_t held() const override { return held_ + outgoing_.items(); }

 private:
  using Pending = boost::unordered_flat_map<TraceId, std::unique_ptr<PendingTrace>, std::hash<TraceId>>;
  struct Waiting {
    TimePoint due;
    TraceId id;
    bool operator<(const Waiting& other) const { return due > other.due; }  // earliest first
  };

  std::size_t cache_size(std::uint64_t asked, std::uint16_t shards) const {
    return std::max<std::size_t>(1, (asked ? asked : config_.num_traces) / shards);
  }

  void take(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena, Out& out) {
    SharedSurroundings around;
    for (auto& item : scope.items) {
      TraceId id = item.read<otlp::Span>(arena).trace_id;
      const UnixNanos* kept = kept_.find(id);
      if (const UnixNanos* decided = kept ? kept : rejected_.find(id)) {
        if (!note_late(kept != nullptr, *decided, out)) continue;
        if (!around) around = surroundings_.intern(group, scope, *policies_, arena);
        pass_on(item, around, out);
        continue;
      }
      if (!around) around = surroundings_.intern(group, scope, *policies_, arena);
      PendingTrace& trace = pending(id, out);
      add(trace, group, scope, item, around, arena, out);
    }
  }

  // A span of a trace that is decided. True when it follows a kept one.
  bool note_late(bool kept, UnixNanos decided, Out& out) {
    metrics_.late_age.observe(static_cast<double>(out.wall() - std::min(out.wall(), decided)) / 1e9);
    (kept ? metrics_.late_kept : metrics_.late_dropped).add();
    if (!kept) out.count_dropped(1, Reason::late);
    return kept;
  }

  void pass_on(const otlp::Item& item, const SharedSurroundings& around, Out& out) {
    PendingTrace single;
    append_span(single, item, around, scratch_);
    release(single, out);
  }

  PendingTrace& pending(const TraceId& id, Out& out) {
    auto at = pending_.find(id);
    if (at != pending_.end()) return *at->second;
    if (pending_.size() >= limit_) decide_oldest(out);
    metrics_.new_traces.add();
    auto trace = std::make_unique<PendingTrace>();
    trace->facts.id = id;
    trace->first = out.now();
    trace->charge = budget_.empty_charge();
    PendingTrace& made = *trace;
    pending_.emplace(id, std::move(trace));
    return made;
  }

  void add(PendingTrace& trace, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item, const SharedSurroundings& around,
           Arena& arena, Out& out) {
    trace.last = out.now();
    policies_->observe(group, scope, item, around->conditions, arena, trace.facts);
    std::size_t size = append_span(trace, item, around, scratch_);
    trace.facts.bytes += size;
    trace.charge.grow_unchecked(size);
    ++held_;
    if (!trace.root && item.read<otlp::Span>(arena).parent_span_id.empty()) trace.root = out.now();
    if (config_.maximum_trace_size_bytes && trace.facts.bytes > config_.maximum_trace_size_bytes)
      return drop_too_large(trace.facts.id, out);
    schedule(trace, out);
    if (config_.sampling_strategy == Strategy::span_ingest) decide_if_sampled(trace.facts.id, out);
  }

  // When the trace is due now; an entry in the queue for each change.
  void schedule(PendingTrace& trace, Out& out) {
    TimePoint due = trace.first + std::max<Duration>(config_.decision_wait, 1s);
    if (config_.decision_wait_idle > 0s) due = std::min(due, trace.last + config_.decision_wait_idle);
    if (trace.root && config_.decision_wait_after_root_received > 0s)
      due = std::min(due, *trace.root + config_.decision_wait_after_root_received);
    if (due == trace.due) return;
    trace.due = due;
    queue_.push({due, trace.facts.id});
    wake(out);
  }

  void wake(Out& out) {
    if (queue_.empty()) return;
    // Rounded up, so that traces that are due close together share a wake-up.
    auto due = queue_.top().due.time_since_epoch();
    out.wake_at(TimePoint((due + tick_length - 1ns) / tick_length * tick_length));
  }

  void decide_if_sampled(const TraceId& id, Out& out) {
    auto at = pending_.find(id);
    if (policies_->decide(at->second->facts, out.wall(), true).decision == Decision::sampled) decide(at, out);
  }

  void decide_oldest(Out& out) {
    while (!queue_.empty()) {
      auto at = pending_.find(queue_.top().id);
      queue_.pop();
      if (at == pending_.end()) continue;
      metrics_.early.add();
      return decide(at, out);
    }
  }

  void decide(Pending::iterator at, Out& out) {
    PendingTrace& trace = *at->second;
    auto verdict = policies_->decide(trace.facts, out.wall(), config_.sample_on_first_match);
    for (std::size_t i = 0; i < verdict.asked; ++i)
      (verdict.sampled_by[i] ? metrics_.policies[i].sampled : metrics_.policies[i].not_sampled).add();
    if (verdict.decision == Decision::sampled) {
      metrics_.kept.add();
      kept_.add(trace.facts.id, out.wall());
      held_ -= trace.facts.spans;
      release(trace, out);
      pending_.erase(at);
      return;
    }
    (verdict.decision == Decision::dropped ? metrics_.dropped : metrics_.rejected).add();
    drop_pending(at, Reason::sampled_out, out);
  }

  void drop_too_large(const TraceId& id, Out& out) {
    metrics_.dropped.add();
    drop_pending(pending_.find(id), Reason::too_large, out);
  }

  void drop_pending(Pending::iterator at, Reason reason, Out& out) {
    rejected_.add(at->first, out.wall());
    held_ -= at->second->facts.spans;
    out.count_dropped(at->second->facts.spans, reason);
    pending_.erase(at);
  }

  void release(PendingTrace& trace, Out& out) {
    Batch batch = to_batch(trace);
    batch.charge = std::move(trace.charge);
    outgoing_.append(std::move(batch));
    if (outgoing_.items() >= outgoing_items) flush(out);
  }

  void flush(Out& out) {
    if (outgoing_.empty()) return;
    Batch ready = std::exchange(outgoing_, Batch(otlp::Signal::traces));
    out.push(std::move(ready));
  }

  static constexpr Duration tick_length = tail_sampling::tick;
  Config config_;
  std::unique_ptr<Policies> policies_;
  Budget& budget_;
  Metrics metrics_;
  std::size_t limit_;
  Pending pending_;
  std::priority_queue<Waiting> queue_;
  DecisionTable kept_, rejected_;
  SurroundingsTable surroundings_;
  otlp::Writer scratch_;
  Batch outgoing_{otlp::Signal::traces};
  std::size_t held_ = 0;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context) {
  WEIR_ASSIGN(auto policies, Policies::compile(config.policies, &context.host, context.id.to_string() + context.pipeline));
  return std::make_unique<TailSampling>(config, std::move(policies), context);
}

}  // namespace weir::processors::tail_sampling

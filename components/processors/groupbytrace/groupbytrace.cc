#include "components/processors/groupbytrace/groupbytrace.h"

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

#include "components/shared/holding/hold_log.h"
#include "otlp/id_hash.h"
#include "telemetry/owned.h"

namespace weir::processors::groupbytrace {
namespace {

using engine::Out;
using otlp::Batch;
using otlp::Signal;
using otlp::TraceId;

// Traces that are due together go on together up to this many spans, so that what follows is called less often.
constexpr std::size_t outgoing_items = 2000;

// Traces go on within this time of their due time: one wake-up for many of them.
constexpr Duration tick_length = 10ms;

struct Metrics {
  telemetry::OwnedGauge in_memory;
  telemetry::Counter &evicted, &spans_released, &traces_released;
  std::shared_ptr<void> told;  // shared by all stages of the processor: one of them tells the setting

  static Metrics of(const engine::StageContext& context, const Config& config) {
    auto& registry = context.host.metrics();
    telemetry::Labels labels = {{"processor", context.id.to_string()}};
    auto name = [](std::string_view what) { return fmt::format("otelcol_processor_groupbytrace_{}", what); };
    auto told = context.host.shared("conf_num_traces of " + context.id.to_string(), [&]() -> std::shared_ptr<void> {
      auto gauge = std::make_shared<telemetry::OwnedGauge>(registry, name("conf_num_traces"), "Traces that may be held.", labels);
      gauge->set(static_cast<double>(config.num_traces));
      return gauge;
    });
    return {telemetry::OwnedGauge(registry, name("num_traces_in_memory"), "Traces that are held.", labels),
            registry.counter(name("traces_evicted"), "Traces that went on early because num_traces were held.", labels),
            registry.counter(name("spans_released"), "Spans sent on.", labels),
            registry.counter(name("traces_released"), "Traces sent on.", labels), std::move(told)};
  }
};

// A trace that waits.
struct Pending {
  std::string body;           // a request: one ResourceSpans for each part that came
  std::vector<Bytes> sealed;  // what came before, of a large trace
  std::size_t spans = 0;
  Charge charge;              // for this and `body`
  std::vector<Receipt> receipts;  // of those who still wait for an answer
  bool answered = false;          // some of it has nobody who waits
};

// At most num_traces traces, each core its share; their bytes are charged to the memory budget. When full, the oldest
// goes on before its time.
class GroupByTrace : public engine::Stage {
 public:
  GroupByTrace(const Config& config, const engine::StageContext& context)
      : context_(context),
        durable_(config.durable),
        wait_(config.wait_duration),
        limit_(std::max<std::size_t>(1, config.num_traces / context.shards)),
        answers_early_(context.best_answer == engine::Durability::memory),
        metrics_(Metrics::of(context, config)),
        budget_(context.host.budget()),
        pending_(0, otlp::IdHash(context.rng)) {}

  Result<> start(Out& out) override {
    if (!durable_) return {};
    WEIR_ASSIGN(hold_, holding::HoldLog::open(context_, [this, &out](Batch batch, const holding::HoldLog::Arrival& arrival) {
                  if (arrival.recovered && !fits(batch)) return turn_away(std::move(batch), out);
                  take(std::move(batch), out);
                }));
    if (hold_) hold_->start(out);
    return {};
  }

  // With a place on disk a batch is written, then answered and taken.
  void process(Batch batch, Out& out) override {
    if (!fits(batch)) return turn_away(std::move(batch), out);
    if (hold_) {
      std::size_t need = copies(batch, [this](const otlp::ScopeGroup& scope) { return sort_by_trace(scope); }) + batch.items() * bytes_per_item() + batch.bytes();
      return hold_->put(std::move(batch), budget_.charge_unchecked(need));
    }
    if (answers_early_ && !out.congested()) out.accept(batch);
    take(std::move(batch), out);
  }

  void take(Batch batch, Out& out) {
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) take(group, scope, batch, arena, out);
    dense_ |= batch.cost().dense;
    batch.settle({});
    if (draining_) release_all(out);
    finish(out);
  }

  void tick(TimePoint now, Out& out) override {
    while (!queue_.empty() && queue_.front().due <= now) release_oldest(out);
    finish(out);
  }

  void drain(Out& out) override {
    draining_ = true;
    if (hold_) hold_->drain();
    release_all(out);
    finish(out);
  }

  bool idle() const override { return !hold_ || hold_->idle(); }
  void abandon(Out&) override {
    if (hold_) hold_->abandon();
  }
  std::size_t held() const override { return held_ + outgoing_.items() + (hold_ ? hold_->held() : 0); }
  std::size_t bytes_per_item() const override { return overhead + 128; }  // and a resource and scope

 private:
  struct Waiting {
    TimePoint due;
    TraceId id;
  };
  struct Place {
    TraceId id;
    std::uint32_t item;
  };
  // An entry of the table and of the queue, beside the body.
  static constexpr std::size_t overhead = sizeof(Pending) + sizeof(Waiting) + 2 * sizeof(TraceId) + 64;
  // A body that grows is copied: not when it is large.
  static constexpr std::size_t seal_from = 256 * 1024;

  // Each trace gets a copy of the resources and scopes that its spans came under: a large resource in front of many
  // traces takes many times the request's memory. True when there is room for the copies.
  bool fits(Batch& batch) {
    std::size_t room = budget_.limit() - std::min(budget_.limit(), budget_.used());
    return copies(batch, [](const otlp::ScopeGroup& scope) { return scope.items.size(); }) <= room / 8 ||
           copies(batch, [this](const otlp::ScopeGroup& scope) { return sort_by_trace(scope); }) <= room / 2;
  }

  template <class TracesIn>
  static std::size_t copies(Batch& batch, TracesIn traces_in) {
    std::size_t bytes = 0;
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) bytes += traces_in(scope) * (group.resource.raw().size() + scope.scope.raw().size());
    return bytes;
  }

  void turn_away(Batch batch, Out& out) {
    if (batch.whole()) return out.refuse(std::move(batch), {Errc::refused, "there is no memory for a copy of the resource with each trace", 1s});
    metrics_.evicted.add(batch.items());  // its senders are gone: it goes on as it is
    if (hold_) {
      batch.receipts.push_back(hold_->leaving());
      batch.mark_answered();
    }
    out.push(std::move(batch));
  }

  // Brings the places of a scope's spans in order of their traces; how many traces there are.
  std::size_t sort_by_trace(const otlp::ScopeGroup& scope) {
    places_.clear();
    for (std::uint32_t i = 0; i < scope.items.size(); ++i) places_.push_back({trace_of(scope.items[i]), i});
    std::stable_sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.id < b.id; });
    std::size_t traces = 0;
    for (std::size_t i = 0; i < places_.size(); ++i) traces += i == 0 || places_[i].id != places_[i - 1].id;
    return traces;
  }

  // Cuts a scope into what belongs to each trace.
  void take(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, const Batch& from, Arena& arena, Out& out) {
    sort_by_trace(scope);
    for (std::size_t begin = 0, to = 0; begin < places_.size(); begin = to) {
      while (to < places_.size() && places_[to].id == places_[begin].id) ++to;
      add(group, scope, std::span(places_).subspan(begin, to - begin), from, arena, out);
    }
  }

  static TraceId trace_of(const otlp::Item& item) {
    if (item.message) return static_cast<const otlp::Span*>(item.message)->trace_id;
    return otlp::peek_trace_id(Signal::traces, item.raw);
  }

  void add(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, std::span<const Place> spans, const Batch& from, Arena& arena, Out& out) {
    Batch part(Signal::traces);
    auto& to = part.groups().emplace_back(otlp::ResourceGroup{group.resource.fork(arena), group.schema_url, group.unknown, {}});
    auto& items = to.scopes.emplace_back(otlp::ScopeGroup{scope.scope.fork(arena), scope.schema_url, scope.unknown, {}}).items;
    for (const Place& place : spans) items.push_back(scope.items[place.item]);
    Pending& trace = pending(spans.front().id, out);
    std::size_t before = trace.body.capacity();
    for (const Bytes& piece : part.encode()) trace.body += piece.view();
    trace.charge.grow_unchecked(trace.body.capacity() - before);
    if (trace.body.size() >= seal_from) seal(trace);
    trace.spans += spans.size();
    held_ += spans.size();
    // One for each batch is enough, but batches come to one trace in many scopes; each reference is settled.
    trace.receipts.insert(trace.receipts.end(), from.receipts.begin(), from.receipts.end());
    trace.answered |= !from.refusable();
  }

  static void seal(Pending& trace) {
    Charge paid = trace.charge.split(trace.body.capacity());
    trace.sealed.push_back(Bytes::take(std::exchange(trace.body, {})).charged(std::move(paid)));
  }

  Pending& pending(const TraceId& id, Out& out) {
    auto at = pending_.find(id);
    if (at != pending_.end()) return *at->second;
    if (pending_.size() >= limit_) {
      metrics_.evicted.add();
      release_oldest(out);
    }
    queue_.push_back({out.now() + wait_, id});
    Pending& made = *pending_.emplace(id, std::make_unique<Pending>()).first->second;
    made.charge = budget_.charge_unchecked(overhead);
    return made;
  }

  void release_all(Out& out) {
    while (!queue_.empty()) release_oldest(out);
  }

  void release_oldest(Out& out) {
    auto at = pending_.find(queue_.front().id);
    queue_.pop_front();
    release(std::move(*at->second), out);
    pending_.erase(at);
  }

  void release(Pending trace, Out& out) {
    if (!trace.body.empty()) seal(trace);
    // How many spans are in which of several bodies does not matter: they go together.
    Batch batch = Batch::trusted(Signal::traces, trace.sealed.front(), trace.spans, dense_);
    for (std::size_t i = 1; i < trace.sealed.size(); ++i) batch.append(Batch::trusted(Signal::traces, trace.sealed[i], 0, dense_));
    held_ -= trace.spans;
    batch.receipts = std::move(trace.receipts);
    if (trace.answered) batch.mark_answered();
    metrics_.traces_released.add();
    metrics_.spans_released.add(trace.spans);
    batch.charge = budget_.empty_charge();
    outgoing_.append(std::move(batch));
    if (outgoing_.items() >= outgoing_items) flush(out);
  }

  void flush(Out& out) {
    if (outgoing_.empty()) return;
    if (hold_) {
      outgoing_.receipts.push_back(hold_->leaving());
      outgoing_.mark_answered();
    }
    out.push(std::exchange(outgoing_, Batch(Signal::traces)));
  }

  void finish(Out& out) {
    flush(out);
    if (hold_) hold_->left_before(queue_.empty() ? TimePoint::max() : queue_.front().due - wait_);
    metrics_.in_memory.set(static_cast<double>(pending_.size()));
    if (queue_.empty()) dense_ = false;
    if (queue_.empty()) return;
    auto due = queue_.front().due.time_since_epoch();
    out.wake_at(TimePoint((due + tick_length - 1ns) / tick_length * tick_length));
  }

  const engine::StageContext context_;
  bool durable_;
  std::unique_ptr<holding::HoldLog> hold_;  // null: what waits is in memory only
  Duration wait_;
  std::size_t limit_;
  bool answers_early_, draining_ = false;
  bool dense_ = false;  // some of what is held came in requests that are otlp::Cost::dense
  Metrics metrics_;
  Budget& budget_;
  boost::unordered_flat_map<TraceId, std::unique_ptr<Pending>, otlp::IdHash, otlp::IdEqual> pending_;
  std::deque<Waiting> queue_;  // the same traces by due time: all wait equally long
  std::size_t held_ = 0;       // spans in pending_
  Batch outgoing_{Signal::traces};
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context) {
  return std::make_unique<GroupByTrace>(config, context);
}

}  // namespace weir::processors::groupbytrace

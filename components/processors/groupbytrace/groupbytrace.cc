#include "components/processors/groupbytrace/groupbytrace.h"

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

#include "components/shared/holding/leaving.h"
#include "otlp/id_hash.h"
#include "telemetry/owned.h"

namespace weir::processors::groupbytrace {
namespace {

using engine::Out;
using holding::HeldSpans;
using holding::Segments;
using otlp::Batch;
using otlp::Signal;
using otlp::TraceId;

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
  HeldSpans spans;
  std::size_t count = 0;
  holding::Senders senders;
};

// At most num_traces traces, each core its share; their bytes are charged to the memory budget. When full, the oldest
// goes on before its time. With a hold log spans are in its records, and of most of them only the place is in memory.
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
        surroundings_(context.rng.next()),
        pending_(0, otlp::IdHash(context.rng)),
        charge_(budget_.empty_charge()),
        leaving_(context, surroundings_, holding::Leaving::Traces::whole) {}

  Result<> start(Out& out) override {
    leaving_.use(out);
    if (!durable_) return {};
    WEIR_ASSIGN(hold_, holding::HoldLog::open(context_, [this, &out](Batch batch, holding::HoldLog::Arrival arrival) { take(std::move(batch), std::move(arrival.record), out); }));
    if (!hold_) return {};
    leaving_.use(*hold_, "weir_groupbytrace", out, [this, &out](const std::function<void()>& work) {
      work();
      finish(out);
    });
    hold_->start(out);
    return {};
  }

  // With a place on disk a batch is written, then answered and taken.
  void process(Batch batch, Out& out) override {
    if (hold_) {
      Charge room = budget_.charge_unchecked(batch.items() * bytes_per_item() + batch.bytes());  // out of what it was let in with
      return hold_->put(std::move(batch), std::move(room));
    }
    if (answers_early_ && !out.congested()) out.accept(batch);
    take(std::move(batch), {}, out);
  }

  void tick(TimePoint now, Out& out) override {
    while (!queue_.empty() && queue_.front().since + wait_ <= now) release_oldest();
    finish(out);
  }

  void drain(Out& out) override {
    draining_ = true;
    if (hold_) hold_->drain();
    release_all();
    finish(out);
  }

  bool idle() const override { return !hold_ || (leaving_.idle() && hold_->idle()); }
  void abandon(Out&) override {
    if (!hold_) return;
    hold_->abandon();
    leaving_.abandon();
  }
  std::size_t held() const override { return held_ + leaving_.held() + (hold_ ? hold_->held() : 0); }
  std::size_t bytes_per_item() const override { return overhead + 256; }  // and a resource and scope

 private:
  struct Waiting {
    TimePoint since;
    TraceId id;
  };
  struct Place {
    TraceId id;
    std::string_view span;
    std::uint8_t head;  // bytes of its frame in front of it

    bool adjoins(const Place& before) const { return before.span.data() + before.span.size() + head == span.data(); }
  };
  // An entry of the table and of the queue, beside the spans.
  static constexpr std::size_t overhead = sizeof(Pending) + sizeof(Waiting) + 2 * sizeof(TraceId) + 64;

  // `record`: where its spans are on disk, if they are.
  void take(Batch batch, holding::Record record, Out& out) {
    if (batch.cost().dense) leaving_.mark_dense(true);
    Segments::Segment* in = record.file && !record.payload.empty() ? &spans_.adopt(std::move(record)) : nullptr;
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) take(group, scope, batch, in, out);
    if (in) Segments::give_back(in);
    batch.settle({});
    if (draining_) release_all();
    leaving_.spill(spans_);
    finish(out);
  }

  // Cuts a scope into what belongs to each trace.
  void take(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Batch& from, Segments::Segment* record, Out& out) {
    sort_by_trace(scope, from.arena());
    holding::Surroundings& around = surroundings_.lease(group, scope, from.arena());
    for (std::size_t begin = 0, to = 0; begin < places_.size(); begin = to) {
      while (to < places_.size() && places_[to].id == places_[begin].id) ++to;
      hold(around, std::span(places_).subspan(begin, to - begin), from, record, out);
    }
    surroundings_.release(around);
  }

  // The places of a scope's spans in order of their traces.
  void sort_by_trace(const otlp::ScopeGroup& scope, Arena& arena) {
    places_.clear();
    for (const otlp::Item& item : scope.items) places_.push_back({trace_of(item), bytes_of(item, arena), item.head});
    std::stable_sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.id < b.id; });
  }

  static TraceId trace_of(const otlp::Item& item) {
    if (item.message) return static_cast<const otlp::Span*>(item.message)->trace_id;
    return otlp::peek_trace_id(Signal::traces, item.raw);
  }

  static std::string_view bytes_of(const otlp::Item& item, Arena& arena) {
    if (!item.dirty) return item.raw;
    otlp::Writer edited(256);
    otlp::encode(*static_cast<const otlp::Span*>(item.message), edited);
    return arena.copy(edited.view());
  }

  void hold(holding::Surroundings& around, std::span<const Place> spans, const Batch& from, Segments::Segment* record, Out& out) {
    Pending& trace = pending(spans.front().id, out);
    std::size_t bytes = 0;
    for (const Place& place : spans) bytes += HeldSpans::framed(place.span.size());
    if (record) {
      refer(trace, around, spans, bytes, *record);
    } else {
      auto block = trace.spans.open(1, bytes, memory_, spans_);
      for (const Place& place : spans) block.add(around, place.span);
    }
    trace.count += spans.size();
    held_ += spans.size();
    // One for each batch is enough, but batches come to one trace in many scopes; each reference is settled.
    trace.senders.receipts.insert(trace.senders.receipts.end(), from.receipts.begin(), from.receipts.end());
    trace.senders.answered |= !from.refusable();
  }

  // The record has them already.
  void refer(Pending& trace, holding::Surroundings& around, std::span<const Place> spans, std::size_t bytes, Segments::Segment& record) {
    std::uint32_t runs = 1;
    for (std::size_t i = 1; i < spans.size(); ++i) runs += !spans[i].adjoins(spans[i - 1]);
    auto block = trace.spans.refer(runs, bytes, memory_, record);
    for (std::size_t begin = 0, to = 1; begin < spans.size(); begin = to++) {
      while (to < spans.size() && spans[to].adjoins(spans[to - 1])) ++to;
      const char* first = spans[begin].span.data() - spans[begin].head;
      const char* end = spans[to - 1].span.data() + spans[to - 1].span.size();
      block.add(around, {first, static_cast<std::size_t>(end - first)}, static_cast<std::uint32_t>(to - begin));
    }
  }

  Pending& pending(const TraceId& id, Out& out) {
    auto at = pending_.find(id);
    if (at != pending_.end()) return *at->second;
    if (pending_.size() >= limit_) {
      metrics_.evicted.add();
      release_oldest();
    }
    queue_.push_back({out.now(), id});
    return *pending_.emplace(id, std::make_unique<Pending>()).first->second;
  }

  void release_all() {
    while (!queue_.empty()) release_oldest();
  }

  void release_oldest() {
    Waiting oldest = queue_.front();
    queue_.pop_front();
    auto at = pending_.find(oldest.id);
    std::unique_ptr<Pending> trace = std::move(at->second);
    pending_.erase(at);
    held_ -= trace->count;
    metrics_.traces_released.add();
    metrics_.spans_released.add(trace->count);
    leaving_.add(std::move(trace->spans), trace->count, oldest.since, std::move(trace->senders));
  }

  void finish(Out& out) {
    leaving_.fetch_next();
    leaving_.flush();
    if (hold_) hold_->left_before(std::min(queue_.empty() ? TimePoint::max() : queue_.front().since, leaving_.oldest()));
    metrics_.in_memory.set(static_cast<double>(pending_.size()));
    charge();
    if (queue_.empty() && leaving_.idle()) leaving_.mark_dense(false);
    if (queue_.empty()) return;
    auto due = (queue_.front().since + wait_).time_since_epoch();
    out.wake_at(TimePoint((due + tick_length - 1ns) / tick_length * tick_length));
  }

  void charge() {
    std::size_t bytes = memory_.bytes() + spans_.bytes() + surroundings_.bytes() + pending_.size() * overhead;
    if (bytes > charge_.bytes()) charge_.grow_unchecked(bytes - charge_.bytes());
    charge_.shrink_to(bytes);
  }

  const engine::StageContext context_;
  bool durable_;
  Duration wait_;
  std::size_t limit_;
  bool answers_early_, draining_ = false;
  Metrics metrics_;
  Budget& budget_;
  holding::SurroundingsTable surroundings_;
  Segments memory_;  // what is known of spans that wait
  Segments spans_;   // the spans
  boost::unordered_flat_map<TraceId, std::unique_ptr<Pending>, otlp::IdHash, otlp::IdEqual> pending_;
  std::deque<Waiting> queue_;  // the same traces, oldest first: all wait equally long
  std::size_t held_ = 0;       // spans in pending_
  Charge charge_;
  std::vector<Place> places_;
  std::unique_ptr<holding::HoldLog> hold_;  // null: what waits is in memory only
  holding::Leaving leaving_;
};

}  // namespace

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context) {
  return std::make_unique<GroupByTrace>(config, context);
}

}  // namespace weir::processors::groupbytrace

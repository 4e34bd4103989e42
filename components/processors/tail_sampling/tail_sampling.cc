#include "components/processors/tail_sampling/tail_sampling.h"

#include "engine/life.h"

namespace weir::processors::tail_sampling {
namespace {

using engine::Out;
using engine::Reason;
using otlp::Batch;

bool needs_more(const Config& config, bool measures) {
  return measures || config.decision_wait_idle > 0s || config.decision_wait_after_root_received > 0s || config.sampling_strategy == Strategy::span_ingest;
}

std::size_t share(std::uint64_t all, std::uint16_t shards) { return std::max<std::size_t>(1, (all + shards - 1) / shards); }
std::size_t remembered(std::int64_t cache_size, std::uint64_t num_traces, std::uint16_t shards) {
  return share(cache_size > 0 ? static_cast<std::uint64_t>(cache_size) : num_traces, shards);
}

}  // namespace

TailSampling::TailSampling(const Config& config, std::unique_ptr<Policies> policies, const engine::StageContext& context)
    : config_(config),
      policies_(std::move(policies)),
      conditions_(policies_->conditions()),
      measures_(policies_->needs_sizes() || config.maximum_trace_size_bytes > 0 || counts_bytes()),
      budget_(context.host.budget()),
      metrics_(context, policies_->list()),
      board_(decisions::board_of(context.host)),
      shared_(engine::life_state<Shared>(context, "traces " + context.pipeline)),
      surroundings_(context.rng.next(), [this](otlp::ResourceGroup& group, Arena& arena) { return look_at(group, arena); }),
      traces_(remembered(config.decision_cache.sampled_cache_size, config.num_traces, context.shards),
              remembered(config.decision_cache.non_sampled_cache_size, config.num_traces, context.shards),
              needs_more(config, measures_), memory_, context.rng),
      charge_(budget_.empty_charge()),
      context_(context),
      leaving_(context, surroundings_, holding::Leaving::Traces::cut) {}

TailSampling::~TailSampling() { shared_->waiting -= counted_; }

void TailSampling::begin(const Out& out) {
  now_ = out.now();
  wall_ = out.wall();
}

Result<> TailSampling::start(Out& out) {
  out_ = &out;
  leaving_.use(out);
  if (!config_.durable) return {};
  WEIR_ASSIGN(hold_, holding::HoldLog::open(context_, [this](Batch batch, holding::HoldLog::Arrival arrival) {
                begin(*out_);
                take(std::move(batch), std::move(arrival), *out_);
              }));
  if (!hold_) return {};
  std::size_t decisions = remembered(config_.decision_cache.sampled_cache_size, config_.num_traces, context_.shards) +
                          remembered(config_.decision_cache.non_sampled_cache_size, config_.num_traces, context_.shards);
  WEIR_ASSIGN(decision_log_, DecisionLog::open(context_, hold_->directory() + "/decisions", decisions,
                                               [this](std::span<const decisions::Decision> made, Duration age) { recall(made, age, *out_); }));
  leaving_.use(*hold_, "weir_tail_sampling", out, [this](const std::function<void()>& work) {
    begin(*out_);
    work();
    finish(*out_);
  });
  decision_log_->start();
  hold_->start(out);
  return {};
}

// With a place on disk a batch is written, then answered and taken.
void TailSampling::process(Batch batch, Out& out) {
  begin(out);
  bool answered = !batch.whole();
  if (!answered && refuses(out)) return out.refuse(std::move(batch), {Errc::refused, "tail sampling holds as much as it may", 1s});
  if (hold_) {
    Charge room = budget_.charge_unchecked(batch.items() * bytes_per_item() + batch.bytes());  // out of what it was let in with
    return hold_->put(std::move(batch), std::move(room));
  }
  out.accept(batch);
  take(std::move(batch), {.answered = answered}, out);
}

void TailSampling::take(Batch batch, holding::HoldLog::Arrival arrival, Out& out) {
  bool answered = arrival.answered;
  if (batch.cost().dense) leaving_.mark_dense(true);
  if (arrival.record.file && !arrival.record.payload.empty()) record_ = &spans_.adopt(std::move(arrival.record));
  for (auto& group : batch.groups()) read(group, batch.arena(), out);
  for (PendingTrace* trace : touched_) record_ ? refer(*trace) : store(*trace);
  arrivals_.clear();
  if (record_) Segments::give_back(std::exchange(record_, nullptr));
  settle_touched(out);
  make_room(config_.block_on_overflow && !answered, out);
  relieve(out);
  if (draining_) drain(out);
  finish(out);
}

bool TailSampling::refuses(const Out& out) const {
  bool full = config_.block_on_overflow && shared_->waiting.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(config_.num_traces);
  return full || out.congested();
}

void TailSampling::read(otlp::ResourceGroup& group, Arena& arena, Out& out) {
  ++piece_;
  for (auto& scope : group.scopes) read(group, scope, arena, out);
  for (PendingTrace* trace : touched_by_piece_) decide_piece(*trace);
  touched_by_piece_.clear();
}

void TailSampling::read(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena, Out& out) {
  ++scope_;
  otlp::Writer edited(0);
  KnownSurroundings* around = nullptr;
  for (std::size_t i = 0; i < scope.items.size(); ++i) {
    look_ahead(scope.items, i);
    otlp::Item& item = scope.items[i];
    std::string_view bytes = item.raw;
    if (item.dirty) {
      edited.clear();
      otlp::encode(*static_cast<const otlp::Span*>(item.message), edited);
      bytes = arena.copy(edited.view());
    }
    SpanView span = conditions_.scanner().scan(bytes);
    auto known = traces_.find(span.trace_id, now_);
    if (known.decided) {
      metrics_.late(known.kept, known.age);
      if (!known.kept) {
        out.count_dropped(1, Reason::late);
        continue;
      }
    } else if (known.pending == nullptr) {
      metrics_.new_traces.add();
      known.pending = &traces_.add(span.trace_id, now_);
      bytes_ += known.pending->own_bytes();
    }
    if (around == nullptr) leases_.push_back(around = &static_cast<KnownSurroundings&>(surroundings_.lease(group, scope, arena)));
    if (known.decided) {
      leaving_.add(*around, bytes);
    } else {
      arrive(*known.pending, *around, bytes, item.head);
      observe(*known.pending, span, group, scope, item, *around, arena);
    }
  }
}

std::unique_ptr<Surroundings> TailSampling::look_at(otlp::ResourceGroup& group, Arena& arena) const {
  auto made = std::make_unique<KnownSurroundings>();
  made->size = sizeof *made;
  made->conditions = conditions_.look_at(group.resource.read(arena));
  if (policies_->exemplars()) made->exemplars = policies_->exemplars()->look_at(group.resource.read(arena));
  return made;
}

// What is known of a trace is far away in memory most of the time: by the time items[i + ...] are read it is here.
void TailSampling::look_ahead(std::span<const otlp::Item> items, std::size_t i) const {
  constexpr std::size_t far = 16, near = 6;
  for (std::size_t at = i == 0 ? 0 : i + far; at <= i + far && at < items.size(); ++at)
    if (auto id = leading_trace_id(items[at].raw)) traces_.prefetch(*id);
  if (i + near >= items.size()) return;
  if (auto id = leading_trace_id(items[i + near].raw)) traces_.prefetch_known(*id);
}

// Spans are copied when all of the batch were seen, trace by trace, so that memory is written front to back.
void TailSampling::arrive(PendingTrace& trace, KnownSurroundings& around, std::string_view span, std::uint8_t head) {
  Arrival arrival{&around, span, 0, head};
  auto number = static_cast<std::uint32_t>(arrivals_.size());
  if (trace.incoming == 0) {
    touched_.push_back(&trace);
    trace.first_arrival = number;
    trace.incoming_runs = 1;
  } else {
    Arrival& last = arrivals_[trace.last_arrival];
    last.next = number;
    trace.incoming_runs += record_ ? !arrival.adjoins(last) : last.around != &around;
  }
  trace.last_arrival = number;
  trace.incoming += static_cast<std::uint32_t>(HeldSpans::framed(span.size()));
  arrival.next = number;
  arrivals_.push_back(arrival);
}

void TailSampling::observe(PendingTrace& trace, const SpanView& span, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item,
                           KnownSurroundings& around, Arena& arena) {
  if (config_.sampling_strategy == Strategy::span_ingest && trace.more().piece != piece_) {
    trace.more().piece = piece_;
    trace.facts.seen.reset();
    trace.facts.first_start = trace.facts.last_end = 0;
    touched_by_piece_.push_back(&trace);
  }
  ++trace.facts.spans;
  ++held_;
  trace.facts.seen |= around.conditions;
  conditions_.observe(span, group, scope, item, arena, trace.facts);
  if (measures_) measure(trace, span, around);
  if (auto* exemplars = policies_->exemplars()) {
    std::size_t before = trace.cell_bytes();
    exemplars->observe(span, conditions_.scanner(), around.exemplars, trace.facts.cells);
    bytes_ += trace.cell_bytes() - before;
    cell_bytes_ += trace.cell_bytes() - before;
  }
  if (span.root && config_.decision_wait_after_root_received > 0s && !traces_.by_root().has(trace)) traces_.by_root().push_back(trace, now_);
}

void TailSampling::measure(PendingTrace& trace, const SpanView& span, const Surroundings& around) {
  TraceSize& size = trace.more().size;
  size.add(piece_, scope_, around.resource.size(), around.scope.size(), span.size);
  trace.facts.bytes = size.bytes();
  trace.facts.bytes_framed = size.framed();
}

// Strategy::span_ingest: from what this ResourceSpans message told of the trace. Its spans are stored a little later.
void TailSampling::decide_piece(PendingTrace& trace) {
  bool too_large = config_.maximum_trace_size_bytes && trace.facts.bytes > config_.maximum_trace_size_bytes;
  if (trace.decision != Decision::pending || too_large) return;
  auto verdict = policies_->decide_on_ingest(trace.facts, {now_, wall_});
  metrics_.decided(verdict, trace.facts);
  trace.decision = verdict.decision;
}

void TailSampling::store(PendingTrace& trace) {
  std::size_t before = trace.bytes();
  auto block = trace.spans.open(trace.incoming_runs, std::exchange(trace.incoming, 0), memory_, spans_);
  bytes_ += trace.bytes() - before;
  for (std::uint32_t i = trace.first_arrival;; i = arrivals_[i].next) {
    block.add(*arrivals_[i].around, arrivals_[i].span);
    if (i == trace.last_arrival) break;
  }
}

// The record has them already.
void TailSampling::refer(PendingTrace& trace) {
  std::size_t before = trace.bytes();
  auto block = trace.spans.refer(trace.incoming_runs, std::exchange(trace.incoming, 0), memory_, *record_);
  bytes_ += trace.bytes() - before;
  const Arrival* first = &arrivals_[trace.first_arrival];
  std::uint32_t count = 1;
  for (std::uint32_t i = trace.first_arrival;; ++count) {
    const Arrival& last = arrivals_[i];
    bool ends = i == trace.last_arrival || !arrivals_[last.next].adjoins(last);
    i = last.next;
    if (!ends) continue;
    const char* begin = first->span.data() - first->head;
    block.add(*first->around, {begin, static_cast<std::size_t>(last.span.data() + last.span.size() - begin)}, count);
    if (&last == &arrivals_[trace.last_arrival]) break;
    first = &arrivals_[i];
    count = 0;
  }
}

void TailSampling::settle_touched(Out& out) {
  for (PendingTrace* trace : touched_) {
    if (config_.maximum_trace_size_bytes && trace->facts.bytes > config_.maximum_trace_size_bytes && trace->decision == Decision::pending) {
      metrics_.too_large.add();
      metrics_.decided_without_policies(Decision::not_sampled);
      reject(*trace, Reason::too_large, out);
    } else if (trace->decision == Decision::sampled) {
      keep(*trace);
    } else if (trace->decision != Decision::pending) {
      reject(*trace, Reason::sampled_out, out);
    } else if (config_.early_decision_trace_bytes && trace->bytes() > config_.early_decision_trace_bytes) {
      decide_early(*trace, Early::trace_bytes, out);
    } else if (config_.decision_wait_idle > 0s) {
      traces_.by_last().push_back(*trace, now_);
    }
  }
  touched_.clear();
}

// `may_be_over`: those who sent too much hear it next time, instead of others paying for it.
void TailSampling::make_room(bool may_be_over, Out& out) {
  auto waiting = static_cast<std::int64_t>(traces_.waiting());
  std::int64_t all = shared_->waiting.fetch_add(waiting - counted_, std::memory_order_relaxed) + waiting - counted_;
  counted_ = waiting;
  if (may_be_over) return;
  for (; all > static_cast<std::int64_t>(config_.num_traces) && traces_.waiting() > 0; --all) decide_early(*traces_.oldest(), Early::traces, out);
}

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context) {
  WEIR_ASSIGN(auto policies, Policies::compile(config, context.host, context.executor, context.rng, fmt::format("{} {}", engine::current_life(), context.pipeline)));
  return std::make_unique<TailSampling>(config, std::move(policies), context);
}

}  // namespace weir::processors::tail_sampling

#pragma once
// Holds spans by trace until the trace is decided, then passes on or drops all of them; late spans follow the decision.
#include "components/processors/tail_sampling/config.h"
#include "components/processors/tail_sampling/decision_log.h"
#include "components/processors/tail_sampling/metrics.h"
#include "components/processors/tail_sampling/trace_table.h"
#include "components/shared/decisions/decisions.h"
#include "components/shared/holding/leaving.h"
#include "engine/out.h"

namespace weir::processors::tail_sampling {

// One core's part. Senders are answered when their spans are in here: a decision may be longer away than they wait.
// Bounded by num_traces over all cores, by bytes for each trace, and by the memory budget: what waits longest is
// decided early when one of them is reached.
class TailSampling : public engine::Stage {
 public:
  TailSampling(const Config& config, std::unique_ptr<Policies> policies, const engine::StageContext& context);
  ~TailSampling() override;

  Result<> start(engine::Out& out) override;
  void process(otlp::Batch batch, engine::Out& out) override;
  void tick(TimePoint now, engine::Out& out) override;
  void drain(engine::Out& out) override;
  bool idle() const override { return !hold_ || (leaving_.idle() && hold_->idle() && decision_log_->idle()); }
  void abandon(engine::Out&) override;
  std::size_t held() const override { return held_ + leaving_.held() + (hold_ ? hold_->held() : 0); }
  bool refuses(const engine::Out& out) const override;
  // A trace of its own with its look-ups and decision, and a resource and scope.
  std::size_t bytes_per_item() const override { return 768; }

 private:
  struct Arrival {
    KnownSurroundings* around;
    std::string_view span;
    std::uint32_t next;  // of the same trace, unless it is the last
    std::uint8_t head;   // bytes of its frame in front of it

    bool adjoins(const Arrival& before) const { return around == before.around && before.span.data() + before.span.size() + head == span.data(); }
  };
  // Waiting traces of all cores; each adds what changed once for each batch.
  struct Shared {
    std::atomic<std::int64_t> waiting{0};
  };

  void take(otlp::Batch batch, holding::HoldLog::Arrival arrival, engine::Out& out);
  void recall(std::span<const decisions::Decision> made, Duration age, engine::Out& out);
  void begin(const engine::Out& out);
  void read(otlp::ResourceGroup& group, Arena& arena, engine::Out& out);
  void read(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena, engine::Out& out);
  std::unique_ptr<Surroundings> look_at(otlp::ResourceGroup& group, Arena& arena) const;
  void look_ahead(std::span<const otlp::Item> items, std::size_t i) const;
  void look_ahead(const PendingTrace& trace) const;
  void arrive(PendingTrace& trace, KnownSurroundings& around, std::string_view span, std::uint8_t head);
  void observe(PendingTrace& trace, const SpanView& span, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item,
               KnownSurroundings& around, Arena& arena);
  void measure(PendingTrace& trace, const SpanView& span, const Surroundings& around);
  void decide_piece(PendingTrace& trace);
  void store(PendingTrace& trace);
  void refer(PendingTrace& trace);
  void settle_touched(engine::Out& out);
  void make_room(bool may_be_over, engine::Out& out);
  void relieve(engine::Out& out);
  void decide_due(TimePoint now, engine::Out& out);

  void decide(PendingTrace& trace, engine::Out& out);
  void decide_early(PendingTrace& trace, Early why, engine::Out& out);
  Policies::Verdict ask(const Facts& facts, engine::Out& out);
  void keep(PendingTrace& trace);
  void reject(PendingTrace& trace, engine::Reason reason, engine::Out& out);
  void forget(PendingTrace& trace, bool kept);
  void finish(engine::Out& out);

  const Config config_;
  std::unique_ptr<Policies> policies_;
  ConditionSet& conditions_;
  const bool measures_;  // Facts::bytes are asked for
  Budget& budget_;
  Metrics metrics_;
  decisions::Board::Sampler board_;
  std::shared_ptr<Shared> shared_;  // by all cores of this processor
  SurroundingsTable surroundings_;
  Segments memory_;  // what waits, and what is known of its spans
  Segments spans_;   // its spans
  TraceTable traces_;
  Charge charge_;
  TimePoint now_{};                        // when the running call began, as wall_
  UnixNanos wall_ = 0;
  std::size_t bytes_ = 0, held_ = 0;       // of waiting traces: PendingTrace::bytes(), spans
  std::size_t cell_bytes_ = 0;             // a part of bytes_ that is not in memory_
  std::int64_t counted_ = 0;               // traces told to shared_
  TimePoint relieved_ = TimePoint::min();  // when memory was short last
  std::uint64_t decisions_ = 0;
  TimePoint pressed_ = TimePoint::min();   // when traces were decided early last
  bool draining_ = false;
  const engine::StageContext context_;
  engine::Out* out_ = nullptr;
  std::unique_ptr<holding::HoldLog> hold_;  // null: what waits is in memory only
  std::unique_ptr<DecisionLog> decision_log_;  // with hold_
  holding::Leaving leaving_;

  // Of the running batch.
  std::uint64_t piece_ = 0, scope_ = 0;
  Segments::Segment* record_ = nullptr;  // where its spans are on disk; null: they are copied
  std::vector<Arrival> arrivals_;
  std::vector<PendingTrace*> touched_, touched_by_piece_;
  std::vector<Surroundings*> leases_;
  std::vector<decisions::Decision> decided_;
};

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::processors::tail_sampling

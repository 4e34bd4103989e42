#pragma once
// Runs a plan on several cores: start, drain, stop. Driven from the first core's executor; all calls are asynchronous,
// so that the simulation can run the same code.
#include "engine/shard.h"

namespace weir::engine {

// One row of the conservation report.
struct LedgerRow {
  std::string component;  // label(node)
  PlanNode::Role role;
  Signal signal;
  std::uint64_t in = 0, out = 0, created = 0, consumed = 0, delivered = 0, refused = 0, stored = 0, held = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> dropped{};

  std::uint64_t total_dropped() const;
  // in + created == out + consumed + delivered + refused + stored + dropped + held
  bool balanced() const;
  std::string text() const;
};

class Engine {
 public:
  // `executors` outlive the engine; the first one's core drives.
  Engine(Plan plan, std::vector<io::Executor*> executors, Host& host, std::uint64_t seed);
  ~Engine();

  // Stages on all cores, then receivers. `done` on the first core; after an error everything is stopped again.
  void start(std::move_only_function<void(Result<>)> done);
  // Receivers stop, what is held is pushed through in topological order, exporters finish; past `patience` the rest is
  // settled as dropped. Then all stages are destroyed and `done` runs on the first core.
  void stop(Duration patience, io::Task done);
  // The time for stopping is over now. On the first core.
  void hurry() { deadline_ = shards_.front()->executor().now(); }

  // Exact when nothing is moving (held() is asked on the stage's core only in stop and in the simulation).
  std::vector<LedgerRow> ledger(bool with_held) const;

  // Bytes that one exchange of one core may have on their way to other cores. Past it senders are refused and come again.
  void set_exchange_credit(std::size_t bytes) { exchange_credit_ = bytes; }
  std::size_t exchange_credit() const { return exchange_credit_; }
  // What a batch may take when it is taken apart (otlp::Cost::bytes); more goes in pieces.
  std::size_t piece_bytes() const { return std::clamp<std::size_t>(host_.budget().limit() / 4, 256 * 1024, 64 * 1024 * 1024); }

  const Plan& plan() const { return plan_; }
  Host& host() { return host_; }
  std::uint16_t shard_count() const { return static_cast<std::uint16_t>(shards_.size()); }
  Shard& shard(std::size_t i) { return *shards_[i]; }

 private:
  void on_all(std::function<void(Shard&, io::Task)> work, io::Task done);
  void drain_from(std::size_t node);
  void wait_idle();
  void tell_what_is_waited_for();
  void finish();

  Plan plan_;
  Host& host_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t exchange_credit_ = 32 * 1024 * 1024;  // some 90,000 spans: more only waits longer
  TimePoint deadline_{}, next_line_{};  // of stop()
  io::Task stopped_;
};

}  // namespace weir::engine

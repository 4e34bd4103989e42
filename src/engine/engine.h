#pragma once
// Runs a plan on several cores: start, reload, stop. Driven from the first core's executor; all calls are asynchronous,
// so that the simulation can run the same code.
#include <list>

#include "engine/departure.h"

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
  // Starts without a plan: reload() brings the first one.
  Engine(std::vector<io::Executor*> executors, Host& host, std::uint64_t seed);
  ~Engine();

  // Starts stages on all cores, then receivers. `done` is called on the first core; after an error everything is stopped again.
  void start(std::move_only_function<void(Result<>)> done);
  // Changes to another plan. Components that are the same in both keep their state, counters, sockets and timers (see revise()); new ones
  // are made and started beside them; then every core is rewired. `done` is called when the new plan serves; after an error the old one
  // serves as before. Components that are only in the old plan are drained within `patience` (see Departure). `gone` is called when they,
  // or after an error the new ones, are destroyed. The next call must wait for `done`.
  void reload(Plan plan, Duration patience, std::move_only_function<void(Result<>)> done, io::Task gone = [] {});
  // Stops receivers, pushes held data in topological order and lets exporters finish; after `patience` the rest is dropped. Then all
  // stages are destroyed and `done` is called on the first core.
  void stop(Duration patience, io::Task done);
  // Ends the time for a stop and for departures after a reload now. On the first core.
  void hurry();

  // The counts of every component, also of destroyed ones. Exact when no data moves (only the simulation asks held() on the stage's core).
  // From any thread.
  std::vector<LedgerRow> ledger(bool with_held) const;

  // Bytes that one exchange of one core may have on their way to other cores. Beyond that, senders are refused and try again.
  void set_exchange_credit(std::size_t bytes) { shards_.exchange_credit = bytes; }

  // The plan that serves; null before the start. On the first core.
  const Plan* plan() const { return current_ ? &current_->plan : nullptr; }
  // True while operators and receivers of earlier plans are still being drained.
  bool departing() const { return !departures_.empty(); }

 private:
  struct Reload;

  void sync_what_is_there();
  void make(std::shared_ptr<Reload> reload);
  void start_receivers(std::shared_ptr<Reload> reload);
  void commit(std::shared_ptr<Reload> reload);
  void give_up(std::shared_ptr<Reload> reload);
  void depart(Gone gone, Duration patience, io::Task ended, io::Task receivers_stopped = nullptr);
  void begin_receivers(const std::vector<LifeId>& lives);
  void ended(const Departure* departure, io::Task then);
  Departure::Turn turn() const;
  void remember(const Operator& gone);
  static void add(LedgerRow& row, const Ledger& ledger);

  mutable Shards shards_;  // ledger() locks the roster
  std::optional<Plan> first_;  // until start()
  std::shared_ptr<const Revision> current_;  // null before the start; shared with the cores while they carry it out; replaced with the roster held
  Numbers numbers_;
  std::vector<LedgerRow> past_;  // of operators that are gone; with the roster held
  std::list<std::unique_ptr<Departure>> departures_;  // the oldest first
  io::Task all_gone_;  // stop(): when the last departure is over
  bool reloading_ = false;
};

}  // namespace weir::engine

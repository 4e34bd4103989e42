#include "engine/engine.h"

#include "base/log.h"
#include "io/fs.h"
#include "io/workers.h"

namespace weir::engine {

std::uint64_t LedgerRow::total_dropped() const {
  std::uint64_t sum = 0;
  for (auto n : dropped) sum += n;
  return sum;
}

bool LedgerRow::balanced() const {
  return in + created == out + consumed + delivered + refused + stored + total_dropped() + held;
}

std::string LedgerRow::text() const {
  std::string line = fmt::format("{} {} {}: in {} created {} out {} consumed {} delivered {} refused {} stored {} held {}",
                                 to_string(role), component, to_string(signal), in, created, out, consumed, delivered,
                                 refused, stored, held);
  for (std::size_t i = 0; i < dropped.size(); ++i)
    if (dropped[i]) line += fmt::format(" dropped[{}] {}", to_string(static_cast<Reason>(i)), dropped[i]);
  return line;
}

// A reload under way. Shared by its steps.
struct Engine::Reload {
  std::shared_ptr<const Revision> to;
  Gone leaving;  // when it succeeds
  Duration patience;
  std::move_only_function<void(Result<>)> done;
  io::Task gone;
  std::mutex mutex;
  Result<> error;  // the first one; with the mutex held while cores work

  void keep(Result<> result) {
    std::lock_guard lock(mutex);
    if (!result && error) error = std::move(result);
  }
};

Engine::Engine(Plan plan, std::vector<io::Executor*> executors, Host& host, std::uint64_t seed) : Engine(std::move(executors), host, seed) {
  first_ = std::move(plan);
}

Engine::Engine(std::vector<io::Executor*> executors, Host& host, std::uint64_t seed) : shards_(executors, host, seed) {
  shards_.remember = [this](const Operator& gone) { remember(gone); };
}

Engine::~Engine() = default;

void Engine::start(std::move_only_function<void(Result<>)> done) {
  Plan plan = std::move(*first_);
  first_.reset();
  struct Answer {
    std::move_only_function<void(Result<>)> done;
    Result<> result;
  };
  auto answer = std::make_shared<Answer>(std::move(done));  // shared by the two callbacks
  reload(std::move(plan), 0s,
         [answer](Result<> result) {
           answer->result = std::move(result);
           if (answer->result) answer->done({});
         },
         [answer] {
           if (!answer->result) answer->done(std::move(answer->result));
         });
}

void Engine::reload(Plan plan, Duration patience, std::move_only_function<void(Result<>)> done, io::Task gone) {
  WEIR_CHECK(!std::exchange(reloading_, true), "two reloads at once");
  auto reload = std::make_shared<Reload>();
  if (!current_) sync_what_is_there();
  reload->to = std::make_shared<const Revision>(revise(std::move(plan), current_.get(), numbers_));
  if (current_) reload->leaving = engine::gone(*current_, *reload->to);
  reload->patience = patience;
  reload->done = std::move(done);
  reload->gone = std::move(gone);
  shards_.on_all([reload](Shard& shard) { shard.share_listeners(reload->leaving); }, [this, reload] { make(reload); });
}

// An earlier process may have been killed before it synced what it had answered: from now on a power cut costs nothing of that.
void Engine::sync_what_is_there() {
  Host& host = shards_.host;
  std::string directory = host.data_directory();
  if (directory.empty()) return;
  auto work = [&host, directory] {
    if (auto synced = host.fs().sync_disk(directory); !synced) log::warn("What is on disk cannot be synced", {{"path", directory}, {"error", synced.error().what}});
  };
  (void)host.workers().submit(io::Workers::Priority::normal, shards_.home(), work, [] {});  // a full line of jobs syncs what it writes
}

void Engine::make(std::shared_ptr<Reload> reload) {
  shards_.on_all([reload](Shard& shard) { reload->keep(shard.make(*reload->to)); },
                 [this, reload] { reload->error ? start_receivers(reload) : give_up(reload); });
}

// The first core starts before the others: it finds out whether a port is free, and which port "any" is.
void Engine::start_receivers(std::shared_ptr<Reload> reload) {
  reload->keep(shards_.at(0).start_receivers(*reload->to));
  if (!reload->error) return give_up(reload);
  shards_.on_all([reload](Shard& shard) { if (shard.index() != 0) reload->keep(shard.start_receivers(*reload->to)); },
                 [this, reload] { reload->error ? commit(reload) : give_up(reload); });
}

void Engine::commit(std::shared_ptr<Reload> reload) {
  shards_.on_all([reload](Shard& shard) { shard.commit(*reload->to); }, [this, reload] {
    {
      std::lock_guard lock(shards_.roster);
      current_ = reload->to;
    }
    reloading_ = false;
    begin_receivers(reload->to->first_receivers);
    reload->done({});
    depart(reload->leaving, reload->patience, std::move(reload->gone), [this, reload] { begin_receivers(reload->to->replacing_receivers); });
  });
}

void Engine::begin_receivers(const std::vector<LifeId>& lives) {
  if (!lives.empty()) shards_.on_all([lives](Shard& shard) { shard.begin_receivers(lives); }, [] {});
}

// New receivers may have accepted data already, so the new components are drained like those of an old plan.
void Engine::give_up(std::shared_ptr<Reload> reload) {
  reloading_ = false;
  reload->done(std::move(reload->error));
  depart(made(*reload->to), reload->patience, std::move(reload->gone));
}

void Engine::depart(Gone gone, Duration patience, io::Task ended_then, io::Task receivers_stopped) {
  if (gone.empty()) return ended_then();
  auto& departure = departures_.emplace_back();
  departure = std::make_unique<Departure>(
      shards_, std::move(gone), shards_.home().now() + patience, turn(),
      [this, at = &departure, then = std::move(ended_then)]() mutable { ended(at->get(), std::move(then)); });
  departure->begin(std::move(receivers_stopped));
}

// A leaving operator feeds only operators that stay or that leave later, which must take what it pushes for as long as it may push.
Departure::Turn Engine::turn() const {
  auto all_before = [this](const Departure& departure, auto holds) {
    for (auto& other : departures_) {
      if (other.get() == &departure) break;
      if (!holds(*other)) return false;
    }
    return true;
  };
  return {.may_abandon = [=](const Departure& d) { return all_before(d, [](const Departure& other) { return other.abandoned(); }); },
          .may_destroy = [=](const Departure& d) { return all_before(d, [](const Departure&) { return false; }); }};
}

void Engine::ended(const Departure* departure, io::Task then) {
  // Posted, because it must not be destroyed within one of its own calls.
  shards_.home().post([this, departure, then = std::move(then)]() mutable {
    std::erase_if(departures_, [departure](auto& d) { return d.get() == departure; });
    then();
    if (departures_.empty() && all_gone_) std::exchange(all_gone_, nullptr)();
  });
}

void Engine::stop(Duration patience, io::Task done) {
  TimePoint deadline = shards_.home().now() + patience;
  all_gone_ = std::move(done);
  Gone last;
  if (current_) last = engine::gone(*current_);
  if (last.empty() && departures_.empty()) return shards_.home().post(std::exchange(all_gone_, nullptr));
  depart(std::move(last), patience, [] {});
  for (auto& departure : departures_) departure->hurry_to_the_end(deadline);
}

void Engine::hurry() {
  TimePoint now = shards_.home().now();
  for (auto& departure : departures_) all_gone_ ? departure->hurry_to_the_end(now) : departure->hurry(now);
}

void Engine::add(LedgerRow& row, const Ledger& l) {
  row.in += Ledger::get(l.in), row.out += Ledger::get(l.out), row.created += Ledger::get(l.created);
  row.consumed += Ledger::get(l.consumed), row.delivered += Ledger::get(l.delivered), row.refused += Ledger::get(l.refused);
  row.stored += Ledger::get(l.stored);
  for (std::size_t r = 0; r < row.dropped.size(); ++r) row.dropped[r] += Ledger::get(l.dropped[r]);
}

static LedgerRow& row_of(std::vector<LedgerRow>& rows, std::string_view component, PlanNode::Role role, Signal signal) {
  for (auto& row : rows)
    if (row.component == component && row.role == role && row.signal == signal) return row;
  return rows.emplace_back(LedgerRow{.component = std::string(component), .role = role, .signal = signal});
}

// Needs the roster's lock.
void Engine::remember(const Operator& gone) { add(row_of(past_, gone.label, gone.role, gone.signal), gone.ledger); }

std::vector<LedgerRow> Engine::ledger(bool with_held) const {
  std::vector<LedgerRow> rows;
  std::lock_guard lock(shards_.roster);
  if (current_)
    for (auto& node : current_->plan.nodes()) row_of(rows, label(node), node.role, node.signal);
  for (auto& past : past_) row_of(rows, past.component, past.role, past.signal) = past;
  for (std::size_t i = 0; i < shards_.size(); ++i)
    for (auto& [id, at] : shards_.at(i).operators()) {
      LedgerRow& row = row_of(rows, at->label, at->role, at->signal);
      add(row, at->ledger);
      if (with_held && at->stage) row.held += at->stage->held();
    }
  return rows;
}

}  // namespace weir::engine

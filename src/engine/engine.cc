#include "engine/engine.h"

#include <map>
#include <mutex>

#include "base/log.h"

namespace weir::engine {

// How often a stop says what it waits for.
static constexpr Duration line_interval = 3s;

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

Engine::Engine(Plan plan, std::vector<io::Executor*> executors, Host& host, std::uint64_t seed)
    : plan_(std::move(plan)), host_(host) {
  for (std::size_t i = 0; i < executors.size(); ++i)
    shards_.push_back(std::make_unique<Shard>(*this, plan_, static_cast<std::uint16_t>(i), *executors[i], seed + i));
}

Engine::~Engine() = default;

void Engine::on_all(std::function<void(Shard&, io::Task)> work, io::Task done) {
  struct Waiting {
    std::atomic<std::size_t> left;
    io::Task done;
  };
  // Shared by all cores until the last one is through.
  auto waiting = std::make_shared<Waiting>(shards_.size(), std::move(done));
  io::Executor& home = shards_.front()->executor();
  for (auto& shard : shards_)
    shard->executor().post([&shard = *shard, &home, work, waiting] {
      work(shard, [&home, waiting] {
        if (waiting->left.fetch_sub(1) == 1) home.post(std::move(waiting->done));
      });
    });
}

void Engine::start(std::move_only_function<void(Result<>)> done) {
  struct Errors {
    std::mutex mutex;
    Result<> first;
  };
  // Shared by all cores while they start.
  auto errors = std::make_shared<Errors>();
  auto keep = [errors](Result<> result) {
    std::lock_guard lock(errors->mutex);
    if (!result && errors->first) errors->first = std::move(result);
  };
  auto finished = [this, errors, done = std::move(done)]() mutable {
    if (errors->first) return done({});
    stop(0s, [errors, done = std::move(done)]() mutable { done(std::move(errors->first)); });
  };
  // The first core alone before the others: it finds out whether a port is free, and which one "any" is.
  auto others = [this, errors, keep, finished = std::move(finished)]() mutable {
    if (!errors->first) return finished();
    on_all([keep](Shard& shard, io::Task next) { keep(shard.index() == 0 ? Result<>{} : shard.start_receivers()), next(); },
           std::move(finished));
  };
  auto receivers = [this, errors, keep, others = std::move(others)]() mutable {
    if (errors->first) keep(shards_.front()->start_receivers());
    others();
  };
  on_all([keep](Shard& shard, io::Task next) { keep(shard.start_stages()), next(); }, std::move(receivers));
}

void Engine::stop(Duration patience, io::Task done) {
  TimePoint now = shards_.front()->executor().now();
  deadline_ = now + patience;
  next_line_ = now + line_interval;
  stopped_ = std::move(done);
  auto stopped = std::make_shared<bool>(false);  // shared with the timer below
  on_all([](Shard& shard, io::Task next) { shard.stop_receivers(std::move(next)); }, [this, stopped] {
    *stopped = true;
    drain_from(0);
  });
  // A receiver waits for the answers to its requests, and a request may wait for room in a queue: exporters hear early that
  // nobody is to wait any more.
  shards_.front()->executor().at(now + std::min<Duration>(patience, 1s), [this, stopped] {
    if (*stopped) return;
    on_all(
        [this](Shard& shard, io::Task next) {
          for (std::size_t i = 0; i < plan_.nodes().size(); ++i)
            if (plan_.nodes()[i].role == PlanNode::Role::exporter) shard.drain(i);
          next();
        },
        [] {});
  });
}

// One wave for each node: what a core sent to another before its wave is in that core's queue before the next wave.
void Engine::drain_from(std::size_t node) {
  if (node == plan_.nodes().size()) return wait_idle();
  on_all([node](Shard& shard, io::Task next) { shard.drain(node), next(); }, [this, node] { drain_from(node + 1); });
}

void Engine::wait_idle() {
  // Shared by all cores for one round of asking.
  auto busy = std::make_shared<std::atomic<bool>>(false);
  auto ask = [busy](Shard& shard, io::Task next) {
    if (!shard.idle()) *busy = true;  // never set back: another core may have said so meanwhile
    next();
  };
  on_all(ask, [this, busy] {
    io::Executor& home = shards_.front()->executor();
    if (*busy && home.now() < deadline_) {
      if (home.now() >= next_line_) tell_what_is_waited_for();
      home.at(home.now() + 5ms, [this] { wait_idle(); });
      return;
    }
    finish();
  });
}

// Of every component that holds something, how many items.
void Engine::tell_what_is_waited_for() {
  struct Held {
    std::mutex mutex;
    std::map<std::string, std::size_t> items;
  };
  auto held = std::make_shared<Held>();  // shared by all cores while they are asked
  next_line_ += line_interval;
  auto ask = [held](Shard& shard, io::Task next) {
    for (auto& node : shard.nodes())
      if (std::size_t items = node->stage ? node->stage->held() : 0) {
        std::lock_guard lock(held->mutex);
        held->items[label(node->plan)] += items;
      }
    next();
  };
  on_all(ask, [this, held] {
    Duration left = std::max<Duration>(0s, deadline_ - shards_.front()->executor().now());
    for (auto& [component, items] : held->items)
      log::info("Waiting until this is sent", {{"component", component}, {"items", items}, {"time_left", format_duration(std::chrono::ceil<std::chrono::seconds>(left))}});
  });
}

void Engine::finish() {
  on_all([](Shard& shard, io::Task next) { shard.abandon(), next(); },
         [this] { on_all([](Shard& shard, io::Task next) { shard.destroy(), next(); }, std::move(stopped_)); });
}

std::vector<LedgerRow> Engine::ledger(bool with_held) const {
  std::vector<LedgerRow> rows;
  for (std::size_t i = 0; i < plan_.nodes().size(); ++i) {
    const PlanNode& plan = plan_.nodes()[i];
    LedgerRow row{.component = label(plan), .role = plan.role, .signal = plan.signal};
    for (auto& shard : shards_) {
      const Node& node = *shard->nodes()[i];
      const Ledger& l = node.ledger;
      row.in += Ledger::get(l.in), row.out += Ledger::get(l.out), row.created += Ledger::get(l.created);
      row.consumed += Ledger::get(l.consumed), row.delivered += Ledger::get(l.delivered), row.refused += Ledger::get(l.refused), row.stored += Ledger::get(l.stored);
      for (std::size_t r = 0; r < row.dropped.size(); ++r) row.dropped[r] += Ledger::get(l.dropped[r]);
      if (with_held && node.stage) row.held += node.stage->held();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir::engine

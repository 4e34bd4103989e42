#include "engine/departure.h"

#include "base/log.h"

namespace weir::engine {
namespace {

// How often the log says what a departure waits for.
constexpr Duration line_interval = 3s;
constexpr Duration short_wait = 5ms, long_wait = 50ms;
// Time for connections to close after every request was answered.
constexpr Duration grace = 1s;

}  // namespace

Departure::Departure(Shards& shards, Gone gone, TimePoint deadline, Turn turn, io::Task ended)
    : shards_(shards),
      gone_(std::move(gone)),
      deadline_(deadline),
      next_line_(shards.home().now() + line_interval),
      begun_at_(shards.home().now()),
      turn_(std::move(turn)),
      ended_(std::move(ended)) {}

void Departure::begin(io::Task receivers_stopped) {
  then_ = std::move(receivers_stopped);
  shards_.on_all([this](Shard& shard, io::Task next) { shard.stop_receivers(gone_, std::move(next)); },
                 [stopped = receivers_stopped_] { *stopped = true; });
  look();
}

void Departure::hurry_to_the_end(TimePoint deadline) {
  hurry(deadline);
  forced_at_ = deadline + 2 * grace;
}

void Departure::look() {
  auto report = std::make_shared<Report>();  // shared by all cores for one round of asking
  auto ask = [this, report](Shard& shard) {
    if (!shard.idle(gone_)) report->idle = false;  // never set back: another core may have said so meanwhile
    report->open += shard.open_requests(gone_);
  };
  shards_.on_all(ask, [this, report] { judge(*report); });
}

void Departure::judge(const Report& report) {
  if (*receivers_stopped_ && then_) std::exchange(then_, nullptr)();
  TimePoint now = shards_.home().now();
  bool late = now >= deadline_;
  // A receiver waits for answers to its requests, and a request may wait for room in a queue. So exporters are told early that no request
  // may wait any more.
  if (!draining_ && !*receivers_stopped_ && !exporters_told_ && now >= begun_at_ + grace) {
    exporters_told_ = true;
    shards_.on_all([this](Shard& shard) { shard.drain_exporters(gone_); }, [] {});
  }
  if (!draining_ && (*receivers_stopped_ || late)) {
    draining_ = true;
    return drain_from(0);
  }
  bool quiet = *receivers_stopped_ && report.idle && report.open == 0;
  if (drained_ && !abandoned_ && (quiet || late) && turn_.may_abandon(*this)) return abandon();
  bool silent = report.open == 0 && (*receivers_stopped_ || now >= hang_up_at_);
  if (abandoned_ && (silent || now >= forced_at_) && turn_.may_destroy(*this)) return destroy();
  if (now >= next_line_) tell_what_is_waited_for();
  look_later(now < begun_at_ + grace ? short_wait : long_wait);
}

void Departure::look_later(Duration wait) {
  io::Executor& home = shards_.home();
  home.at(home.now() + wait, [this] { look(); });
}

void Departure::drain_from(std::size_t i) {
  if (i == gone_.operators.size()) {
    drained_ = true;
    return look();
  }
  shards_.on_all([id = gone_.operators[i]](Shard& shard) { shard.drain(id); }, [this, i] { drain_from(i + 1); });
}

void Departure::abandon() {
  abandoned_ = true;
  hang_up_at_ = shards_.home().now() + grace;
  shards_.on_all([this](Shard& shard) { shard.abandon(gone_); }, [this, before = dropped()] {
    tell_losses(before);
    look();
  });
}

// The items that each leaving component dropped because its time was over.
std::map<std::string, std::uint64_t> Departure::dropped() const {
  std::map<std::string, std::uint64_t> out;
  std::lock_guard lock(shards_.roster);
  for (std::size_t i = 0; i < shards_.size(); ++i)
    for (OperatorId id : gone_.operators) {
      auto at = shards_.at(i).operators().find(id);
      if (at != shards_.at(i).operators().end())
        out[at->second->label] += Ledger::get(at->second->ledger.dropped[static_cast<std::size_t>(Reason::shutdown)]);
    }
  return out;
}

void Departure::tell_losses(const std::map<std::string, std::uint64_t>& before) {
  for (auto& [component, all] : dropped()) {
    auto at = before.find(component);
    std::uint64_t lost = all - (at == before.end() ? 0 : at->second);
    if (lost) log::error("Dropping data: the time to deliver it is over", {{"component", component}, {"dropped_items", lost}});
  }
}

// The number of items that each component holds, and of requests without an answer.
void Departure::tell_what_is_waited_for() {
  struct Held {
    std::mutex mutex;
    std::map<std::string, std::size_t> items;
    std::size_t requests = 0;
  };
  auto held = std::make_shared<Held>();  // shared by all cores while they are asked
  next_line_ = shards_.home().now() + line_interval;
  auto ask = [this, held](Shard& shard) {
    for (OperatorId id : gone_.operators) {
      auto at = shard.operators().find(id);
      const Stage* stage = at != shard.operators().end() ? at->second->stage.get() : nullptr;
      if (stage == nullptr || (stage->idle() && stage->held() == 0)) continue;
      std::lock_guard lock(held->mutex);
      held->items[at->second->label] += stage->held();
    }
    std::lock_guard lock(held->mutex);
    held->requests += shard.open_requests(gone_);
  };
  shards_.on_all(ask, [held, left = std::max<Duration>(0s, deadline_ - shards_.home().now())] {
    log::Field time_left("time_left", format_duration(std::chrono::ceil<std::chrono::seconds>(left)));
    for (auto& [component, items] : held->items) log::info("Waiting until this is sent", {{"component", component}, {"items", items}, time_left});
    if (held->requests) log::info("Waiting until requests are answered", {{"requests", held->requests}, time_left});
  });
}

// Stages come first, on all cores: receivers must still exist when requests are answered.
void Departure::destroy() {
  if (then_) std::exchange(then_, nullptr)();
  shards_.on_all([this](Shard& shard) { shard.destroy_stages(gone_); },
                 [this] { shards_.on_all([this](Shard& shard) { shard.destroy(gone_); }, [this] { std::exchange(ended_, nullptr)(); }); });
}

}  // namespace weir::engine

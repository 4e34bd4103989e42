#pragma once
// Something for each series, bounded.
#include <atomic>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/budget.h"
#include "base/time.h"
#include "components/shared/metric_streams/stream_id.h"
#include "components/shared/series_churn/churn.h"
#include "engine/component.h"
#include "engine/out.h"

namespace weir::metric_streams {

// How many series, on all cores together: in all, and of metrics of one name (0: no limit).
struct Limits {
  std::uint64_t all = 0, per_metric = 0;
};

// Series of one processor on all cores together, against its limits.
class StreamCount {
 public:
  // `metric`: StreamHasher::name(). False when a limit is reached.
  bool take(std::uint64_t metric, const Limits& limits);
  void give_back(std::uint64_t metric);
  std::uint64_t size() const { return all_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> all_{0};
  std::mutex mutex_;  // guards by_metric_, which is looked at when series come and go
  std::unordered_map<std::uint64_t, std::uint64_t> by_metric_;
};

// One core's. `State` is default-constructible and has `std::size_t bytes() const`. Charged to the budget as long as it is kept.
template <class State>
class Streams {
 public:
  // `name` tells several of one processor apart.
  Streams(Limits limits, const engine::StageContext& context, std::string_view name = "streams")
      : limits_(limits),
        count_(engine::shared_state<StreamCount>(context.host, fmt::format("{} {} {}", name, context.id.to_string(), context.pipeline))),
        charge_(context.host.budget().empty_charge()) {}
  Streams(const Streams&) = delete;
  ~Streams() {
    for (auto& entry : entries_) count_->give_back(entry.metric);
  }

  // Null when there is none. It counts as seen now.
  State* find(const StreamId& id, TimePoint now) {
    auto at = index_.find(id);
    if (at == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    at->second->seen = now;
    return &at->second->state;
  }
  // Null when there is no room. Not for what is there. `metric`: StreamHasher::name().
  State* add(const StreamId& id, std::uint64_t metric, TimePoint now) {
    constexpr std::size_t least = sizeof(Entry) + 96;  // with the index and the list
    if (!count_->take(metric, limits_)) return nullptr;
    if (!charge_.grow(least)) {
      count_->give_back(metric);
      return nullptr;
    }
    entries_.push_front({id, metric, now, least, {}});
    index_.emplace(id, entries_.begin());
    return &entries_.front().state;
  }
  // After the state of that series was changed: charges what it holds now.
  void account(const StreamId& id) {
    Entry& entry = *index_.find(id)->second;
    std::size_t bytes = sizeof(Entry) + 96 + entry.state.bytes();
    if (bytes > entry.charged)
      charge_.grow_unchecked(bytes - entry.charged);
    else
      charge_.shrink_to(charge_.bytes() - (entry.charged - bytes));
    entry.charged = bytes;
  }
  void remove(const StreamId& id) {
    if (auto at = index_.find(id); at != index_.end()) erase(at->second);
  }
  // Forgets at most `budget` series that were not seen for longer than `age`. False: there may be more of them.
  bool expire(TimePoint now, Duration age, std::size_t budget) {
    while (!entries_.empty() && now - entries_.back().seen > age) {
      if (budget-- == 0) return false;
      erase(std::prev(entries_.end()));
    }
    return true;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    StreamId id;
    std::uint64_t metric;
    TimePoint seen;
    std::size_t charged;
    State state;
  };
  using Entries = std::list<Entry>;

  void erase(typename Entries::iterator at) {
    charge_.shrink_to(charge_.bytes() - at->charged);
    count_->give_back(at->metric);
    index_.erase(at->id);
    entries_.erase(at);
  }

  Limits limits_;
  std::shared_ptr<StreamCount> count_;  // shared with the other cores
  Charge charge_;
  Entries entries_;  // the latest seen first
  std::unordered_map<StreamId, typename Entries::iterator> index_;
};

// For tick(): forgets what was not seen for `age`, a part at a time, and asks to be woken as long as anything is kept.
template <class State>
void sweep(Streams<State>& streams, TimePoint now, Duration age, engine::Out& out) {
  constexpr std::size_t budget = 20'000;
  constexpr Duration pause = 20ms;
  bool done = streams.expire(now, age, budget);
  if (streams.size() > 0) out.wake_at(now + (done ? std::min<Duration>(age, 1min) : pause));
}

// Tells the processor's own metrics of series that are new to it.
class Added {
 public:
  explicit Added(const engine::StageContext& context) : churn_(series_churn::Churn::of(context.host, "processor", context.id.to_string())) {}
  void tell(const otlp::Metric& metric, const otlp::DataPoint& point);

 private:
  std::shared_ptr<series_churn::Churn> churn_;  // shared with the other cores
};

}  // namespace weir::metric_streams

#pragma once
// Something for each series, bounded.
#include <atomic>
#include <list>
#include <unordered_map>

#include "base/budget.h"
#include "base/time.h"
#include "components/shared/metric_streams/stream_id.h"
#include "engine/component.h"

namespace weir::metric_streams {

// Series of one processor on all cores together, against one limit.
struct StreamCount {
  std::atomic<std::int64_t> value{0};
};

// One core's. `State` is default-constructible and has `std::size_t bytes() const`. Charged to the budget as long as it is kept.
template <class State>
class Streams {
 public:
  // `limit` holds for all cores together.
  Streams(std::uint64_t limit, const engine::StageContext& context)
      : limit_(static_cast<std::int64_t>(std::min<std::uint64_t>(limit, INT64_MAX))),
        count_(engine::shared_state<StreamCount>(context.host, fmt::format("streams {} {}", context.id.to_string(), context.pipeline))),
        charge_(context.host.budget().empty_charge()) {}
  Streams(const Streams&) = delete;
  ~Streams() { count_->value.fetch_sub(static_cast<std::int64_t>(size()), std::memory_order_relaxed); }

  // Null when there is none. It counts as seen now.
  State* find(const StreamId& id, TimePoint now) {
    auto at = index_.find(id);
    if (at == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    at->second->seen = now;
    return &at->second->state;
  }
  // Null when there is no room. Not for what is there.
  State* add(const StreamId& id, TimePoint now) {
    constexpr std::size_t least = sizeof(Entry) + 96;  // with the index and the list
    if (count_->value.load(std::memory_order_relaxed) >= limit_ || !charge_.grow(least)) return nullptr;
    count_->value.fetch_add(1, std::memory_order_relaxed);
    entries_.push_front({id, now, least, {}});
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
    TimePoint seen;
    std::size_t charged;
    State state;
  };
  using Entries = std::list<Entry>;

  void erase(typename Entries::iterator at) {
    charge_.shrink_to(charge_.bytes() - at->charged);
    count_->value.fetch_sub(1, std::memory_order_relaxed);
    index_.erase(at->id);
    entries_.erase(at);
  }

  std::int64_t limit_;
  std::shared_ptr<StreamCount> count_;  // shared with the other cores
  Charge charge_;
  Entries entries_;  // the latest seen first
  std::unordered_map<StreamId, typename Entries::iterator> index_;
};

}  // namespace weir::metric_streams

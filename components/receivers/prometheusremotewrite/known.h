#pragma once
// What earlier requests said about metrics and resources: 1.0 sends types and help in requests of their own, and target_info comes when it
// comes. Shared by all cores of a receiver, since a sender's connections are on any of them.
#include <list>
#include <mutex>
#include <unordered_map>

#include "components/shared/remote_write/series.h"

namespace weir::receivers::prometheusremotewrite {

using StringPairs = std::vector<std::pair<std::string, std::string>>;

// Remembers the last `limit` keys that were put or found.
template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t limit) : limit_(limit) {}

  const Value* find(const std::string& key) {
    auto at = index_.find(key);
    if (at == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    return &at->second->second;
  }
  void put(const std::string& key, Value value) {
    if (auto at = index_.find(key); at != index_.end()) {
      at->second->second = std::move(value);
      entries_.splice(entries_.begin(), entries_, at->second);
      return;
    }
    if (entries_.size() == limit_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    index_.emplace(entries_.front().first, entries_.begin());
  }
  std::size_t size() const { return entries_.size(); }

 private:
  std::size_t limit_;
  std::list<std::pair<std::string, Value>> entries_;  // the latest first
  std::unordered_map<std::string_view, typename std::list<std::pair<std::string, Value>>::iterator> index_;
};

struct Known {
  struct Metric {
    remote_write::MetricType type{};
    std::string help, unit;
  };

  static constexpr std::size_t max_text = 4096;  // of one key or value; what is longer is not remembered

  // Of the family, or of the one whose suffix makes the name: lat_bucket is of lat.
  std::optional<Metric> metric(std::string_view name);
  void learn_metric(const remote_write::Metadata& metadata);
  // Attributes of a resource as target_info had them.
  StringPairs target(const std::string& identity);
  void learn_target(const std::string& identity, StringPairs attributes);

 private:
  std::mutex mutex_;  // guards both
  Recent<Metric> metrics_{50'000};
  Recent<StringPairs> targets_{10'000};
};

}  // namespace weir::receivers::prometheusremotewrite

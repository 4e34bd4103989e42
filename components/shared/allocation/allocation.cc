#include "components/shared/allocation/allocation.h"

#include <algorithm>

namespace weir::allocation {

std::span<const config::Choice> choices_of(Strategy) {
  static constexpr std::array choices{config::Choice("least-weighted", Strategy::least_weighted), config::Choice("consistent-hashing", Strategy::consistent_hashing),
                                      config::Choice("per-node", Strategy::per_node)};
  return choices;
}

std::string Allocation::lightest(const Item& item) const {
  const std::string* best = nullptr;
  std::pair<std::size_t, std::size_t> least;
  for (auto& [name, share] : collectors_) {
    auto job = share.by_job.find(item.job);
    std::pair weight(share.targets, job == share.by_job.end() ? 0 : job->second);
    // Names come in order: of equal ones the first stays.
    if (best == nullptr || weight < least) best = &name, least = weight;
  }
  return best == nullptr ? "" : *best;
}

std::string Allocation::by(Strategy strategy, const Item& item) const {
  if (strategy == Strategy::consistent_hashing) return std::string(ring_.owner_of(item.address));
  if (strategy == Strategy::least_weighted) return collectors_.contains(item.collector) ? item.collector : lightest(item);
  auto at = by_node_.find(std::string(node_of(item.labels)));
  return at == by_node_.end() ? "" : at->second;
}

std::string Allocation::owner_for(const Item& item) const {
  if (strategy_ == Strategy::per_node && fallback_ && node_of(item.labels).empty()) return by(*fallback_, item);
  return by(strategy_, item);
}

void Allocation::release(Item& item) {
  auto at = collectors_.find(item.collector);
  if (at != collectors_.end()) {
    --at->second.targets;
    if (auto job = at->second.by_job.find(item.job); --job->second == 0) at->second.by_job.erase(job);
  }
  item.collector.clear();
}

void Allocation::assign(Item& item) {
  std::string owner = owner_for(item);
  if (owner == item.collector) return;
  std::string before = item.collector;
  release(item);
  item.collector = owner;
  if (!before.empty()) moves_.emplace(item.hash, before);
  if (owner.empty()) return;
  Share& share = collectors_.at(owner);
  ++share.targets;
  ++share.by_job[item.job];
}

void Allocation::set_targets(std::vector<Item> items) {
  std::map<std::uint64_t, Item> now;
  // Of equal ones the last counts.
  for (auto& item : items) now[item.hash] = std::move(item);
  for (auto& [hash, item] : items_)
    if (auto same = now.find(hash); same != now.end()) same->second.collector = item.collector;
    else release(item);
  for (auto& [hash, item] : now)
    if (!items_.contains(hash)) item.collector.clear();
  items_ = std::move(now);
  for (auto& [hash, item] : items_)
    if (item.collector.empty()) assign(item);
}

void Allocation::set_collectors(const std::vector<Collector>& collectors) {
  std::map<std::string, Share> now;
  std::vector<std::string> names;
  by_node_.clear();
  for (auto& one : collectors) {
    auto [at, is_new] = now.try_emplace(one.name, Share{.node = one.node, .targets = 0, .by_job = {}});
    if (auto old = collectors_.find(one.name); is_new && old != collectors_.end()) at->second.targets = old->second.targets, at->second.by_job = old->second.by_job;
    names.push_back(one.name);
    if (!one.node.empty()) by_node_[one.node] = one.name;
  }
  collectors_ = std::move(now);
  ring_ = Ring(std::move(names));
  for (auto& [hash, item] : items_) assign(item);
}

std::size_t Allocation::unassigned() const {
  return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), [](auto& entry) { return entry.second.collector.empty(); }));
}

}  // namespace weir::allocation

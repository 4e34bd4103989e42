#pragma once
// Which collector scrapes which target.
#include <map>
#include <optional>

#include "components/shared/allocation/item.h"
#include "components/shared/allocation/ring.h"
#include "config/field.h"

namespace weir::allocation {

// least_weighted: who has fewest targets; a target stays where it is. consistent_hashing: by a ring of the collectors, so that
// few targets move when one comes or goes. per_node: the collector on the target's own node.
enum class Strategy : std::uint8_t { least_weighted, consistent_hashing, per_node };
std::span<const config::Choice> choices_of(Strategy);

struct Collector {
  std::string name, node;
  bool operator==(const Collector&) const = default;
};

// One core.
class Allocation {
 public:
  // `fallback`: of per_node, for targets that are on no node.
  explicit Allocation(Strategy strategy, std::optional<Strategy> fallback = {}) : strategy_(strategy), fallback_(fallback) {}

  // All there are. Those that were there before keep their collector; their labels are the new ones.
  void set_targets(std::vector<Item> items);
  void set_collectors(const std::vector<Collector>& collectors);

  struct Share {
    std::string node;
    std::size_t targets = 0;
    std::map<std::string, std::size_t> by_job;
  };
  // By identity.
  const std::map<std::uint64_t, Item>& items() const { return items_; }
  const std::map<std::string, Share>& collectors() const { return collectors_; }
  std::size_t unassigned() const;
  // Targets that changed hands since this was asked last, and who had them before.
  std::map<std::uint64_t, std::string> take_moves() { return std::exchange(moves_, {}); }

 private:
  std::string owner_for(const Item& item) const;
  std::string by(Strategy strategy, const Item& item) const;
  std::string lightest(const Item& item) const;
  void assign(Item& item);
  void release(Item& item);

  Strategy strategy_;
  std::optional<Strategy> fallback_;
  std::map<std::uint64_t, Item> items_;
  std::map<std::string, Share> collectors_;
  std::map<std::string, std::string> by_node_;
  Ring ring_;
  std::map<std::uint64_t, std::string> moves_;
};

}  // namespace weir::allocation

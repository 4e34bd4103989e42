#pragma once
// Where a stream is cut by a key, so that equal keys meet at one owner.
#include "engine/component.h"

namespace weir::engine {

// One of several that share the keys between them. Cores here; the replicas of a cluster and the partitions of a topic are
// other lists of owners of the same keys.
class Owners {
 public:
  virtual ~Owners() = default;
  virtual std::size_t count() const = 0;
  // Which one a key belongs to, by its hash (key_hash). The same on whoever asks.
  virtual std::size_t owner_of(std::uint64_t hash) const = 0;
};

// Equal shares of the range of hashes.
class EqualShares final : public Owners {
 public:
  explicit EqualShares(std::size_t count) : count_(count) {}
  std::size_t count() const override { return count_; }
  std::size_t owner_of(std::uint64_t hash) const override;

 private:
  std::size_t count_;
};

// Cuts batches by a key, and counts what is on its way to other owners. On one core, but for `in_flight`.
class Exchange {
 public:
  // `owners` outlives the exchange.
  Exchange(Key key, Signal signal, const Owners& owners) : key_(std::move(key)), signal_(signal), owners_(owners) {}

  // One part for each owner; empty where it gets nothing.
  std::vector<Batch> cut(Batch batch) const;
  const Owners& owners() const { return owners_; }

  std::atomic<std::size_t> in_flight{0};  // bytes on their way; taken back by whoever received them

 private:
  Key key_;
  Signal signal_;
  const Owners& owners_;
};

}  // namespace weir::engine

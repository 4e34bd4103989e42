#pragma once
// Cuts a stream by a key, so that equal keys come to the same owner.
#include "engine/component.h"

namespace weir::engine {

// A list of owners that share the keys. Here owners are cores; they could be replicas of a cluster or partitions of a topic.
class Owners {
 public:
  virtual ~Owners() = default;
  virtual std::size_t count() const = 0;
  // The owner of a key, by its hash (key_hash). The same answer everywhere.
  virtual std::size_t owner_of(std::uint64_t hash) const = 0;
};

// Gives each owner an equal share of the range of hashes.
class EqualShares final : public Owners {
 public:
  explicit EqualShares(std::size_t count) : count_(count) {}
  std::size_t count() const override { return count_; }
  std::size_t owner_of(std::uint64_t hash) const override;

 private:
  std::size_t count_;
};

// Cuts batches by a key and counts the bytes on their way to other owners. Belongs to one core, except `in_flight`.
class Exchange {
 public:
  // `owners` outlives the exchange.
  Exchange(Key key, Signal signal, const Owners& owners) : key_(std::move(key)), signal_(signal), owners_(owners) {}

  // One part for each owner, which may be empty.
  std::vector<Batch> cut(Batch batch) const;
  const Owners& owners() const { return owners_; }

  std::atomic<std::size_t> in_flight{0};  // bytes on their way; taken back by whoever received them

 private:
  Key key_;
  Signal signal_;
  const Owners& owners_;
};

}  // namespace weir::engine

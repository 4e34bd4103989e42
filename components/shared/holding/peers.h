#pragma once
// The same part of a stage on all cores, for what an earlier process left: it is handed to the core that owns it now.
#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "io/executor.h"

namespace weir::holding {

// Shared by all cores.
template <class Log>
class Peers {
 public:
  struct Peer {
    io::Executor* executor = nullptr;
    Log* log = nullptr;
    std::weak_ptr<int> alive;
  };

  void set(std::size_t shard, Peer peer) {
    std::lock_guard lock(mutex_);
    if (all_.size() <= shard) all_.resize(shard + 1);
    all_[shard] = std::move(peer);
  }
  void remove(std::size_t shard, const Log* log) {
    std::lock_guard lock(mutex_);
    if (shard < all_.size() && all_[shard].log == log) all_[shard] = {};
  }
  // Empty until all are there.
  std::vector<Peer> complete(std::size_t shards) {
    std::lock_guard lock(mutex_);
    if (all_.size() < shards || std::ranges::any_of(all_, [](auto& peer) { return peer.log == nullptr; })) return {};
    return all_;
  }

 private:
  std::mutex mutex_;  // guards all_
  std::vector<Peer> all_;
};

}  // namespace weir::holding

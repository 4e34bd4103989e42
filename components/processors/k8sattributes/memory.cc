#define XXH_INLINE_ALL
#include "components/processors/k8sattributes/memory.h"

#include <xxhash.h>

namespace weir::processors::k8sattributes {

std::uint64_t Memory::key_of(std::string_view raw, std::string_view peer) {
  return XXH3_64bits_withSeed(raw.data(), raw.size(), XXH3_64bits(peer.data(), peer.size()));
}

Remembered* Memory::find(std::string_view raw, std::string_view peer) {
  std::uint64_t key = key_of(raw, peer);
  auto is = [&](const Remembered& entry) { return entry.raw == raw && entry.peer == peer; };
  if (auto at = young_.find(key); at != young_.end()) return is(at->second) ? &at->second : nullptr;
  auto at = old_.find(key);
  if (at == old_.end() || !is(at->second)) return nullptr;
  auto node = old_.extract(at);
  auto moved = young_.insert(std::move(node)).position;
  weigh(moved->second);
  return &young_.find(key)->second;
}

Remembered& Memory::add(std::string_view raw, std::string_view peer) {
  if (young_.size() >= max_entries || young_bytes_ >= max_bytes) make_room();
  Remembered& entry = young_[key_of(raw, peer)];
  entry = {.raw = std::string(raw), .peer = std::string(peer)};
  return entry;
}

void Memory::make_room() {
  old_ = std::exchange(young_, {});
  Charge empty = charge_.split(0);
  old_charge_ = std::exchange(charge_, std::move(empty));
  young_bytes_ = 0;
}

void Memory::weigh(const Remembered& entry) {
  std::size_t bytes = sizeof(Remembered) + entry.raw.size() + entry.result.size() + 64;
  young_bytes_ += bytes;
  charge_.grow_unchecked(bytes);
}

}  // namespace weir::processors::k8sattributes

#pragma once
// Which core owns an item: a hash of the key its stage names.
#include "engine/component.h"

namespace weir::engine {

// Hash of an item's key; equal keys have equal hashes on every core and replica, in every build (xxh3, 64 bit).
std::uint64_t key_hash(const Key& key, Signal signal, otlp::ResourceGroup& group, const otlp::Item& item, Arena& arena);

// Which of so many owns the key: equal shares of the range of hashes.
constexpr std::size_t owner_of_key(std::uint64_t hash, std::size_t owners) {
  return static_cast<std::size_t>(static_cast<unsigned __int128>(hash) * owners >> 64);
}

// True when all items of one resource have the same key, so that it is enough to hash once for each.
inline bool by_resource(const Key& key) { return key.kind == Key::service || key.kind == Key::resource || key.kind == Key::single; }

}  // namespace weir::engine

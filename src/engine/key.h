#pragma once
// Which core owns an item: a hash of the key its stage names.
#include "engine/component.h"

namespace weir::engine {

// Hash of an item's key; equal keys have equal hashes on every core and replica, in every build (xxh3, 64 bit).
std::uint64_t key_hash(Key key, Signal signal, otlp::ResourceGroup& group, const otlp::Item& item, Arena& arena);

// True when all items of one resource have the same key, so that it is enough to hash once for each.
constexpr bool by_resource(Key key) { return key == Key::service || key == Key::resource || key == Key::single; }

}  // namespace weir::engine

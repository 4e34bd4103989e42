#pragma once
// Bringing memory near before it is needed.

namespace weir {

// The empty statement keeps the compiler from taking whoever calls this for a function without effect, and leaving it out.
[[gnu::always_inline]] inline void prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("" : : "r"(at));
}

}  // namespace weir

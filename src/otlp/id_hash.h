#pragma once
// Hash of ids for tables. Clients choose ids, so it depends on numbers they do not know.
#include <cstring>

#include "base/rng.h"
#include "otlp/model.h"

namespace weir::otlp {

class IdHash {
 public:
  using is_avalanching = void;
  explicit IdHash(Rng& rng) : a_(rng.next()), b_(rng.next()) {}

  std::size_t operator()(const TraceId& id) const {
    std::uint64_t halves[2];
    std::memcpy(halves, id.bytes.data(), sizeof halves);
    return fold(halves[0] ^ a_, halves[1] ^ b_);
  }
  std::size_t operator()(const TraceId& trace, const SpanId& span) const {
    std::uint64_t word;
    std::memcpy(&word, span.bytes.data(), sizeof word);
    return fold((*this)(trace) ^ b_, word ^ a_);
  }

 private:
  // Both halves of the product of 128 bits.
  static std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
    auto product = static_cast<unsigned __int128>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  std::uint64_t a_, b_;
};

// Two words, where the type's own comparison calls a function.
struct IdEqual {
  bool operator()(const TraceId& a, const TraceId& b) const { return std::memcmp(a.bytes.data(), b.bytes.data(), sizeof a.bytes) == 0; }
};

}  // namespace weir::otlp

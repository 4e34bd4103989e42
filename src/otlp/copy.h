#pragma once
// Copies that share nothing which one of two owners could change. Keys are not copied: they must outlive both.
#include "otlp/model.h"

namespace weir::otlp {

inline Attributes copy_of(const Attributes& from, Arena& arena) {
  Attributes out;
  out.reserve(arena, from.size());
  for (auto& kv : from) out.push_back(arena, {kv.key, kv.value.deep_copy(arena)});
  return out;
}

// For dividing a metric's points up: all but the points.
inline Metric* copy_without_points(const Metric& from, Arena& arena) {
  auto* out = arena.make<Metric>(from);
  out->metadata = copy_of(from.metadata, arena);
  out->points = {};
  return out;
}

}  // namespace weir::otlp

#pragma once
// What the fuzz targets of this folder share: reading everything of a batch, and what must hold of every batch.
#include "otlp/batch.h"
#include "otlp/json.h"
#include "otlp/verify.h"

namespace weir::otlp::fuzzing {

inline std::string joined(const Batch& batch) {
  std::string out;
  for (auto& piece : batch.encode()) out += piece.view();
  return out;
}

inline Signal signal_of(unsigned char choice) { return all_signals[choice % 3]; }

// A copy in memory of its own, so that reading past the end is seen.
inline Bytes exact(std::string_view text) { return Bytes::take(std::string(text)); }

inline std::size_t count_items(Batch& batch) {
  std::size_t items = 0;
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) items += item.points;
  return items;
}

// What was encoded is well-formed, has as many items as the batch says, and means the same.
inline void check_encoding(Batch& batch) {
  std::string bytes = joined(batch);
  auto again = Batch::parse(batch.signal(), exact(bytes));
  WEIR_CHECK(again.has_value(), "{}", again.error().what);
  WEIR_CHECK(again->items() == batch.items(), "{} items, {} after encoding", batch.items(), again->items());
  WEIR_CHECK(count_items(batch) == batch.items(), "{} items in the index, {} counted", count_items(batch), batch.items());
  std::string before = to_json(batch), after = to_json(*again);
  WEIR_CHECK(before == after, "{}\n{}", before, after);
}

}  // namespace weir::otlp::fuzzing

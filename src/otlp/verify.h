#pragma once
// One pass over a request: is it well-formed, and how much is in it?
#include <string_view>

#include "otlp/cost.h"
#include "otlp/landmarks.h"

namespace weir::otlp {

struct Extent {
  std::size_t items = 0;  // spans, data points, log records, profiles
  std::string landmarks;  // of the spans, in order, when something was sought
  Cost cost;
  std::size_t broken_texts = 0, broken_bytes = 0;  // texts that are not UTF-8, and the bytes in them that are none
};

// Checks an Export<Signal>ServiceRequest: every nested message in its bounds, known fields with their wire type, ids 0,
// 8 or 16 bytes, values nested at most 64 deep. Errc::invalid otherwise, naming the place. After it, decoding cannot fail.
// Text that is not UTF-8 is counted only: see repair(). `sought`: for traces, or null.
Result<Extent> verify(Signal signal, std::string_view request, const Sought* sought = nullptr);

// What an item that verify() has seen takes.
Cost cost_of_item(Signal signal, std::string_view item);
// The same of a resource or scope.
Cost cost_of_resource(std::string_view resource);
Cost cost_of_scope(std::string_view scope);

// Nesting of AnyValue that is accepted, everywhere.
inline constexpr int max_value_depth = 64;

}  // namespace weir::otlp

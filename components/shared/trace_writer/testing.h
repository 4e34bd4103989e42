#pragma once
// For tests of translations to OTLP.
#include <doctest/doctest.h>

#include "otlp/json.h"

namespace weir::testing {

// A request, which must be valid, as OTLP JSON.
inline std::string json_of(const Result<Bytes>& request, otlp::Signal signal = otlp::Signal::traces) {
  REQUIRE_MESSAGE(request.has_value(), request.error().what);
  auto batch = otlp::Batch::parse(signal, *request);
  REQUIRE_MESSAGE(batch.has_value(), batch.error().what);
  std::string out = otlp::to_json(*batch);
  batch->settle({});
  return out;
}

// The other way round.
inline otlp::Batch batch_of(std::string_view json, otlp::Signal signal = otlp::Signal::traces) {
  auto bytes = otlp::json_to_protobuf(signal, json);
  REQUIRE_MESSAGE(bytes.has_value(), bytes.error().what);
  auto batch = otlp::Batch::parse(signal, std::move(*bytes));
  REQUIRE_MESSAGE(batch.has_value(), batch.error().what);
  return std::move(*batch);
}

}  // namespace weir::testing

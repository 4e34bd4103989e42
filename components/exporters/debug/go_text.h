#pragma once
// Numbers and times as Go's fmt prints them.
#include <string>

#include "base/text.h"
#include "base/time.h"

#include "otlp/model.h"

namespace weir::exporters::debug {

// %v: shortest, with an exponent below 1e-4 and from 1e21 on.
std::string shortest(double value);
// %f
std::string fixed(double value);
// "2023-11-14 22:13:20.123456789 +0000 UTC"
std::string time_text(UnixNanos time);
// "" when there is none.
template <std::size_t N>
std::string id_text(const otlp::Id<N>& id) {
  std::string out;
  if (!id.empty()) append_hex(out, id.view());
  return out;
}

}  // namespace weir::exporters::debug

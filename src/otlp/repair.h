#pragma once
// Text that is not UTF-8: senders cut texts between bytes, and protobuf libraries refuse the whole request for it.
#include <string>
#include <string_view>

#include "otlp/model.h"

namespace weir::otlp {

// Bytes that belong to no character. Each becomes U+FFFD (three bytes).
std::size_t count_invalid_utf8(std::string_view text);
// The text with U+FFFD in their places.
std::string repair_utf8(std::string_view text);

// A request that verify() took, with all of its texts repaired. What is not text stays as it is, byte by byte.
std::string repair(Signal signal, std::string_view request);

}  // namespace weir::otlp

#pragma once
// Messages for tests, put together field by field.
#include "otlp/wire.h"

namespace weir::otlp {

inline std::string field(std::uint32_t number, std::string_view content) {
  Writer out;
  out.bytes(number, content);
  return std::string(out.view());
}

// What SDKs write in front of a span's attributes.
inline std::string span_head(std::string_view name) {
  Writer out;
  out.fixed64(8, 9);
  out.fixed64(7, 5);
  out.number(6, 2);
  out.bytes(5, name);
  out.bytes(4, "parent__");
  out.bytes(2, "span____");
  out.bytes(1, "trace___________");
  return std::string(out.view());
}

}  // namespace weir::otlp

#pragma once
// Names with characters beyond the old set, written with those of the old set, as peers ask with `escaping=`.
#include <optional>
#include <string>
#include <string_view>

namespace weir::prometheus {

enum class Escaping : std::uint8_t {
  none,         // allow-utf-8
  underscores,  // each other character is '_': cannot be undone
  dots,         // '.' is _dot_, '_' is __, others are __
  values,       // U__ in front, others as _hex_, '_' as __
};
std::string_view to_string(Escaping escaping);
std::optional<Escaping> escaping_of(std::string_view name);

// [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_plain_name(std::string_view name);

std::string escape_name(std::string_view name, Escaping escaping);
// What is not escaped that way stays as it is.
std::string unescape_name(std::string_view name, Escaping escaping);

}  // namespace weir::prometheus

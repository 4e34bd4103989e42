#pragma once
// Names of OTLP metrics, units and attributes as Prometheus has them, and back.
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::prometheus {

enum class Strategy : std::uint8_t {
  underscores_with_suffixes,  // what is no letter, digit, '_' or ':' becomes '_'; unit and type are appended
  underscores,                // the same without suffixes
  utf8_with_suffixes,         // characters stay; unit and type are appended
  none,                       // everything stays
};
constexpr bool escapes(Strategy s) { return s == Strategy::underscores_with_suffixes || s == Strategy::underscores; }
constexpr bool adds_suffixes(Strategy s) { return s == Strategy::underscores_with_suffixes || s == Strategy::utf8_with_suffixes; }

enum class MetricKind : std::uint8_t { unknown, counter, up_down_counter, gauge, histogram, summary };

struct MetricNamer {
  std::string name_space;
  Strategy strategy = Strategy::underscores_with_suffixes;

  // `invalid` when nothing is left of the name.
  Result<std::string> build(std::string_view name, std::string_view unit, MetricKind kind) const;
};

struct LabelNamer {
  bool utf8 = false;
  bool keep_underscores = false;  // "a..b" is a__b, not a_b
  bool prefix_underscore = false;  // "_a" is key_a; "__a" stays

  // `invalid` for an empty name and for one of underscores only.
  Result<std::string> build(std::string_view name) const;
};

// "By/s" is bytes_per_second; "1" and units in braces are "".
std::string unit_name(std::string_view unit, bool utf8 = false);

// The other way: bytes_per_second is "By/s". Words that are not known stay.
std::string unit_of_name(std::string_view words);
// A metric's name without the unit (in words) and, of counters, without total.
std::string trim_suffixes(std::string_view name, MetricKind kind, std::string_view unit_words);

}  // namespace weir::prometheus

#pragma once
// Names of months, days and halves of the day in other languages.
#include <array>
#include <string_view>

namespace weir::ottl {

struct Locale {
  std::string_view language;
  std::array<std::string_view, 12> months, short_months;
  std::array<std::string_view, 7> days, short_days;  // from Sunday on
  std::string_view am = "AM", pm = "PM";
};

// By tag ("de", "de-AT"); null when the language is not known.
const Locale* find_locale(std::string_view tag);

}  // namespace weir::ottl

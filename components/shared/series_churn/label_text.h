#pragma once
#include "base/utf8.h"

namespace weir::series_churn {

// Names and values of labels that a connector makes series of: what is longer is not meant as such, and each item of a resource would have it again.
constexpr std::size_t longest_label = 4096;
inline std::string_view label_text(std::string_view text) { return cut_utf8(text, longest_label); }

}  // namespace weir::series_churn

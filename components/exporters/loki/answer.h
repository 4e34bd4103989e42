#pragma once
// What Loki says when it does not take everything.
#include <optional>
#include <string_view>

namespace weir::exporters::loki {

// How many entries of a request were ignored, if the answer names a number: the others were taken.
std::optional<std::size_t> ignored_entries(std::string_view answer);

}  // namespace weir::exporters::loki

#pragma once
#include <string>
#include <string_view>

namespace weir::processors::redaction {

// The path of a URL with * for each part that looks like an id: with digits or unusual characters in it, or with letters that do not
// follow each other in words. At most ten parts; without query and fragment.
std::string url_without_ids(std::string_view url);

// Whether nothing but ids would be left: a name of a span says more as it is.
bool all_ids(std::string_view url);

}  // namespace weir::processors::redaction

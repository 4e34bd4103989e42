#pragma once
// One row of comma-separated values.
#include <string>
#include <string_view>
#include <vector>

namespace weir::ottl {

// Adds the fields of `text`, which is one row even when it holds line ends: the first field of a line goes on with the last of the
// line before. A field may be in quotes, with quotes inside doubled; with `lazy`, quotes may stand anywhere. A quote where none can be
// ends its line: what stands in front of it counts, and a line that begins with it makes the whole wrong. False then, or without fields.
bool split_csv_row(std::string_view text, std::string_view delimiter, bool lazy, std::vector<std::string>& fields);

}  // namespace weir::ottl

#pragma once
#include <string_view>

#include "base/partial_success.h"

namespace weir::exporting {

// The response to an export may say that some items were rejected: they count as sent, as the specification wants, and
// the message is worth a warning. `response` is an Export<Signal>ServiceResponse, the same for every signal.
PartialSuccess warn_of_partial_success(std::string_view exporter, std::string_view response);
// The same of an answer in JSON.
PartialSuccess warn_of_json_partial_success(std::string_view exporter, std::string_view response);

}  // namespace weir::exporting

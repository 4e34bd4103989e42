#pragma once
// OpenCensus' requests as JSON, as the gRPC gateway takes them: to the same in protobuf.
#include "base/budget.h"
#include "otlp/batch.h"

namespace weir::receivers::opencensus {

// The requests in a body, one JSON object behind the other. Both spellings of names are known (start_time, startTime); what is not
// known is passed over. `charge` grows by what that takes.
Result<std::vector<std::string>> from_json(otlp::Signal signal, std::string_view body, Charge& charge);

}  // namespace weir::receivers::opencensus

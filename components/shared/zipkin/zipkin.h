#pragma once
#include "base/time.h"
#include "components/shared/trace_writer/trace_writer.h"

namespace weir::zipkin {

// Each gives an ExportTraceServiceRequest. `charge` grows by what the result and one decoded span take. Errors: `invalid`
// for bytes that do not follow their format, `refused` without room. `parse_tags`: text that looks like a number or a
// boolean becomes one.
Result<Bytes> from_json_v2(std::string_view json, bool parse_tags, Charge& charge);
Result<Bytes> from_proto_v2(std::string_view message, bool parse_tags, Charge& charge);
// `now`: when a span began that says nothing about it.
Result<Bytes> from_json_v1(std::string_view json, bool parse_tags, UnixNanos now, Charge& charge);
Result<Bytes> from_thrift_v1(std::string_view list, Charge& charge);

}  // namespace weir::zipkin

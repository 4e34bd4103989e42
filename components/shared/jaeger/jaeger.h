#pragma once
#include "components/shared/thrift/thrift.h"
#include "components/shared/trace_writer/trace_writer.h"

namespace weir::jaeger {

// Each gives an ExportTraceServiceRequest. `charge` grows by what the result and one decoded span take. Errors: `invalid`
// for bytes that do not follow their format, `refused` without room.

// jaeger.api_v2.PostSpansRequest.
Result<Bytes> from_post_spans(std::string_view request, Charge& charge);
// jaeger.api_v2.Batch.
Result<Bytes> from_proto(std::string_view batch, Charge& charge);
// jaeger.api_v2.Span with its process, as it is in Kafka: protobuf, and protobuf's JSON mapping.
Result<Bytes> from_proto_span(std::string_view span, Charge& charge);
Result<Bytes> from_json_span(std::string_view json, Charge& charge);
// jaeger.thrift Batch.
Result<Bytes> from_thrift(thrift::Protocol protocol, std::string_view batch, Charge& charge);
// A datagram to the agent: a message `emitBatch` with a Batch.
Result<Bytes> from_datagram(thrift::Protocol protocol, std::string_view datagram, Charge& charge);

}  // namespace weir::jaeger

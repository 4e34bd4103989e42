#pragma once
// OTLP spans as Jaeger's, one message for each, as Kafka's Jaeger encodings have them.
#include "otlp/batch.h"

namespace weir::jaeger {

enum class Format : std::uint8_t { proto, json };

// A jaeger.api_v2.Span with its process. JSON: what protobuf's JSON mapping makes of it.
std::string write_span(Format format, const otlp::Resource& resource, const otlp::Scope& scope, const otlp::Span& span);

// Hexadecimal, as Jaeger shows trace ids: 16 digits when the first eight bytes are zero, otherwise 32.
std::string trace_id_text(const otlp::TraceId& id);

}  // namespace weir::jaeger

#pragma once
// Messages to and from protobuf bytes. Decoding takes bytes that verify() has seen and cannot fail; text stays a view
// into them. Encoding writes every field that differs from the protobuf default, then unknown fields as they came.
#include <string_view>

#include "otlp/model.h"
#include "otlp/wire.h"

namespace weir::otlp {

void decode(std::string_view message, Arena& arena, Resource& out);
void decode(std::string_view message, Arena& arena, Scope& out);
void decode(std::string_view message, Arena& arena, Span& out);
void decode(std::string_view message, Arena& arena, LogRecord& out);
void decode(std::string_view message, Arena& arena, Metric& out);
void decode(std::string_view any_value, Arena& arena, Value& out);
// One KeyValue message.
KeyValue decode_key_value(std::string_view message, Arena& arena);

void encode(const Resource& message, Writer& out);
void encode(const Scope& message, Writer& out);
void encode(const Span& message, Writer& out);
void encode(const LogRecord& message, Writer& out);
void encode(const Metric& message, Writer& out);
void encode(const Value& message, Writer& out);

// Without decoding. Only the first occurrence of the field counts.
TraceId peek_trace_id(Signal signal, std::string_view item);
std::size_t count_points(std::string_view metric);

}  // namespace weir::otlp

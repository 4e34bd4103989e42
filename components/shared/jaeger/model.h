#pragma once
// Jaeger's model, whichever way it came; text are views into the message.
#include "components/shared/trace_writer/trace_writer.h"

namespace weir::jaeger {

struct Tag {
  std::string_view key;
  otlp::Value value;
};

struct Log {
  std::uint64_t time_unix_nano = 0;
  ArenaVector<Tag> fields;
};

struct Reference {
  bool child_of = true;  // else follows_from
  otlp::TraceId trace_id;
  otlp::SpanId span_id;
};

struct Span {
  otlp::TraceId trace_id;
  otlp::SpanId span_id, parent_span_id;  // without a parent: found among the references
  std::string_view name;
  bool sampled = false;
  std::uint64_t start_unix_nano = 0, end_unix_nano = 0;
  ArenaVector<Reference> references;
  ArenaVector<Tag> tags;
  ArenaVector<Log> logs;
};

// The agent's and the HTTP clients' dialect knows neither scopes nor trace states.
enum class Dialect : std::uint8_t { proto, thrift };

// Adds a resource for a process. `service` empty: none is known.
Result<TraceWriter::Group> add_process(TraceWriter& out, Scratch& scratch, std::string_view service, const ArenaVector<Tag>& tags);
Result<> add_span(TraceWriter& out, TraceWriter::Group group, Scratch& scratch, Span& span, Dialect dialect);

}  // namespace weir::jaeger

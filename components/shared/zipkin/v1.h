#pragma once
// Version 1: annotations say who was on which side of a call, binary annotations are the tags.
#include "base/time.h"
#include "components/shared/zipkin/model.h"

namespace weir::zipkin {

struct V1Endpoint {
  bool present = false;
  std::string_view service, ipv4, ipv6;
  std::int64_t port = 0;
};

struct V1Annotation {
  std::int64_t time_us = 0;
  std::string_view value;
  V1Endpoint endpoint;
};

struct V1Tag {
  std::string_view key;
  otlp::Value value;
  std::string_view text;  // as it came, for the tag that names a local component
  V1Endpoint endpoint;
};

struct V1Span {
  otlp::TraceId trace_id;
  otlp::SpanId span_id, parent_span_id;
  std::string_view name;
  std::optional<std::int64_t> start_us, duration_us;
  ArenaVector<V1Annotation> annotations;
  ArenaVector<V1Tag> tags;
};

// Groups spans by the endpoint that they are about.
class V1Translator {
 public:
  enum class Form : std::uint8_t { json, thrift };

  V1Translator(Form form, UnixNanos now, Charge& charge) : form_(form), now_(now), charge_(charge), writer_(charge) {}
  Result<> add(const V1Span& span, Scratch& scratch);
  Result<Bytes> finish() { return writer_.finish(); }

 private:
  Result<TraceWriter::Group> group_of(const V1Endpoint& endpoint, Scratch& scratch);

  Form form_;
  UnixNanos now_;
  Charge& charge_;
  TraceWriter writer_;
  std::unordered_map<std::string, TraceWriter::Group> groups_;
};

}  // namespace weir::zipkin

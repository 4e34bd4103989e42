#pragma once
// Spans of version 2, whichever way they came, and what the readers share. Text are views into the scratch arena or the
// message.
#include <simdjson.h>

#include "components/shared/trace_writer/trace_writer.h"

namespace weir::zipkin {

// What exporters of OTLP write as the service of a resource that names none.
constexpr std::string_view no_service_name = "OTLPResourceNoServiceName";

struct Endpoint {
  std::string_view service, ip;  // the IPv6 address where there are both
  std::int64_t port = 0;
};

struct Annotation {
  std::uint64_t time_unix_nano = 0;
  std::string_view value;
};

struct Span {
  otlp::TraceId trace_id;
  otlp::SpanId span_id, parent_span_id;
  std::string_view name;
  std::int32_t kind = 0;
  std::uint64_t start_unix_nano = 0, duration_nano = 0;
  bool has_start = false;
  Endpoint local, remote;
  ArenaVector<Annotation> annotations;
  otlp::Attributes tags;  // text
};

struct Rules {
  bool parse_tags, old_names, new_names;  // of tags; of network attributes
  static Rules make(bool parse_tags);
};

// Groups spans by service and by the tags that are about the resource.
class Translator {
 public:
  Translator(bool parse_tags, Charge& charge) : rules_(Rules::make(parse_tags)), charge_(charge), writer_(charge) {}
  // `span` is changed.
  Result<> add(Span& span, Scratch& scratch);
  Result<Bytes> finish() { return writer_.finish(); }

 private:
  // `service_key`: the resource's attribute that the service goes to.
  Result<TraceWriter::Group> group_of(Span& span, std::string_view service_key, Scratch& scratch);

  Rules rules_;
  Charge& charge_;
  TraceWriter writer_;
  using Groups = std::unordered_map<std::string, TraceWriter::Group>;  // by the resource's bytes
  Groups groups_;
  Groups::value_type* last_ = nullptr;  // of the span before; entries stay where they are
  otlp::Writer bytes_{256};  // scratch
};

Error malformed(std::string_view what);
// "true", "12", "1.5" as what they look like.
otlp::Value parsed_tag(std::string_view text, bool parse_tags);
// Hexadecimal digits, up to two for each byte, aligned to the end. False for anything else.
bool read_hex(std::string_view digits, std::span<unsigned char> to);

// The elements of a top-level JSON array, one after another, without reading what is in them.
class JsonElements {
 public:
  explicit JsonElements(std::string_view json) : rest_(json) {}
  // nullopt: the end. Errors: it is no array.
  Result<std::optional<std::string_view>> next();

 private:
  void skip_space();
  std::string_view rest_;
  bool begun_ = false;
};

// Parses one element into the parser's tree, which is valid until the next one is; charged for while the parser keeps it.
class JsonSpan {
 public:
  explicit JsonSpan(Charge& charge) : charge_(charge) {}
  Result<simdjson::dom::element> parse(std::string_view element);

 private:
  static constexpr std::size_t tree_factor = 12;  // what simdjson's tree and buffers take of the text
  Charge& charge_;
  std::size_t charged_ = 0;
  simdjson::dom::parser parser_;
};

// The value of member `key`: empty or 0 when it is null, an error when it is of another type. Text is valid until the next parse().
Result<std::string_view> text_of(simdjson::dom::element value, std::string_view key);
Result<std::uint64_t> number_of(simdjson::dom::element value, std::string_view key);
Result<std::int64_t> signed_number_of(simdjson::dom::element value, std::string_view key);

}  // namespace weir::zipkin

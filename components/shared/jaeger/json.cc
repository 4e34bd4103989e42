// jaeger.api_v2.Span in protobuf's JSON mapping: one span with its process.
#include <simdjson.h>

#include <charconv>

#include "base/number.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "components/shared/jaeger/jaeger.h"
#include "components/shared/jaeger/model.h"

namespace weir::jaeger {
namespace {

namespace dom = simdjson::dom;
using otlp::Value;

constexpr std::size_t tree_factor = 12;  // what simdjson's tree and buffers take of the text

Error malformed(std::string_view what) { return {Errc::invalid, fmt::format("not a Jaeger span: {}", what), {}}; }

// Two spellings of a member: lowerCamelCase and that of the .proto file. Null counts as absent.
std::optional<dom::element> member(dom::element object, std::string_view key, std::string_view other = {}) {
  dom::element value;
  if (!object[key].get(value) && !value.is_null()) return value;
  if (!other.empty() && !object[other].get(value) && !value.is_null()) return value;
  return std::nullopt;
}

Result<std::string_view> text_of(dom::element value) {
  std::string_view text;
  if (value.get(text)) return fail(malformed("a text is expected"));
  return text;
}

// Texts of the tree live no longer than the parser.
Result<std::string_view> text_member(dom::element object, std::string_view key, std::string_view other = {}) {
  auto value = member(object, key, other);
  if (!value) return std::string_view();
  return text_of(*value);
}

// A number, or a text with one.
Result<std::int64_t> integer_of(dom::element value) {
  std::int64_t number;
  if (!value.get(number)) return number;
  double real;
  if (!value.get(real) && std::trunc(real) == real && std::abs(real) < 9.2e18) return static_cast<std::int64_t>(real);
  std::string_view text;
  if (!value.get(text))
    if (auto parsed = parse_go_int(text)) return *parsed;
  return fail(malformed("a whole number is expected"));
}

template <class Id>
Result<> read_id(dom::element object, std::string_view key, std::string_view other, Id& id) {
  WEIR_ASSIGN(auto text, text_member(object, key, other));
  std::string bytes;
  if (!decode_base64(text, bytes) || bytes.size() > id.bytes.size()) return fail(malformed(fmt::format("{} is no base64 of an id", key)));
  std::ranges::copy(bytes, id.bytes.end() - static_cast<std::ptrdiff_t>(bytes.size()));
  return {};
}

bool read_time(std::string_view text, std::uint64_t& out) {
  auto time = parse_rfc3339(text);
  if (time) out = static_cast<std::uint64_t>(*time);
  return time.has_value();
}

// "1.5s", "-0.25s".
bool read_duration(std::string_view text, std::uint64_t& out) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::uint64_t seconds = 0, nanos = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || seconds > 9'000'000'000) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!read_fraction(text, nanos) || text != "s") return false;
  out = seconds * 1'000'000'000 + nanos;
  if (negative) out = -out;
  return true;
}

class SpanReader {
 public:
  explicit SpanReader(Charge& charge) : charge_(charge), scratch_(charge), writer_(charge) {}

  Result<Bytes> read(std::string_view json) {
    if (!charge_.grow(tree_factor * json.size())) return fail(no_room());
    dom::element root;
    if (auto error = parser_.parse(json.data(), json.size()).get(root)) return fail(malformed(simdjson::error_message(error)));
    if (!root.is_object()) return fail(malformed("no JSON object"));
    Span span;
    WEIR_TRY(read_span(root, span));
    std::string_view service;
    ArenaVector<Tag> tags;
    if (auto process = member(root, "process")) {
      WEIR_ASSIGN(service, text_member(*process, "serviceName", "service_name"));
      WEIR_TRY(read_tags(*process, "tags", tags));
    }
    WEIR_ASSIGN(auto group, add_process(writer_, scratch_, service, tags));
    WEIR_TRY(add_span(writer_, group, scratch_, span, Dialect::proto));
    return writer_.finish();
  }

 private:
  template <class Each>
  Result<> each(dom::element object, std::string_view key, Each one) {
    auto list = member(object, key);
    if (!list) return {};
    dom::array array;
    if (list->get(array)) return fail(malformed(fmt::format("{} is no array", key)));
    for (dom::element element : array) {
      if (!element.is_object()) return fail(malformed(fmt::format("an element of {} is no object", key)));
      WEIR_TRY(one(element));
    }
    return {};
  }

  Result<> read_span(dom::element root, Span& span) {
    WEIR_TRY(read_id(root, "traceId", "trace_id", span.trace_id));
    WEIR_TRY(read_id(root, "spanId", "span_id", span.span_id));
    WEIR_ASSIGN(span.name, text_member(root, "operationName", "operation_name"));
    if (auto flags = member(root, "flags")) {
      WEIR_ASSIGN(auto number, integer_of(*flags));
      span.sampled = (number & 1) != 0;
    }
    WEIR_ASSIGN(auto start, text_member(root, "startTime", "start_time"));
    WEIR_ASSIGN(auto length, text_member(root, "duration"));
    std::uint64_t duration = 0;
    if (!start.empty() && !read_time(start, span.start_unix_nano)) return fail(malformed("startTime is no time"));
    if (!length.empty() && !read_duration(length, duration)) return fail(malformed("duration is none"));
    span.end_unix_nano = span.start_unix_nano + duration;
    WEIR_TRY(each(root, "references", [&](dom::element element) { return read_reference(element, span); }));
    WEIR_TRY(read_tags(root, "tags", span.tags));
    return each(root, "logs", [&](dom::element element) { return read_log(element, span); });
  }

  Result<> read_reference(dom::element element, Span& span) {
    Reference reference;
    WEIR_TRY(read_id(element, "traceId", "trace_id", reference.trace_id));
    WEIR_TRY(read_id(element, "spanId", "span_id", reference.span_id));
    if (auto type = member(element, "refType", "ref_type")) {
      std::string_view word;
      std::int64_t number = 0;
      if (type->get(word)) {
        WEIR_ASSIGN(number, integer_of(*type));
      }
      reference.child_of = word.empty() ? number == 0 : word == "CHILD_OF";
    }
    if (!scratch_.push(span.references, reference)) return fail(no_room());
    return {};
  }

  Result<> read_log(dom::element element, Span& span) {
    Log log;
    WEIR_ASSIGN(auto time, text_member(element, "timestamp"));
    if (!time.empty() && !read_time(time, log.time_unix_nano)) return fail(malformed("timestamp is no time"));
    WEIR_TRY(read_tags(element, "fields", log.fields));
    if (!scratch_.push(span.logs, log)) return fail(no_room());
    return {};
  }

  Result<> read_tags(dom::element object, std::string_view key, ArenaVector<Tag>& tags) {
    return each(object, key, [&](dom::element element) -> Result<> {
      Tag tag;
      WEIR_ASSIGN(tag.key, text_member(element, "key"));
      WEIR_ASSIGN(tag.value, value_of(element));
      if (!scratch_.push(tags, tag)) return fail(no_room());
      return {};
    });
  }

  Result<Value> value_of(dom::element tag) {
    static constexpr std::string_view kinds[] = {"STRING", "BOOL", "INT64", "FLOAT64", "BINARY"};
    std::size_t kind = 0;
    if (auto type = member(tag, "vType", "v_type")) {
      std::string_view word;
      if (type->get(word)) {
        WEIR_ASSIGN(auto number, integer_of(*type));
        kind = number < 0 ? std::size(kinds) : static_cast<std::size_t>(number);
      } else {
        kind = static_cast<std::size_t>(std::ranges::find(kinds, word) - kinds);
      }
    }
    switch (kind) {
      case 0: {
        WEIR_ASSIGN(auto text, text_member(tag, "vStr", "v_str"));
        return Value::of(text);
      }
      case 1: {
        bool truth = false;
        if (auto value = member(tag, "vBool", "v_bool"); value && value->get(truth)) return fail(malformed("vBool is no boolean"));
        return Value::of(truth);
      }
      case 2: {
        std::int64_t number = 0;
        if (auto value = member(tag, "vInt64", "v_int64")) {
          WEIR_ASSIGN(number, integer_of(*value));
        }
        return Value::of(number);
      }
      case 3: return real_of(tag);
      case 4: {
        WEIR_ASSIGN(auto text, text_member(tag, "vBinary", "v_binary"));
        std::string bytes;
        if (!decode_base64(text, bytes)) return fail(malformed("vBinary is no base64"));
        if (!scratch_.take(bytes.size())) return fail(no_room());
        return Value::of_bytes(scratch_.arena().copy(bytes));
      }
      default: return fail(malformed("vType is none that is known"));
    }
  }

  static Result<Value> real_of(dom::element tag) {
    double number = 0;
    auto value = member(tag, "vFloat64", "v_float64");
    if (value && value->get(number)) {
      WEIR_ASSIGN(auto text, text_of(*value));
      auto parsed = parse_go_double(text);
      if (!parsed) return fail(malformed("vFloat64 is no number"));
      number = *parsed;
    }
    return Value::of(number);
  }

  Charge& charge_;
  dom::parser parser_;
  Scratch scratch_;
  TraceWriter writer_;
};

}  // namespace

Result<Bytes> from_json_span(std::string_view json, Charge& charge) { return SpanReader(charge).read(json); }

}  // namespace weir::jaeger

#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "otlp/json.h"
#include "otlp/repair.h"
#include "otlp/verify.h"

namespace weir::otlp {
namespace {

namespace dom = simdjson::dom;

enum class Kind : std::uint8_t { text, base64, hex, boolean, int32, sint32, uint32, int64, fixed32, fixed64, sfixed64, real, choice, message };

struct Message;
struct EnumName {
  std::string_view name;
  std::int32_t value;
};

struct Field {
  std::string_view name;   // lowerCamelCase
  std::string_view snake;
  std::uint32_t number;
  Kind kind;
  bool repeated = false, packed = false;
  const Message* message = nullptr;
  std::span<const EnumName> names = {};
};

struct Message {
  std::span<const Field> fields;
};

constexpr EnumName span_kinds[] = {{"SPAN_KIND_UNSPECIFIED", 0}, {"SPAN_KIND_INTERNAL", 1}, {"SPAN_KIND_SERVER", 2},
                                   {"SPAN_KIND_CLIENT", 3},      {"SPAN_KIND_PRODUCER", 4}, {"SPAN_KIND_CONSUMER", 5}};
constexpr EnumName status_codes[] = {{"STATUS_CODE_UNSET", 0}, {"STATUS_CODE_OK", 1}, {"STATUS_CODE_ERROR", 2}};
constexpr EnumName temporalities[] = {{"AGGREGATION_TEMPORALITY_UNSPECIFIED", 0}, {"AGGREGATION_TEMPORALITY_DELTA", 1}, {"AGGREGATION_TEMPORALITY_CUMULATIVE", 2}};
constexpr EnumName severities[] = {
    {"SEVERITY_NUMBER_UNSPECIFIED", 0}, {"SEVERITY_NUMBER_TRACE", 1},  {"SEVERITY_NUMBER_TRACE2", 2},  {"SEVERITY_NUMBER_TRACE3", 3},
    {"SEVERITY_NUMBER_TRACE4", 4},      {"SEVERITY_NUMBER_DEBUG", 5},  {"SEVERITY_NUMBER_DEBUG2", 6},  {"SEVERITY_NUMBER_DEBUG3", 7},
    {"SEVERITY_NUMBER_DEBUG4", 8},      {"SEVERITY_NUMBER_INFO", 9},   {"SEVERITY_NUMBER_INFO2", 10},  {"SEVERITY_NUMBER_INFO3", 11},
    {"SEVERITY_NUMBER_INFO4", 12},      {"SEVERITY_NUMBER_WARN", 13},  {"SEVERITY_NUMBER_WARN2", 14},  {"SEVERITY_NUMBER_WARN3", 15},
    {"SEVERITY_NUMBER_WARN4", 16},      {"SEVERITY_NUMBER_ERROR", 17}, {"SEVERITY_NUMBER_ERROR2", 18}, {"SEVERITY_NUMBER_ERROR3", 19},
    {"SEVERITY_NUMBER_ERROR4", 20},     {"SEVERITY_NUMBER_FATAL", 21}, {"SEVERITY_NUMBER_FATAL2", 22}, {"SEVERITY_NUMBER_FATAL3", 23},
    {"SEVERITY_NUMBER_FATAL4", 24}};

extern const Message any_value;
extern const Message key_value;

constexpr Field array_fields[] = {{"values", "values", 1, Kind::message, true, false, &any_value}};
const Message array_value{array_fields};
const Field kvlist_fields[] = {{"values", "values", 1, Kind::message, true, false, &key_value}};
const Message kvlist{kvlist_fields};
const Field any_fields[] = {{"stringValue", "string_value", 1, Kind::text},
                            {"boolValue", "bool_value", 2, Kind::boolean},
                            {"intValue", "int_value", 3, Kind::int64},
                            {"doubleValue", "double_value", 4, Kind::real},
                            {"arrayValue", "array_value", 5, Kind::message, false, false, &array_value},
                            {"kvlistValue", "kvlist_value", 6, Kind::message, false, false, &kvlist},
                            {"bytesValue", "bytes_value", 7, Kind::base64}};
const Message any_value{any_fields};
const Field key_value_fields[] = {{"key", "key", 1, Kind::text}, {"value", "value", 2, Kind::message, false, false, &any_value}};
const Message key_value{key_value_fields};

constexpr Field attributes(std::uint32_t number) { return {"attributes", "attributes", number, Kind::message, true, false, &key_value}; }
constexpr Field dropped(std::uint32_t number) { return {"droppedAttributesCount", "dropped_attributes_count", number, Kind::uint32}; }
constexpr Field one(std::string_view name, std::uint32_t number, const Message& m) { return {name, name, number, Kind::message, false, false, &m}; }
constexpr Field many(std::string_view name, std::string_view snake, std::uint32_t number, const Message& m) {
  return {name, snake, number, Kind::message, true, false, &m};
}

const Field entity_fields[] = {{"schemaUrl", "schema_url", 1, Kind::text},
                               {"type", "type", 2, Kind::text},
                               {"idKeys", "id_keys", 3, Kind::text, true},
                               {"descriptionKeys", "description_keys", 4, Kind::text, true}};
const Message entity_ref{entity_fields};
const Field resource_fields[] = {attributes(1), dropped(2), many("entityRefs", "entity_refs", 3, entity_ref)};
const Message resource{resource_fields};
const Field scope_fields[] = {{"name", "name", 1, Kind::text}, {"version", "version", 2, Kind::text}, attributes(3), dropped(4)};
const Message scope{scope_fields};

const Field event_fields[] = {{"timeUnixNano", "time_unix_nano", 1, Kind::fixed64}, {"name", "name", 2, Kind::text}, attributes(3), dropped(4)};
const Message event{event_fields};
const Field link_fields[] = {{"traceId", "trace_id", 1, Kind::hex}, {"spanId", "span_id", 2, Kind::hex}, {"traceState", "trace_state", 3, Kind::text},
                             attributes(4), dropped(5), {"flags", "flags", 6, Kind::fixed32}};
const Message link{link_fields};
const Field status_fields[] = {{"message", "message", 2, Kind::text}, {"code", "code", 3, Kind::choice, false, false, nullptr, status_codes}};
const Message status{status_fields};
const Field span_fields[] = {{"traceId", "trace_id", 1, Kind::hex},
                             {"spanId", "span_id", 2, Kind::hex},
                             {"traceState", "trace_state", 3, Kind::text},
                             {"parentSpanId", "parent_span_id", 4, Kind::hex},
                             {"name", "name", 5, Kind::text},
                             {"kind", "kind", 6, Kind::choice, false, false, nullptr, span_kinds},
                             {"startTimeUnixNano", "start_time_unix_nano", 7, Kind::fixed64},
                             {"endTimeUnixNano", "end_time_unix_nano", 8, Kind::fixed64},
                             attributes(9),
                             dropped(10),
                             many("events", "events", 11, event),
                             {"droppedEventsCount", "dropped_events_count", 12, Kind::uint32},
                             many("links", "links", 13, link),
                             {"droppedLinksCount", "dropped_links_count", 14, Kind::uint32},
                             one("status", 15, status),
                             {"flags", "flags", 16, Kind::fixed32}};
const Message span{span_fields};

const Field log_fields[] = {{"timeUnixNano", "time_unix_nano", 1, Kind::fixed64},
                            {"severityNumber", "severity_number", 2, Kind::choice, false, false, nullptr, severities},
                            {"severityText", "severity_text", 3, Kind::text},
                            one("body", 5, any_value),
                            attributes(6),
                            dropped(7),
                            {"flags", "flags", 8, Kind::fixed32},
                            {"traceId", "trace_id", 9, Kind::hex},
                            {"spanId", "span_id", 10, Kind::hex},
                            {"observedTimeUnixNano", "observed_time_unix_nano", 11, Kind::fixed64},
                            {"eventName", "event_name", 12, Kind::text}};
const Message log_record{log_fields};

constexpr Field start_time(std::uint32_t n) { return {"startTimeUnixNano", "start_time_unix_nano", n, Kind::fixed64}; }
constexpr Field time(std::uint32_t n) { return {"timeUnixNano", "time_unix_nano", n, Kind::fixed64}; }
constexpr Field real(std::string_view name, std::uint32_t n) { return {name, name, n, Kind::real}; }
constexpr Field flags(std::uint32_t n) { return {"flags", "flags", n, Kind::uint32}; }
constexpr Field count(std::uint32_t n) { return {"count", "count", n, Kind::fixed64}; }
constexpr Field temporality(std::uint32_t n) {
  return {"aggregationTemporality", "aggregation_temporality", n, Kind::choice, false, false, nullptr, temporalities};
}

const Field exemplar_fields[] = {time(2), {"asDouble", "as_double", 3, Kind::real}, {"spanId", "span_id", 4, Kind::hex}, {"traceId", "trace_id", 5, Kind::hex},
                                 {"asInt", "as_int", 6, Kind::sfixed64}, many("filteredAttributes", "filtered_attributes", 7, key_value)};
const Message exemplar{exemplar_fields};
constexpr Field exemplars(std::uint32_t n) { return many("exemplars", "exemplars", n, exemplar); }
const Field number_fields[] = {start_time(2), time(3), {"asDouble", "as_double", 4, Kind::real}, exemplars(5), {"asInt", "as_int", 6, Kind::sfixed64}, attributes(7), flags(8)};
const Message number_point{number_fields};
const Field histogram_point_fields[] = {start_time(2), time(3), count(4), real("sum", 5),
                                        {"bucketCounts", "bucket_counts", 6, Kind::fixed64, true, true},
                                        {"explicitBounds", "explicit_bounds", 7, Kind::real, true, true},
                                        exemplars(8), attributes(9), flags(10), real("min", 11), real("max", 12)};
const Message histogram_point{histogram_point_fields};
const Field buckets_fields[] = {{"offset", "offset", 1, Kind::sint32}, {"bucketCounts", "bucket_counts", 2, Kind::int64, true, true}};
const Message buckets{buckets_fields};
const Field exponential_fields[] = {attributes(1), start_time(2), time(3), count(4), real("sum", 5), {"scale", "scale", 6, Kind::sint32},
                                    {"zeroCount", "zero_count", 7, Kind::fixed64}, one("positive", 8, buckets), one("negative", 9, buckets), flags(10),
                                    exemplars(11), real("min", 12), real("max", 13), {"zeroThreshold", "zero_threshold", 14, Kind::real}};
const Message exponential_point{exponential_fields};
const Field quantile_fields[] = {real("quantile", 1), real("value", 2)};
const Message quantile{quantile_fields};
const Field summary_point_fields[] = {start_time(2), time(3), count(4), real("sum", 5), many("quantileValues", "quantile_values", 6, quantile), attributes(7), flags(8)};
const Message summary_point{summary_point_fields};

constexpr Field points(const Message& m) { return many("dataPoints", "data_points", 1, m); }
const Field gauge_fields[] = {points(number_point)};
const Message gauge{gauge_fields};
const Field sum_fields[] = {points(number_point), temporality(2), {"isMonotonic", "is_monotonic", 3, Kind::boolean}};
const Message sum{sum_fields};
const Field histogram_fields[] = {points(histogram_point), temporality(2)};
const Message histogram{histogram_fields};
const Field exponential_histogram_fields[] = {points(exponential_point), temporality(2)};
const Message exponential_histogram{exponential_histogram_fields};
const Field summary_fields[] = {points(summary_point)};
const Message summary{summary_fields};
const Field metric_fields[] = {{"name", "name", 1, Kind::text},
                               {"description", "description", 2, Kind::text},
                               {"unit", "unit", 3, Kind::text},
                               one("gauge", 5, gauge),
                               one("sum", 7, sum),
                               one("histogram", 9, histogram),
                               {"exponentialHistogram", "exponential_histogram", 10, Kind::message, false, false, &exponential_histogram},
                               one("summary", 11, summary),
                               many("metadata", "metadata", 12, key_value)};
const Message metric{metric_fields};

constexpr Field schema_url{"schemaUrl", "schema_url", 3, Kind::text};
const Field scope_spans_fields[] = {one("scope", 1, scope), many("spans", "spans", 2, span), schema_url};
const Message scope_spans{scope_spans_fields};
const Field resource_spans_fields[] = {one("resource", 1, resource), many("scopeSpans", "scope_spans", 2, scope_spans), schema_url};
const Message resource_spans{resource_spans_fields};
const Field traces_fields[] = {many("resourceSpans", "resource_spans", 1, resource_spans)};
const Field scope_metrics_fields[] = {one("scope", 1, scope), many("metrics", "metrics", 2, metric), schema_url};
const Message scope_metrics{scope_metrics_fields};
const Field resource_metrics_fields[] = {one("resource", 1, resource), many("scopeMetrics", "scope_metrics", 2, scope_metrics), schema_url};
const Message resource_metrics{resource_metrics_fields};
const Field metrics_fields[] = {many("resourceMetrics", "resource_metrics", 1, resource_metrics)};
const Field scope_logs_fields[] = {one("scope", 1, scope), many("logRecords", "log_records", 2, log_record), schema_url};
const Message scope_logs{scope_logs_fields};
const Field resource_logs_fields[] = {one("resource", 1, resource), many("scopeLogs", "scope_logs", 2, scope_logs), schema_url};
const Message resource_logs{resource_logs_fields};
const Field logs_fields[] = {many("resourceLogs", "resource_logs", 1, resource_logs)};

// JSON nests two or three levels for each value (arrayValue, values, value); the rest of the path to a value needs 16.
constexpr std::size_t max_json_depth = max_value_depth * 4 + 16;

// Writes messages back to front. On an error `place` is the path, outermost last while unwinding.
class Converter {
 public:
  explicit Converter(std::size_t size) : out_(size + 1024) {}

  bool message(const Message& type, dom::element element, int depth = 0) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return wrong("expected an object");
    if (depth > max_value_depth * 2 + 16) return wrong("values are nested too deep");
    std::vector<std::pair<const Field*, dom::element>> present;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      for (const Field& field : type.fields)
        if (key == field.name || key == field.snake) {
          // Of a field that is given twice, and of fields that exclude each other, the last counts.
          std::erase_if(present, [&](auto& earlier) { return earlier.first == &field || exclude_each_other(type, *earlier.first, field); });
          present.emplace_back(&field, value);
          break;
        }
    }
    std::stable_sort(present.begin(), present.end(), [](auto& a, auto& b) { return a.first->number > b.first->number; });
    for (auto& [field, value] : present)
      if (!(field->repeated ? list(*field, value, depth) : single(*field, value, depth, &type == &any_value))) return at(field->name);
    return true;
  }

  Bytes finish() { return out_.finish(); }
  std::string error() const { return (place_.empty() ? "" : place_ + ": ") + why_; }

 private:
  static bool exclude_each_other(const Message& type, const Field& a, const Field& b) {
    auto both = [&](std::uint32_t low, std::uint32_t high) { return a.number >= low && a.number <= high && b.number >= low && b.number <= high; };
    auto either = [&](std::uint32_t x, std::uint32_t y) { return (a.number == x || a.number == y) && (b.number == x || b.number == y); };
    if (&type == &any_value) return true;
    if (&type == &metric) return both(5, 11);
    if (&type == &number_point) return either(4, 6);
    return &type == &exemplar && either(3, 6);
  }

  bool wrong(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool at(std::string_view step) {
    place_ = std::string(step) + (place_.empty() || place_[0] == '[' ? "" : ".") + place_;
    return false;
  }

  bool list(const Field& field, dom::element value, int depth) {
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return wrong("expected an array");
    std::vector<dom::element> elements;
    elements.reserve(array.size());
    elements.insert(elements.end(), array.begin(), array.end());
    std::size_t mark = out_.size();
    for (std::size_t i = elements.size(); i-- > 0;) {
      bool ok = field.packed ? element_of_packed(field, elements[i]) : single(field, elements[i], depth, true);
      if (!ok) return at(fmt::format("[{}]", i));
    }
    if (field.packed && !elements.empty()) out_.close(field.number, mark);
    return true;
  }

  bool element_of_packed(const Field& field, dom::element value) {
    if (field.kind == Kind::real) {
      double v;
      if (!read_real(value, v)) return false;
      out_.raw({reinterpret_cast<const char*>(&v), 8});
      return true;
    }
    std::uint64_t v;
    if (!read_unsigned(value, v)) return false;
    if (field.kind == Kind::fixed64)
      out_.raw({reinterpret_cast<const char*>(&v), 8});
    else
      out_.varint(v);
    return true;
  }

  // What is 0 or empty is left out, as every encoder does, where its presence says nothing: not where `counts`.
  bool single(const Field& field, dom::element value, int depth, bool counts) {
    std::string_view text;
    std::string decoded;
    std::int64_t number = 0;
    std::uint64_t natural = 0;
    double fraction = 0;
    bool truth = false;
    switch (field.kind) {
      case Kind::text:
        if (value.get(text) != simdjson::SUCCESS) return wrong("expected a string");
        return bytes(field, text, counts);
      case Kind::base64:
        if (value.get(text) != simdjson::SUCCESS || !decode_base64(text, decoded)) return wrong("expected base64 text");
        return bytes(field, decoded, counts);
      case Kind::hex:
        if (value.get(text) != simdjson::SUCCESS || !from_hex(text, decoded)) return wrong("expected hex digits");
        return bytes(field, decoded, counts);
      case Kind::boolean:
        if (value.get(truth) != simdjson::SUCCESS) return wrong("expected true or false");
        return out_.number(field.number, truth), true;
      case Kind::int64:
      case Kind::sfixed64:
        if (!read_signed(value, number)) return false;
        if (field.kind == Kind::int64)
          out_.number(field.number, static_cast<std::uint64_t>(number));
        else
          out_.fixed64(field.number, static_cast<std::uint64_t>(number));
        return true;
      case Kind::int32:
      case Kind::sint32:
        if (!read_signed(value, number)) return false;
        if (number != static_cast<std::int32_t>(number)) return wrong("does not fit 32 bits");
        out_.put_number(field.number, field.kind == Kind::sint32 ? zigzag(number) & 0xFFFFFFFF : static_cast<std::uint64_t>(number));
        return true;
      case Kind::uint32:
      case Kind::fixed32:
        if (!read_unsigned(value, natural)) return false;
        if (natural > 0xFFFFFFFF) return wrong("does not fit 32 bits");
        if (field.kind == Kind::uint32)
          out_.put_number(field.number, natural);
        else
          out_.put_fixed32(field.number, static_cast<std::uint32_t>(natural));
        return true;
      case Kind::fixed64:
        if (!read_unsigned(value, natural)) return false;
        return out_.put_fixed64(field.number, natural), true;
      case Kind::real:
        if (!read_real(value, fraction)) return false;
        return out_.real(field.number, fraction), true;
      case Kind::choice: return choice(field, value);
      case Kind::message: {
        if (value.is_null()) return true;
        std::size_t mark = out_.size();
        if (!message(*field.message, value, depth + 1)) return false;
        return out_.close(field.number, mark), true;
      }
    }
    return false;
  }

  bool bytes(const Field& field, std::string_view text, bool counts) {
    if (counts)
      out_.bytes(field.number, text);
    else
      out_.put_bytes(field.number, text);
    return true;
  }

  bool choice(const Field& field, dom::element value) {
    std::int64_t number = 0;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
      for (auto& known : field.names)
        if (known.name == text) return out_.put_number(field.number, static_cast<std::uint64_t>(known.value)), true;
      return wrong(fmt::format("unknown name \"{}\"", text.substr(0, 60)));
    }
    if (value.get(number) != simdjson::SUCCESS || number != static_cast<std::int32_t>(number)) return wrong("expected a number or a name");
    return out_.put_number(field.number, static_cast<std::uint64_t>(number)), true;
  }

  template <class T>
  bool parse_text(dom::element value, T& out) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
  }
  bool read_signed(dom::element value, std::int64_t& out) {
    if (value.get(out) == simdjson::SUCCESS || parse_text(value, out)) return true;
    return wrong("expected a 64-bit integer");
  }
  bool read_unsigned(dom::element value, std::uint64_t& out) {
    if (value.get(out) == simdjson::SUCCESS || parse_text(value, out)) return true;
    return wrong("expected an unsigned integer");
  }
  bool read_real(dom::element value, double& out) {
    if (value.get(out) == simdjson::SUCCESS) return true;
    if (!parse_text(value, out)) return wrong("expected a number");
    if (std::isnan(out)) out = std::bit_cast<double>(go_nan);
    return true;
  }

  static constexpr std::uint64_t go_nan = 0x7ff8'0000'0000'0001;  // what Go reads "NaN" as: hashes of it are equal too

  Writer out_;
  std::string place_, why_;
};

bool beyond_64_bits(std::string_view number) {
  auto overflows = [&](auto value) {
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    return error == std::errc::result_out_of_range && end == number.data() + number.size();
  };
  return number.front() == '-' ? overflows(std::int64_t{}) : overflows(std::uint64_t{});
}

// The parser knows no integers beyond 64 bits, which is how others write doubles of 2^64 and more, or below -2^63. With ".0"
// behind them it takes them for what they are.
std::string with_points(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 64);
  bool text = false;
  for (std::size_t i = 0; i < json.size();) {
    std::size_t end = i + 1;
    if (text && json[i] == '\\') end = std::min(i + 2, json.size());
    if (json[i] == '"') text = !text;
    bool number = !text && (json[i] == '-' || (json[i] >= '0' && json[i] <= '9'));
    if (number) end = std::min(json.find_first_not_of("0123456789.eE+-", i), json.size());
    std::string_view part = json.substr(i, end - i);
    out += part;
    if (number && beyond_64_bits(part)) out += ".0";
    i = end;
  }
  return out;
}

// Half a pair of surrogates is no character, and the parser refuses the whole text for it: U+FFFD takes its place.
std::string with_whole_surrogates(std::string_view json, std::size_t& repaired) {
  std::string out(json);
  auto code_at = [&](std::size_t i) -> std::uint32_t {
    std::uint32_t code = 0;
    if (i + 6 > out.size() || out[i] != '\\' || out[i + 1] != 'u') return 0;
    auto [end, error] = std::from_chars(out.data() + i + 2, out.data() + i + 6, code, 16);
    return error == std::errc{} && end == out.data() + i + 6 ? code : 0;
  };
  for (std::size_t i = 0; (i = out.find('\\', i)) != out.npos;) {
    std::uint32_t code = code_at(i);
    bool high = code >= 0xD800 && code < 0xDC00, low = code >= 0xDC00 && code < 0xE000;
    std::uint32_t next = high ? code_at(i + 6) : 0;
    if (high && next >= 0xDC00 && next < 0xE000) {
      i += 12;
    } else if (high || low) {
      out.replace(i + 2, 4, "fffd");
      ++repaired;
      i += 6;
    } else {
      i += 2;
    }
  }
  return out;
}

// The parser of this core. It keeps about twelve times the largest request it has seen, which nobody is charged for: after one
// that was large it is made anew.
class ParserLease {
 public:
  explicit ParserLease(std::size_t bytes) : bytes_(bytes) {}
  ParserLease(const ParserLease&) = delete;
  ~ParserLease() {
    if (bytes_ > kept_bytes) parser() = dom::parser();
  }
  dom::parser& parser() {
    thread_local dom::parser made;
    return made;
  }

 private:
  static constexpr std::size_t kept_bytes = 64 * 1024;
  std::size_t bytes_;
};

simdjson::error_code parse(dom::parser& parser, std::string_view json, dom::element& out) {
  return parser.parse(json.data(), json.size()).get(out);
}

// What a request takes at most while it is converted: the parser's marks and tape, its texts twice, lists of elements, and the
// result, whose buffer doubles as it grows. In a text there may be what looks like more elements.
std::size_t memory_for(std::string_view json) {
  auto begins_element = [](char c) { return c == ',' || c == ':' || c == '[' || c == '{'; };
  constexpr std::size_t for_each_byte = 4, for_each_element = 112;
  return for_each_byte * json.size() + for_each_element * static_cast<std::size_t>(std::ranges::count_if(json, begins_element));
}

Result<Charge> charge_for(std::string_view json, Budget& budget) {
  Charge room;
  std::size_t bytes = memory_for(json);
  if (budget.try_charge(bytes, room)) return room;
  bool never = bytes + json.size() > budget.limit();
  return fail(never ? Errc::too_large : Errc::refused, "{} bytes of JSON need {} bytes of memory, {} are free of {}", json.size(), bytes, budget.room(), budget.limit());
}

}  // namespace

Result<Bytes> json_to_protobuf(Signal signal, std::string_view json, Budget* budget, std::size_t* repaired_texts) {
  static const std::array<Message, 3> roots = {Message{traces_fields}, Message{metrics_fields}, Message{logs_fields}};
  if (signal == Signal::profiles) return fail(Errc::invalid, "profiles are taken as protobuf only");
  Charge room;
  if (budget != nullptr) {
    WEIR_ASSIGN(room, charge_for(json, *budget));
  }
  ParserLease lease(json.size());
  dom::parser& parser = lease.parser();
  if (auto error = parser.allocate(std::max<std::size_t>(json.size(), 64), max_json_depth); error != simdjson::SUCCESS)
    return fail(Errc::refused, "no memory for {} bytes of JSON", json.size());
  dom::element document;
  std::string mended;
  std::size_t repaired = 0;
  auto error = parse(parser, json, document);
  // Each of these is looked for once, and mends all there is of its kind.
  auto mend = [&](simdjson::error_code what, auto how) {
    if (error != what) return;
    mended = how(mended.empty() ? json : std::string_view(mended));
    std::size_t more = mended.size() > json.size() ? mended.size() - json.size() : 0;
    error = budget != nullptr && !room.grow(more) ? simdjson::MEMALLOC : parse(parser, mended, document);
  };
  mend(simdjson::UTF8_ERROR, [&](std::string_view text) { return repaired += count_invalid_utf8(text), repair_utf8(text); });
  mend(simdjson::STRING_ERROR, [&](std::string_view text) { return with_whole_surrogates(text, repaired); });
  mend(simdjson::NUMBER_ERROR, [&](std::string_view text) { return with_points(text); });
  mend(simdjson::STRING_ERROR, [&](std::string_view text) { return with_whole_surrogates(text, repaired); });
  if (repaired_texts) *repaired_texts = repaired;
  if (error != simdjson::SUCCESS) return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  Converter converter(json.size());
  bool ok = converter.message(roots[static_cast<std::size_t>(signal)], document);
  if (!ok) return fail(Errc::invalid, "{}", converter.error());
  return converter.finish();
}

}  // namespace weir::otlp

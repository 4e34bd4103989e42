#include "otlp/verify.h"

#include "base/text.h"
#include "otlp/wire.h"

namespace weir::otlp {
namespace {

// What a field of a known message must look like. `message` entries name the table row of the nested message.
enum class Kind : std::uint8_t { unknown, varint, fixed64, fixed32, text, bytes, trace_id, span_id, message, packed8, packed_varint };

struct Field {
  Kind kind = Kind::unknown;
  std::uint8_t message = 0;
};

enum MessageId : std::uint8_t {
  opaque,
  any_value,
  array_value,
  key_value_list,
  key_value,
  resource,
  scope,
  request_traces,
  resource_spans,
  scope_spans,
  span,
  event,
  link,
  status,
  request_logs,
  resource_logs,
  scope_logs,
  log_record,
  request_metrics,
  resource_metrics,
  scope_metrics,
  metric,
  gauge,
  sum,
  number_point,
  histogram,
  histogram_point,
  exponential_histogram,
  exponential_point,
  buckets,
  summary,
  summary_point,
  quantile,
  exemplar,
  request_profiles,
  resource_profiles,
  scope_profiles,
  profile,
  message_count
};

struct Descriptor {
  std::string_view name;
  bool counts = false;  // one of these is an item
  std::array<Field, 17> fields{};
};

constexpr Field varint{Kind::varint}, fixed64{Kind::fixed64}, fixed32{Kind::fixed32}, text{Kind::text}, bytes{Kind::bytes},
    trace_id{Kind::trace_id}, span_id{Kind::span_id}, packed8{Kind::packed8}, packed_varint{Kind::packed_varint}, none{};
constexpr Field of(MessageId m) { return {Kind::message, m}; }

// Indexed by MessageId; fields by number. From opentelemetry-proto 1.x.
constexpr auto table = [] {
  std::array<Descriptor, message_count> t{};
  t[opaque] = {"message", false, {}};
  t[any_value] = {"AnyValue", false, {none, text, varint, varint, fixed64, of(array_value), of(key_value_list), bytes}};
  t[array_value] = {"ArrayValue", false, {none, of(any_value)}};
  t[key_value_list] = {"KeyValueList", false, {none, of(key_value)}};
  t[key_value] = {"KeyValue", false, {none, text, of(any_value)}};
  t[resource] = {"Resource", false, {none, of(key_value), varint}};
  t[scope] = {"InstrumentationScope", false, {none, text, text, of(key_value), varint}};
  t[request_traces] = {"ExportTraceServiceRequest", false, {none, of(resource_spans)}};
  t[resource_spans] = {"ResourceSpans", false, {none, of(resource), of(scope_spans), text}};
  t[scope_spans] = {"ScopeSpans", false, {none, of(scope), of(span), text}};
  t[span] = {"Span", true, {none, trace_id, span_id, text, span_id, text, varint, fixed64, fixed64, of(key_value), varint, of(event), varint, of(link), varint, of(status), fixed32}};
  t[event] = {"Span.Event", false, {none, fixed64, text, of(key_value), varint}};
  t[link] = {"Span.Link", false, {none, trace_id, span_id, text, of(key_value), varint, fixed32}};
  t[status] = {"Status", false, {none, none, text, varint}};
  t[request_logs] = {"ExportLogsServiceRequest", false, {none, of(resource_logs)}};
  t[resource_logs] = {"ResourceLogs", false, {none, of(resource), of(scope_logs), text}};
  t[scope_logs] = {"ScopeLogs", false, {none, of(scope), of(log_record), text}};
  t[log_record] = {"LogRecord", true, {none, fixed64, varint, text, none, of(any_value), of(key_value), varint, fixed32, trace_id, span_id, fixed64, text}};
  t[request_metrics] = {"ExportMetricsServiceRequest", false, {none, of(resource_metrics)}};
  t[resource_metrics] = {"ResourceMetrics", false, {none, of(resource), of(scope_metrics), text}};
  t[scope_metrics] = {"ScopeMetrics", false, {none, of(scope), of(metric), text}};
  t[metric] = {"Metric", false, {none, text, text, text, none, of(gauge), none, of(sum), none, of(histogram), of(exponential_histogram), of(summary), of(key_value)}};
  t[gauge] = {"Gauge", false, {none, of(number_point)}};
  t[sum] = {"Sum", false, {none, of(number_point), varint, varint}};
  t[number_point] = {"NumberDataPoint", true, {none, none, fixed64, fixed64, fixed64, of(exemplar), fixed64, of(key_value), varint}};
  t[histogram] = {"Histogram", false, {none, of(histogram_point), varint}};
  t[histogram_point] = {"HistogramDataPoint", true, {none, none, fixed64, fixed64, fixed64, fixed64, packed8, packed8, of(exemplar), of(key_value), varint, fixed64, fixed64}};
  t[exponential_histogram] = {"ExponentialHistogram", false, {none, of(exponential_point), varint}};
  t[exponential_point] = {"ExponentialHistogramDataPoint", true, {none, of(key_value), fixed64, fixed64, fixed64, fixed64, varint, fixed64, of(buckets), of(buckets), varint, of(exemplar), fixed64, fixed64, fixed64}};
  t[buckets] = {"Buckets", false, {none, varint, packed_varint}};
  t[summary] = {"Summary", false, {none, of(summary_point)}};
  t[summary_point] = {"SummaryDataPoint", true, {none, none, fixed64, fixed64, fixed64, fixed64, of(quantile), of(key_value), varint}};
  t[quantile] = {"ValueAtQuantile", false, {none, fixed64, fixed64}};
  t[exemplar] = {"Exemplar", false, {none, none, fixed64, fixed64, span_id, trace_id, fixed64, of(key_value)}};
  t[request_profiles] = {"ExportProfilesServiceRequest", false, {none, of(resource_profiles), of(opaque)}};
  t[resource_profiles] = {"ResourceProfiles", false, {none, of(resource), of(scope_profiles), text}};
  t[scope_profiles] = {"ScopeProfiles", false, {none, of(scope), of(profile), text}};
  t[profile] = {"Profile", true, {}};
  return t;
}();

class Walker {
 public:
  // False when something is wrong; then `where` and `why` say what.
  bool walk(MessageId id, std::string_view message, int depth) {
    const Descriptor& type = table[id];
    items += type.counts;
    if (id == opaque || id == profile) return true;
    Reader reader(message);
    while (reader.next()) {
      std::uint32_t number = reader.field();
      Field field = number < type.fields.size() ? type.fields[number] : none;
      if (!check(field, reader, depth)) return where.empty() ? wrong(type, number) : false;
    }
    if (!reader.ok()) return why = "cut short or not protobuf", wrong(type, reader.field());
    return true;
  }

  std::size_t items = 0;
  std::string where;
  std::string_view why;

 private:
  bool wrong(const Descriptor& type, std::uint32_t number) {
    where = fmt::format("{} field {}", type.name, number);
    return false;
  }
  bool check(Field field, Reader& reader, int depth) {
    switch (field.kind) {
      case Kind::unknown: reader.skip(); return true;  // a failed skip ends the caller's loop
      case Kind::varint: return expect(reader, WireType::varint) && (reader.varint(), true);
      case Kind::fixed64: return expect(reader, WireType::fixed64) && (reader.fixed64(), true);
      case Kind::fixed32: return expect(reader, WireType::fixed32) && (reader.fixed32(), true);
      case Kind::bytes: return expect(reader, WireType::bytes) && (reader.bytes(), true);
      case Kind::text:
        if (!expect(reader, WireType::bytes)) return false;
        if (!valid_utf8(reader.bytes())) return why = "text is not valid UTF-8", false;
        return true;
      case Kind::trace_id: return id(reader, 16);
      case Kind::span_id: return id(reader, 8);
      case Kind::message: {
        if (!expect(reader, WireType::bytes)) return false;
        std::string_view nested = reader.bytes();
        if (!reader.ok()) return true;
        if (depth == 0) return why = "values are nested too deep", false;
        auto next = static_cast<MessageId>(field.message);
        return walk(next, nested, next == any_value ? depth - 1 : depth);
      }
      case Kind::packed8: return packed(reader, WireType::fixed64);
      case Kind::packed_varint: return packed(reader, WireType::varint);
    }
    return false;
  }
  bool expect(Reader& reader, WireType type) {
    if (reader.is(type)) return true;
    why = "wrong wire type";
    return false;
  }
  bool id(Reader& reader, std::size_t size) {
    if (!expect(reader, WireType::bytes)) return false;
    std::size_t got = reader.bytes().size();
    if (got == size || got == 0) return true;
    why = size == 16 ? "a trace id has 16 bytes" : "a span id has 8 bytes";
    return false;
  }
  // Repeated numbers come packed from every sender since proto3, but the unpacked form is legal.
  bool packed(Reader& reader, WireType element) {
    if (reader.is(element)) return reader.skip(), true;
    if (!expect(reader, WireType::bytes)) return false;
    std::string_view run = reader.bytes();
    if (element == WireType::fixed64) {
      if (run.size() % 8) return why = "packed doubles are cut short", false;
      return true;
    }
    if (!run.empty() && static_cast<unsigned char>(run.back()) >= 0x80) return why = "packed numbers are cut short", false;
    std::size_t length = 0;
    for (unsigned char c : run) {
      if (++length > 10) return why = "a number is longer than 64 bits", false;
      if (c < 0x80) length = 0;
    }
    return true;
  }
};

}  // namespace

Result<Extent> verify(Signal signal, std::string_view request) {
  constexpr std::array roots = {request_traces, request_metrics, request_logs, request_profiles};
  Walker walker;
  if (!walker.walk(roots[static_cast<std::size_t>(signal)], request, max_value_depth))
    return fail(Errc::invalid, "{}: {}", walker.where, walker.why);
  return Extent{walker.items};
}

}  // namespace weir::otlp

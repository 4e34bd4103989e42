#pragma once
// The messages of OTLP requests as a table: what each field is, and what each message costs in memory. For those who walk over
// bytes without decoding them.
#include <array>
#include <string_view>

#include "otlp/batch.h"

namespace weir::otlp::schema {

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
  entity_ref,
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
  std::uint32_t cost = 0;  // Cost::bytes of one without what is nested in it
  bool unit = false;       // see Cost::ordinary_unit()
};

// An element of an ArenaVector: what is outgrown stays behind, and there is room for four from the start.
template <class T>
constexpr std::uint32_t listed = 4 * sizeof(T);
// An element of a std::vector, while it is moved.
template <class T>
constexpr std::uint32_t moved = 3 * sizeof(T);
inline constexpr std::uint32_t unknown_cost = listed<std::string_view>;
inline constexpr std::uint32_t attribute_cost = listed<KeyValue>;
inline constexpr std::uint32_t number_cost = listed<std::uint64_t>;  // in a list

inline constexpr Field varint{Kind::varint}, fixed64{Kind::fixed64}, fixed32{Kind::fixed32}, text{Kind::text}, bytes{Kind::bytes},
    trace_id{Kind::trace_id}, span_id{Kind::span_id}, packed8{Kind::packed8}, packed_varint{Kind::packed_varint}, none{};
constexpr Field of(MessageId m) { return {Kind::message, m}; }

// Indexed by MessageId; fields by number. From opentelemetry-proto 1.x.
inline constexpr auto table = [] {
  std::array<Descriptor, message_count> t{};
  t[opaque] = {"message", false, {}};
  t[any_value] = {"AnyValue", false, {none, text, varint, varint, fixed64, of(array_value), of(key_value_list), bytes, varint}};
  t[array_value] = {"ArrayValue", false, {none, of(any_value)}};
  t[key_value_list] = {"KeyValueList", false, {none, of(key_value)}};
  t[key_value] = {"KeyValue", false, {none, text, of(any_value), varint}};
  t[entity_ref] = {"EntityRef", false, {none, text, text, text, text}};
  t[resource] = {"Resource", false, {none, of(key_value), varint, of(entity_ref)}};
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

  for (auto group : {resource_spans, resource_logs, resource_metrics, resource_profiles}) t[group].cost = moved<ResourceGroup>;
  for (auto group : {scope_spans, scope_logs, scope_metrics, scope_profiles}) t[group].cost = moved<ScopeGroup>;
  t[resource].cost = sizeof(Resource);
  t[scope].cost = sizeof(Scope);
  t[any_value].cost = listed<Value>;
  t[key_value].cost = attribute_cost;
  t[entity_ref].cost = unknown_cost;  // kept as bytes
  t[array_value].cost = sizeof(Array);
  t[key_value_list].cost = sizeof(Attributes);
  t[span].cost = moved<Item> + sizeof(Span) + 8 * sizeof(KeyValue);
  t[event].cost = listed<Span::Event>;
  t[link].cost = listed<Span::Link>;
  t[log_record].cost = moved<Item> + sizeof(LogRecord);
  t[metric].cost = moved<Item> + sizeof(Metric);
  for (auto point : {number_point, histogram_point, exponential_point, summary_point}) t[point].cost = sizeof(DataPoint);
  t[quantile].cost = listed<DataPoint::Quantile>;
  t[exemplar].cost = listed<Exemplar>;
  t[profile].cost = moved<Item>;
  for (auto unit : {resource, scope, span, log_record, metric}) t[unit].unit = true;
  return t;
}();

// The message that a request of a signal is.
inline MessageId root_of(Signal signal) {
  constexpr std::array roots = {request_traces, request_metrics, request_logs, request_profiles};
  return roots[static_cast<std::size_t>(signal)];
}

}  // namespace weir::otlp::schema

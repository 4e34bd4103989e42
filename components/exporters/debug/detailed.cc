#include <cmath>

#include "components/exporters/debug/go_text.h"
#include "components/exporters/debug/text.h"
#include "components/exporters/debug/walk.h"

namespace weir::exporters::debug {
namespace {

using otlp::Attributes;
using otlp::DataPoint;

template <std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, std::int64_t value) {
  return value < 0 || value >= static_cast<std::int64_t>(N) ? "" : names[static_cast<std::size_t>(value)];
}

constexpr std::array<std::string_view, 8> value_types = {"Empty", "Str", "Bool", "Int", "Double", "Bytes", "Slice", "Map"};
constexpr std::array<std::string_view, 6> span_kinds = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
constexpr std::array<std::string_view, 3> status_codes = {"Unset", "Ok", "Error"};
constexpr std::array<std::string_view, 3> temporalities = {"Unspecified", "Delta", "Cumulative"};
constexpr std::array<std::string_view, 6> metric_types = {"Empty", "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary"};
constexpr std::array<std::string_view, 25> severities = {
    "Unspecified", "Trace", "Trace2", "Trace3", "Trace4", "Debug",  "Debug2", "Debug3", "Debug4", "Info",   "Info2",  "Info3", "Info4",
    "Warn",        "Warn2", "Warn3",  "Warn4",  "Error",  "Error2", "Error3", "Error4", "Fatal",  "Fatal2", "Fatal3", "Fatal4"};

std::string typed(const otlp::Value& value) {
  return fmt::format("{}({})", name_of(value_types, static_cast<std::int64_t>(value.type)), otlp::to_text(value));
}

class Detailed {
 public:
  static constexpr Words words_of_traces{"ResourceSpans", "ScopeSpans", "Span"}, words_of_metrics{"ResourceMetrics", "ScopeMetrics", "Metric"},
      words_of_logs{"ResourceLog", "ScopeLogs", "LogRecord"};
  Detailed(Arena& arena, std::string& out) : arena_(arena), out_(out) {}

  void resource(std::string_view word, otlp::ResourceGroup& group, std::size_t number) {
    line("{} #{}", word, number);
    line("Resource SchemaURL: {}", group.schema_url);
    attributes("Resource attributes:", "     -> ", group.resource.read(arena_).attributes);
  }
  void scope(std::string_view word, otlp::ScopeGroup& scope, std::size_t number) {
    line("{} #{}", word, number);
    auto& about = scope.scope.read(arena_);
    line("{} SchemaURL: {}", word, scope.schema_url);
    line("InstrumentationScope {} {}", about.name, about.version);
    attributes("InstrumentationScope attributes:", "     -> ", about.attributes);
  }
  template <class T>
  void item(std::string_view word, const T& message, std::size_t number) {
    line("{} #{}", word, number);
    print(message);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  // Go pads names to fifteen.
  void field(std::string_view name, std::string_view value) { line("    {:<15}: {}", name, value); }

  void attributes(std::string_view title, std::string_view prefix, const Attributes& list) {
    if (list.empty()) return;
    line("{}", title);
    for (auto& kv : list) line("{}{}: {}", prefix, kv.key, typed(kv.value));
  }
  void nested(std::string_view title, const Attributes& list) {
    attributes(fmt::format("     -> {}", title), "          -> ", list);
  }

  void print(const otlp::Span& span) {
    field("Trace ID", id_text(span.trace_id));
    field("Parent ID", id_text(span.parent_span_id));
    field("ID", id_text(span.span_id));
    field("Name", span.name);
    field("Kind", name_of(span_kinds, span.kind));
    if (!span.trace_state.empty()) field("TraceState", span.trace_state);
    field("Start time", time_text(span.start_time_unix_nano));
    field("End time", time_text(span.end_time_unix_nano));
    field("Status code", name_of(status_codes, span.status_code));
    field("Status message", span.status_message);
    line("    DroppedAttributesCount: {}", span.dropped_attributes_count);
    line("    DroppedEventsCount: {}", span.dropped_events_count);
    line("    DroppedLinksCount: {}", span.dropped_links_count);
    attributes("Attributes:", "     -> ", span.attributes);
    print_events(span);
    print_links(span);
  }

  void print_events(const otlp::Span& span) {
    if (!span.events.empty()) line("Events:");
    for (std::size_t i = 0; i < span.events.size(); ++i) {
      auto& event = span.events[i];
      line("SpanEvent #{}", i);
      line("     -> Name: {}", event.name);
      line("     -> Timestamp: {}", time_text(event.time_unix_nano));
      line("     -> DroppedAttributesCount: {}", event.dropped_attributes_count);
      nested("Attributes::", event.attributes);
    }
  }

  void print_links(const otlp::Span& span) {
    if (!span.links.empty()) line("Links:");
    for (std::size_t i = 0; i < span.links.size(); ++i) {
      auto& link = span.links[i];
      line("SpanLink #{}", i);
      line("     -> Trace ID: {}", id_text(link.trace_id));
      line("     -> ID: {}", id_text(link.span_id));
      line("     -> TraceState: {}", link.trace_state);
      line("     -> DroppedAttributesCount: {}", link.dropped_attributes_count);
      nested("Attributes::", link.attributes);
    }
  }

  void print(const otlp::LogRecord& record) {
    line("ObservedTimestamp: {}", time_text(record.observed_time_unix_nano));
    line("Timestamp: {}", time_text(record.time_unix_nano));
    line("SeverityText: {}", record.severity_text);
    line("SeverityNumber: {}({})", name_of(severities, record.severity_number), record.severity_number);
    if (!record.event_name.empty()) line("EventName: {}", record.event_name);
    line("Body: {}", typed(record.body));
    attributes("Attributes:", "     -> ", record.attributes);
    line("Trace ID: {}", id_text(record.trace_id));
    line("Span ID: {}", id_text(record.span_id));
    line("Flags: {}", record.flags);
  }

  void print(const otlp::Metric& metric) {
    line("Descriptor:");
    line("     -> Name: {}", metric.name);
    line("     -> Description: {}", metric.description);
    line("     -> Unit: {}", metric.unit);
    line("     -> DataType: {}", name_of(metric_types, static_cast<std::int64_t>(metric.type)));
    nested("Metadata:", metric.metadata);
    if (metric.type == otlp::MetricType::sum) line("     -> IsMonotonic: {}", metric.is_monotonic);
    if (metric.type == otlp::MetricType::sum || metric.type == otlp::MetricType::histogram ||
        metric.type == otlp::MetricType::exponential_histogram)
      line("     -> AggregationTemporality: {}", name_of(temporalities, static_cast<std::int64_t>(metric.temporality)));
    for (std::size_t i = 0; i < metric.points.size(); ++i) print_point(metric.type, i, metric.points[i]);
  }

  void print_point(otlp::MetricType type, std::size_t i, const DataPoint& point) {
    constexpr std::array<std::string_view, 6> words = {"Number", "Number", "Number", "Histogram", "ExponentialHistogram", "Summary"};
    line("{}DataPoints #{}", name_of(words, static_cast<std::int64_t>(type)), i);
    attributes("Data point attributes:", "     -> ", point.attributes);
    line("StartTimestamp: {}", time_text(point.start_time_unix_nano));
    line("Timestamp: {}", time_text(point.time_unix_nano));
    switch (type) {
      case otlp::MetricType::histogram: print_totals(point), print_buckets(point); break;
      case otlp::MetricType::exponential_histogram: print_totals(point), print_exponential_buckets(point); break;
      case otlp::MetricType::summary: return print_summary(point);
      default: print_number("Value: ", point);
    }
    print_exemplars(point);
  }

  template <class T>
  void print_number(std::string_view title, const T& at) {
    if (at.type == otlp::NumberType::integer) line("{}{}", title, at.integer);
    if (at.type == otlp::NumberType::real) line("{}{}", title, fixed(at.real));
  }

  void print_totals(const DataPoint& point) {
    line("Count: {}", point.count);
    if (point.has_sum) line("Sum: {}", fixed(point.sum));
    if (point.has_min) line("Min: {}", fixed(point.min));
    if (point.has_max) line("Max: {}", fixed(point.max));
  }

  void print_buckets(const DataPoint& point) {
    for (std::size_t i = 0; i < point.explicit_bounds.size(); ++i) line("ExplicitBounds #{}: {}", i, fixed(point.explicit_bounds[i]));
    for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) line("Buckets #{}, Count: {}", i, point.bucket_counts[i]);
  }

  void print_exponential_buckets(const DataPoint& point) {
    double factor = std::ldexp(std::log(2.0), -point.scale);
    auto bound = [&](std::int64_t index) { return std::exp(static_cast<double>(index) * factor); };
    for (std::size_t i = point.negative.counts.size(); i-- > 0;) {
      std::int64_t index = point.negative.offset + static_cast<std::int64_t>(i);
      line("Bucket [{}, {}), Count: {}", fixed(-bound(index + 1)), fixed(-bound(index)), point.negative.counts[i]);
    }
    if (point.zero_count) line("Bucket [0, 0], Count: {}", point.zero_count);
    for (std::size_t i = 0; i < point.positive.counts.size(); ++i) {
      std::int64_t index = point.positive.offset + static_cast<std::int64_t>(i);
      line("Bucket ({}, {}], Count: {}", fixed(bound(index)), fixed(bound(index + 1)), point.positive.counts[i]);
    }
  }

  void print_summary(const DataPoint& point) {
    line("Count: {}", point.count);
    line("Sum: {}", fixed(point.sum));
    for (std::size_t i = 0; i < point.quantiles.size(); ++i)
      line("QuantileValue #{}: Quantile {}, Value {}", i, fixed(point.quantiles[i].quantile), fixed(point.quantiles[i].value));
  }

  void print_exemplars(const DataPoint& point) {
    if (!point.exemplars.empty()) line("Exemplars:");
    for (std::size_t i = 0; i < point.exemplars.size(); ++i) {
      auto& exemplar = point.exemplars[i];
      line("Exemplar #{}", i);
      line("     -> Trace ID: {}", id_text(exemplar.trace_id));
      line("     -> Span ID: {}", id_text(exemplar.span_id));
      line("     -> Timestamp: {}", time_text(exemplar.time_unix_nano));
      print_number("     -> Value: ", exemplar);
      nested("FilteredAttributes:", exemplar.filtered_attributes);
    }
  }

  Arena& arena_;
  std::string& out_;
};

class DetailedPrinter : public Printer {
 public:
  bool print(otlp::Batch& batch, std::size_t bytes, std::string& out) override {
    Detailed text(batch.arena(), out);
    return walk(batch, at_, end_of(out, bytes), out, text);
  }

 private:
  Position at_;
};

}  // namespace

std::unique_ptr<Printer> detailed_printer() { return std::make_unique<DetailedPrinter>(); }

}  // namespace weir::exporters::debug

#include "components/exporters/elasticsearch/documents.h"

#include <cmath>

#include "base/text.h"
#include "components/exporters/elasticsearch/document.h"
#include "components/exporters/elasticsearch/json.h"
#include "components/exporters/elasticsearch/otel.h"

namespace weir::exporters::elasticsearch {
namespace {

using otlp::Attributes;
using otlp::Value;

std::uint64_t time_of(const otlp::LogRecord& record) { return record.time_unix_nano ? record.time_unix_nano : record.observed_time_unix_nano; }

std::string_view text_of(const Attributes& attributes, std::string_view key) {
  auto* value = attributes.find(key);
  return value != nullptr && value->is(otlp::ValueType::string) ? value->text : std::string_view();
}

using Names = std::span<const std::pair<std::string_view, std::string_view>>;

// Attributes by their names in the Elastic Common Schema; others by their own. An empty name: not at all.
void add_ecs(Document& out, const Attributes& attributes, Names names) {
  for (auto& kv : attributes) {
    auto at = std::ranges::find(names, kv.key, [](auto& row) { return row.first; });
    if (at == names.end()) out.add(kv.key, kv.value);
    else if (!at->second.empty()) out.add(at->second, kv.value);
    if (kv.key == "host.name") out.add(kv.key, kv.value);
  }
}

constexpr std::pair<std::string_view, std::string_view> resource_names[] = {
    {"service.instance.id", "service.node.name"},       {"deployment.environment", "service.environment"}, {"deployment.environment.name", "service.environment"},
    {"telemetry.sdk.name", ""},                          {"telemetry.sdk.language", ""},                    {"telemetry.sdk.version", ""},
    {"telemetry.distro.name", ""},                       {"telemetry.distro.version", ""},                  {"cloud.platform", "cloud.service.name"},
    {"container.image.tags", "container.image.tag"},     {"host.name", "host.hostname"},                    {"host.arch", "host.architecture"},
    {"process.executable.path", "process.executable"},   {"process.runtime.name", "service.runtime.name"},  {"process.runtime.version", "service.runtime.version"},
    {"os.name", "host.os.name"},                         {"os.type", "host.os.platform"},                   {"os.description", "host.os.full"},
    {"os.version", "host.os.version"},                   {"k8s.deployment.name", "kubernetes.deployment.name"}, {"k8s.namespace.name", "kubernetes.namespace"},
    {"k8s.node.name", "kubernetes.node.name"},           {"k8s.pod.name", "kubernetes.pod.name"},           {"k8s.pod.uid", "kubernetes.pod.uid"}};
constexpr std::pair<std::string_view, std::string_view> record_names[] = {{"event.name", "event.action"},
                                                                          {"exception.message", "error.message"},
                                                                          {"exception.stacktrace", "error.stacktrace"},
                                                                          {"exception.type", "error.type"},
                                                                          {"exception.escaped", "event.error.exception.handled"}};
constexpr std::pair<std::string_view, std::string_view> span_names[] = {{"messaging.destination.name", "span.message.queue.name"},
                                                                        {"messaging.operation.name", "span.action"},
                                                                        {"db.system", "span.db.type"},
                                                                        {"db.namespace", "span.db.instance"},
                                                                        {"db.query.text", "span.db.statement"},
                                                                        {"http.response.body.size", "http.response.encoded_body_size"}};

void add_agent(Document& out, const Attributes& resource) {
  std::string_view sdk = text_of(resource, "telemetry.sdk.name"), language = text_of(resource, "telemetry.sdk.language");
  std::string_view distro = text_of(resource, "telemetry.distro.name"), version = text_of(resource, "telemetry.distro.version");
  std::string name(sdk.empty() ? "otlp" : sdk);
  if (!distro.empty()) name += fmt::format("/{}/{}", language.empty() ? "unknown" : language, distro);
  else if (!language.empty()) name += fmt::format("/{}", language);
  out.add_text("agent.name", name);
  out.add_text("agent.version", version.empty() ? text_of(resource, "telemetry.sdk.version") : version);
}

void add_os(Document& out, const Attributes& resource) {
  std::string_view type = text_of(resource, "os.type"), name = text_of(resource, "os.name"), word;
  if (type == "windows" || type == "linux") word = type;
  if (type == "darwin") word = "macos";
  if (type == "aix" || type == "hpux" || type == "solaris") word = "unix";
  if (name == "Android") word = "android";
  if (name == "iOS") word = "ios";
  out.add_text("host.os.type", word);
}

Document ecs_base(const Surroundings& around) {
  Document out;
  add_ecs(out, around.resource.attributes, resource_names);
  out.add_all("", around.scope.attributes);
  return out;
}

void add_streams(Document& out, const Index& index) {
  if (!index.is_data_stream()) return;
  out.add_text("data_stream.type", index.type);
  out.add_text("data_stream.dataset", index.dataset);
  out.add_text("data_stream.namespace", index.name_space);
}

void add_surroundings(Document& out, const Surroundings& around) {
  out.add_all("Resource", around.resource.attributes);
  out.add("Scope.name", Value::of(around.scope.name));
  out.add("Scope.version", Value::of(around.scope.version));
  out.add_all("Scope", around.scope.attributes);
}

std::string kind_word(std::int32_t kind) {
  constexpr std::string_view words[] = {"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
  return kind >= 0 && kind < 6 ? fmt::format("SPAN_KIND_{}", words[kind]) : std::string();
}

std::string links_text(const otlp::Span& span) {
  std::string out = "[";
  for (auto& link : span.links) {
    Attributes copy = link.attributes;
    out += "{\"attribute\":";
    append_value(out, Value::of(&copy));
    out += fmt::format(",\"spanID\":\"{}\",\"traceID\":\"{}\"}},", link.span_id.empty() ? "" : to_hex(link.span_id.view()), link.trace_id.empty() ? "" : to_hex(link.trace_id.view()));
  }
  drop_comma(out);
  return out += ']';
}

std::string plain_span(const Mapping& mapping, const Surroundings& around, const otlp::Span& span, const Index& index) {
  bool raw = mapping.mode == Mode::raw;
  Document out;
  out.add_time("@timestamp", span.start_time_unix_nano);
  out.add_time("EndTimestamp", span.end_time_unix_nano);
  out.add_id("TraceId", span.trace_id);
  out.add_id("SpanId", span.span_id);
  out.add_id("ParentSpanId", span.parent_span_id);
  out.add_text("Name", span.name);
  out.add_text("Kind", kind_word(span.kind));
  out.add_integer("TraceStatus", span.status_code);
  out.add_text("TraceStatusDescription", span.status_message);
  out.add_text("Link", links_text(span));
  out.add_all(raw ? "" : "Attributes", span.attributes);
  for (auto& event : span.events) {
    std::string name = raw ? std::string(event.name) : fmt::format("Events.{}", event.name);
    out.add_time(name + ".time", event.time_unix_nano);
    out.add_all(name, event.attributes);
  }
  out.add_integer("Duration", static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano) / 1000);
  add_surroundings(out, around);
  add_streams(out, index);
  return out.to_json(mapping.dedot);
}

std::string ecs_span(const Surroundings& around, const otlp::Span& span, const Index& index) {
  Document out = ecs_base(around);
  add_ecs(out, span.attributes, span_names);
  add_agent(out, around.resource.attributes);
  add_os(out, around.resource.attributes);
  out.add_time("@timestamp", span.start_time_unix_nano);
  out.add_id("trace.id", span.trace_id);
  out.add_id("span.id", span.span_id);
  out.add_id("parent.id", span.parent_span_id);
  out.add_text("span.name", span.name);
  out.add_integer("event.duration", static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano));
  if (span.status_code == otlp::Span::ok) out.add_text("event.outcome", "success");
  if (span.status_code == otlp::Span::error) out.add_text("event.outcome", "failure");
  if (!span.links.empty()) {
    std::string links = "[";
    for (auto& link : span.links) links += fmt::format(R"({{"trace":{{"id":"{}"}},"span":{{"id":"{}"}}}},)", to_hex(link.trace_id.view()), to_hex(link.span_id.view()));
    links.back() = ']';
    out.add_json("span.links", links);
  }
  add_streams(out, index);
  return out.to_json(true);
}

}  // namespace

std::string log_document(const Mapping& mapping, const Surroundings& around, const otlp::LogRecord& record, const Index& index) {
  if (mapping.mode == Mode::otel) return otel::log(around, record, index);
  if (mapping.mode == Mode::bodymap) {
    std::string out;
    append_value(out, record.body);
    return out;
  }
  if (mapping.mode == Mode::ecs) {
    Document out = ecs_base(around);
    add_ecs(out, record.attributes, record_names);
    add_agent(out, around.resource.attributes);
    add_os(out, around.resource.attributes);
    out.add_time("@timestamp", time_of(record));
    out.add_id("trace.id", record.trace_id);
    out.add_id("span.id", record.span_id);
    if (record.severity_number != 0) out.add_integer("event.severity", record.severity_number);
    out.add_text("log.level", record.severity_text);
    if (record.body.is(otlp::ValueType::string)) out.add("message", record.body);
    add_streams(out, index);
    return out.to_json(true);
  }
  Document out;
  out.add_time("@timestamp", time_of(record));
  out.add_id("TraceId", record.trace_id);
  out.add_id("SpanId", record.span_id);
  out.add_integer("TraceFlags", record.flags);
  out.add_text("SeverityText", record.severity_text);
  out.add_integer("SeverityNumber", record.severity_number);
  out.add("Body", record.body);
  out.add_all(mapping.mode == Mode::raw ? "" : "Attributes", record.attributes);
  add_surroundings(out, around);
  add_streams(out, index);
  return out.to_json(mapping.dedot);
}

std::string span_document(const Mapping& mapping, const Surroundings& around, const otlp::Span& span, const Index& index) {
  if (mapping.mode == Mode::otel) return otel::span(around, span, index);
  return mapping.mode == Mode::ecs ? ecs_span(around, span, index) : plain_span(mapping, around, span, index);
}

std::string event_document(const Surroundings& around, const otlp::Span& span, const otlp::Span::Event& event, const Index& index) {
  return otel::event(around, span, event, index);
}

namespace {

std::string lists(const std::vector<double>& values, const std::vector<std::uint64_t>& counts) {
  std::string out = "{\"counts\":[";
  for (auto count : counts) out += std::to_string(count) + ",";
  drop_comma(out);
  out += "],\"values\":[";
  for (auto value : values) append_real(out, value), out += ',';
  drop_comma(out);
  return out += "]}";
}

// A histogram as Elasticsearch has it: the middle of each bucket, and its count.
std::optional<std::string> histogram(const otlp::DataPoint& point) {
  auto& bounds = point.explicit_bounds;
  if (bounds.empty() || point.bucket_counts.size() != bounds.size() + 1) return std::nullopt;
  std::vector<double> values;
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) {
    if (point.bucket_counts[i] == 0) continue;
    double middle;
    if (i == 0) middle = bounds[0] > 0 ? bounds[0] / 2 : bounds[0];
    else if (i == bounds.size()) middle = bounds[i - 1];
    else middle = bounds[i - 1] + (bounds[i] - bounds[i - 1]) / 2;
    values.push_back(middle);
    counts.push_back(point.bucket_counts[i]);
  }
  return lists(values, counts);
}

std::string exponential_histogram(const otlp::DataPoint& point) {
  std::vector<double> values;
  std::vector<std::uint64_t> counts;
  double base = std::exp2(std::exp2(-point.scale));
  auto add = [&](double value, std::uint64_t count) {
    if (count > 0) values.push_back(value), counts.push_back(count);
  };
  auto middle = [&](std::int32_t offset, std::size_t i) {
    double lower = std::pow(base, static_cast<double>(offset) + static_cast<double>(i));
    return lower + (lower * base - lower) / 2;
  };
  for (std::size_t i = point.negative.counts.size(); i-- > 0;) add(-middle(point.negative.offset, i), point.negative.counts[i]);
  add(0, point.zero_count);
  for (std::size_t i = 0; i < point.positive.counts.size(); ++i) add(middle(point.positive.offset, i), point.positive.counts[i]);
  return lists(values, counts);
}

std::optional<std::string> value_of(const otlp::Metric& metric, const otlp::DataPoint& point) {
  std::string out;
  switch (metric.type) {
    case otlp::MetricType::gauge:
    case otlp::MetricType::sum:
      if (point.type == otlp::NumberType::integer) return std::to_string(point.integer);
      if (point.type != otlp::NumberType::real || !std::isfinite(point.real)) return std::nullopt;
      append_real(out, point.real);
      return out;
    case otlp::MetricType::histogram: return histogram(point);
    case otlp::MetricType::exponential_histogram: return exponential_histogram(point);
    case otlp::MetricType::summary:
      out = "{\"sum\":";
      append_real(out, point.sum);
      return out + fmt::format(",\"value_count\":{}}}", point.count);
    default: return std::nullopt;
  }
}

std::string_view template_of(const otlp::Metric& metric, const otlp::DataPoint& point) {
  bool integer = point.type == otlp::NumberType::integer;
  switch (metric.type) {
    case otlp::MetricType::sum:
      if (metric.is_monotonic) return integer ? "counter_long" : "counter_double";
      return integer ? "gauge_long" : "gauge_double";
    case otlp::MetricType::gauge: return integer ? "gauge_long" : "gauge_double";
    case otlp::MetricType::summary: return "summary";
    default: return "histogram";
  }
}

}  // namespace

bool PointDocument::add(const otlp::Metric& metric, const otlp::DataPoint& point) {
  if (metrics_.contains(metric.name)) return false;
  auto value = value_of(metric, point);
  if (!value) return false;
  if (first_ == nullptr) first_ = &point, unit_ = metric.unit;
  metrics_.emplace(metric.name, Entry{std::move(*value), template_of(metric, point)});
  return true;
}

std::string PointDocument::to_json(const Mapping& mapping, const Surroundings& around, const Index& index) const {
  if (mapping.mode == Mode::otel) {
    std::string metrics = "{";
    for (auto& [name, entry] : metrics_) append_key(metrics, name), metrics += entry.value, metrics += ',';
    drop_comma(metrics);
    metrics += '}';
    return otel::points(around, *first_, unit_, metrics, index);
  }
  Document out;
  add_ecs(out, around.resource.attributes, resource_names);
  out.add_time("@timestamp", first_->time_unix_nano);
  out.add_all("", first_->attributes);
  for (auto& [name, entry] : metrics_) out.add_json(name, entry.value);
  add_streams(out, index);
  return out.to_json(mapping.mode == Mode::ecs || mapping.dedot);
}

std::string PointDocument::dynamic_templates() const {
  std::string out;
  for (auto& [name, entry] : metrics_) append_key(out, fmt::format("metrics.{}", name)), append_json_string(out, entry.template_name), out += ',';
  drop_comma(out);
  return out;
}

}  // namespace weir::exporters::elasticsearch

#include "components/receivers/httpcheck/points.h"

#include "net/url.h"

namespace weir::receivers::httpcheck {
namespace {

using otlp::Value;

class Builder {
 public:
  Builder(Arena& arena, UnixNanos start, UnixNanos now) : arena_(arena), start_(start), now_(now) {}

  otlp::Metric* metric(std::string_view name, std::string_view unit, std::string_view description, bool is_sum) {
    auto* out = arena_.make<otlp::Metric>();
    out->name = name, out->unit = unit, out->description = description;
    out->type = is_sum ? otlp::MetricType::sum : otlp::MetricType::gauge;
    if (is_sum) out->temporality = otlp::Temporality::cumulative;
    return out;
  }

  otlp::DataPoint& point(otlp::Metric& metric, std::int64_t value) {
    auto& out = metric.points.push_back(arena_, {});
    out.start_time_unix_nano = static_cast<std::uint64_t>(start_);
    out.time_unix_nano = static_cast<std::uint64_t>(now_);
    out.type = otlp::NumberType::integer;
    out.integer = value;
    return out;
  }

  void set(otlp::DataPoint& point, std::string_view key, Value value) { point.attributes.push_back(arena_, {key, value}); }
  Value text(std::string_view text) { return Value::of(arena_.copy(text)); }

 private:
  Arena& arena_;
  UnixNanos start_, now_;
};

}  // namespace

otlp::Batch to_metrics(std::span<const Finding> findings, const Metrics& wanted, UnixNanos start, UnixNanos now) {
  otlp::Batch batch(otlp::Signal::metrics);
  Arena& arena = batch.arena();
  Builder build(arena, start, now);
  auto* duration = build.metric("httpcheck.duration", "ms", "Measures the duration of the HTTP check.", false);
  auto* error = build.metric("httpcheck.error", "{error}", "Records errors occurring during HTTP check.", true);
  auto* status = build.metric("httpcheck.status", "1", "1 if the check resulted in status_code matching the status_class, otherwise 0.", true);
  auto* size = build.metric("httpcheck.response.size", "By", "Size of response body in bytes.", false);
  auto* passed = build.metric("httpcheck.validation.passed", "{validation}", "Number of response validations that passed.", true);
  auto* failed = build.metric("httpcheck.validation.failed", "{validation}", "Number of response validations that failed.", true);
  constexpr std::string_view classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
  for (auto& finding : findings) {
    Value url = build.text(finding.url), method = build.text(finding.method);
    build.set(build.point(*duration, finding.millis), "http.url", url);
    if (finding.status == 0) {
      auto& point = build.point(*error, 1);
      build.set(point, "http.url", url);
      build.set(point, "error.message", build.text(finding.error));
    }
    if (finding.size > 0) build.set(build.point(*size, finding.size), "http.url", url);
    for (auto& verdict : finding.verdicts)
      for (auto [metric, count] : {std::pair(passed, verdict.passed), std::pair(failed, verdict.failed)}) {
        if (count == 0) continue;
        auto& point = build.point(*metric, count);
        build.set(point, "http.url", url);
        build.set(point, "validation.type", Value::of(verdict.type));
      }
    for (int i = 0; i < 5; ++i) {
      bool matches = finding.status / 100 == i + 1;
      auto& point = build.point(*status, matches);
      build.set(point, "http.url", url);
      if (matches) build.set(point, "http.status_code", Value::of(std::int64_t{finding.status}));
      build.set(point, "http.method", method);
      build.set(point, "http.status_class", Value::of(classes[i]));
    }
  }
  auto& group = batch.groups().emplace_back();
  group.resource = otlp::Lazy<otlp::Resource>(arena.make<otlp::Resource>());
  auto* scope = arena.make<otlp::Scope>();
  scope->name = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/httpcheckreceiver";  // what dashboards may filter by
  auto& target = group.scopes.emplace_back();
  target.scope = otlp::Lazy<otlp::Scope>(scope);
  auto add = [&](otlp::Metric* metric, const Enabled& enabled) {
    if (enabled.enabled && !metric->points.empty()) target.items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
  };
  add(duration, wanted.duration), add(error, wanted.error), add(status, wanted.status);
  add(size, wanted.response_size), add(passed, wanted.validation_passed), add(failed, wanted.validation_failed);
  batch.prune();
  batch.set_bytes(batch.items() * 150);
  return batch;
}

std::string redirected(const std::string& url, std::string_view location) {
  if (location.empty()) return {};
  auto base = net::parse_url(url);
  if (!base) return {};
  std::string scheme = base->https ? "https://" : "http://", out;
  if (location.starts_with("http://") || location.starts_with("https://")) out = location;
  else if (location.starts_with("//")) out = scheme + std::string(location.substr(2));
  else if (location.starts_with('/')) out = scheme + base->authority() + std::string(location);
  else out = scheme + base->authority() + base->target.substr(0, base->target.substr(0, base->target.find('?')).rfind('/') + 1) + std::string(location);
  return net::parse_url(out) ? out : std::string();
}

}  // namespace weir::receivers::httpcheck

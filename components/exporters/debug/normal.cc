#include <cmath>

#include "components/exporters/debug/go_text.h"
#include "components/exporters/debug/text.h"

namespace weir::exporters::debug {
namespace {

using otlp::Attributes;
using otlp::DataPoint;

// Appends to one text. Arrays and maps are decoded into the batch's arena by who printed the message.
class Normal {
 public:
  explicit Normal(Arena& arena) : arena_(arena) {}

  template <class T>
  void print(otlp::Batch& batch, std::string_view resource_word, std::string_view scope_word) {
    std::size_t r = 0;
    for (auto& group : batch.groups()) {
      line("{} #{}{}{}", resource_word, r++, bracketed(group.schema_url), spaced(group.resource.read(arena_).attributes));
      std::size_t s = 0;
      for (auto& scope : group.scopes) {
        auto& about = scope.scope.read(arena_);
        line("{} #{}{}{}{}", scope_word, s++, named(about), bracketed(scope.schema_url), spaced(about.attributes));
        for (auto& item : scope.items) print(item.read<T>(arena_));
      }
    }
  }

  std::string take() { return std::move(out_); }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  static std::string bracketed(std::string_view url) { return url.empty() ? "" : fmt::format(" [{}]", url); }
  static std::string named(const otlp::Scope& scope) {
    std::string out;
    if (!scope.name.empty()) out = fmt::format(" {}", scope.name);
    if (!scope.version.empty()) out += fmt::format("@{}", scope.version);
    return out;
  }
  static std::string list(const Attributes& attributes, std::string_view separator) {
    std::string out;
    for (auto& kv : attributes) out += fmt::format("{}{}={}", out.empty() ? "" : separator, kv.key, otlp::to_text(kv.value));
    return out;
  }
  static std::string spaced(const Attributes& attributes) { return attributes.empty() ? "" : " " + list(attributes, " "); }

  void print(const otlp::Span& span) {
    line("{} {} {}{}", span.name, id_text(span.trace_id), id_text(span.span_id), spaced(span.attributes));
  }
  void print(const otlp::LogRecord& record) {
    line("{} {}", otlp::to_text(record.body), list(record.attributes, " "));
  }
  void print(const otlp::Metric& metric) {
    for (auto& point : metric.points) line("{}{{{}}} {}", metric.name, list(point.attributes, ","), value(metric.type, point));
  }

  static std::string value(otlp::MetricType type, const DataPoint& point) {
    switch (type) {
      case otlp::MetricType::histogram: return totals(point) + buckets(point);
      case otlp::MetricType::exponential_histogram: return totals(point) + exponential_buckets(point);
      case otlp::MetricType::summary: return summary(point);
      default: return number(point);
    }
  }
  static std::string number(const DataPoint& point) {
    if (point.type == otlp::NumberType::none) return "";
    return point.type == otlp::NumberType::integer ? fmt::format("{}", point.integer) : shortest(point.real);
  }
  static std::string totals(const DataPoint& point) {
    std::string out = fmt::format("count={}", point.count);
    if (point.has_sum) out += " sum=" + shortest(point.sum);
    if (point.has_min) out += " min=" + shortest(point.min);
    if (point.has_max) out += " max=" + shortest(point.max);
    return out;
  }
  static std::string buckets(const DataPoint& point) {
    std::string out;
    for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) {
      std::string bound = i < point.explicit_bounds.size() ? fmt::format("le{}=", shortest(point.explicit_bounds[i])) : "";
      out += fmt::format(" {}{}", bound, point.bucket_counts[i]);
    }
    return out;
  }
  static std::string exponential_buckets(const DataPoint& point) {
    std::string out;
    double factor = std::ldexp(std::log(2.0), -point.scale);
    auto bound = [&](std::int64_t index) { return std::exp(static_cast<double>(index) * factor); };
    for (std::size_t i = point.negative.counts.size(); i-- > 0;)
      out += fmt::format(" le{}={}", shortest(-bound(point.negative.offset + static_cast<std::int64_t>(i))), point.negative.counts[i]);
    if (point.zero_count) out += fmt::format(" zero={}", point.zero_count);
    for (std::size_t i = 0; i < point.positive.counts.size(); ++i)
      out += fmt::format(" le{}={}", shortest(bound(point.positive.offset + static_cast<std::int64_t>(i) + 1)), point.positive.counts[i]);
    return out;
  }
  static std::string summary(const DataPoint& point) {
    std::string out = fmt::format("count={} sum={}", point.count, fixed(point.sum));
    for (auto& q : point.quantiles) out += fmt::format(" q{}={}", shortest(q.quantile), shortest(q.value));
    return out;
  }

  Arena& arena_;
  std::string out_;
};

}  // namespace

std::string normal_text(otlp::Batch& batch) {
  Normal text(batch.arena());
  switch (batch.signal()) {
    case otlp::Signal::traces: text.print<otlp::Span>(batch, "ResourceTraces", "ScopeTraces"); break;
    case otlp::Signal::metrics: text.print<otlp::Metric>(batch, "ResourceMetrics", "ScopeMetrics"); break;
    case otlp::Signal::logs: text.print<otlp::LogRecord>(batch, "ResourceLog", "ScopeLog"); break;
    case otlp::Signal::profiles: break;
  }
  return text.take();
}

}  // namespace weir::exporters::debug

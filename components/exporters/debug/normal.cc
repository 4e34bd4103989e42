#include <cmath>

#include "components/exporters/debug/go_text.h"
#include "components/exporters/debug/text.h"
#include "components/exporters/debug/walk.h"

namespace weir::exporters::debug {
namespace {

using otlp::Attributes;
using otlp::DataPoint;

// Appends to one text. Arrays and maps are decoded into the batch's arena by who printed the message.
class Normal {
 public:
  static constexpr Words words_of_traces{"ResourceTraces", "ScopeTraces", ""}, words_of_metrics{"ResourceMetrics", "ScopeMetrics", ""},
      words_of_logs{"ResourceLog", "ScopeLog", ""};
  Normal(Arena& arena, std::string& out) : arena_(arena), out_(out) {}

  void resource(std::string_view word, otlp::ResourceGroup& group, std::size_t number) {
    line("{} #{}{}{}", word, number, bracketed(group.schema_url), spaced(group.resource.read(arena_).attributes));
  }
  void scope(std::string_view word, otlp::ScopeGroup& scope, std::size_t number) {
    auto& about = scope.scope.read(arena_);
    line("{} #{}{}{}{}", word, number, named(about), bracketed(scope.schema_url), spaced(about.attributes));
  }
  template <class T>
  void item(std::string_view, const T& message, std::size_t) {
    print(message);
  }

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
  std::string& out_;
};

class NormalPrinter : public Printer {
 public:
  bool print(otlp::Batch& batch, std::size_t bytes, std::string& out) override {
    Normal text(batch.arena(), out);
    return walk(batch, at_, end_of(out, bytes), out, text);
  }

 private:
  Position at_;
};

}  // namespace

std::unique_ptr<Printer> normal_printer() { return std::make_unique<NormalPrinter>(); }

}  // namespace weir::exporters::debug

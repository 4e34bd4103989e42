#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "components/exporters/prometheusremotewrite/translator.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

constexpr std::size_t max_exemplar_characters = 128;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

bool Translator::take_point(const DataPoint& p, std::uint32_t number) {
  number_ = number;
  if (!has_name()) return refuse(name_error_), false;
  begin_labels();
  otlp::Attributes joined;
  const otlp::Attributes* attributes = &p.attributes;
  if (settings_.conversion.enabled) {
    for (auto& kv : p.attributes) joined.push_back(arena_, kv);
    settings_.conversion.apply(resource_->attributes, arena_, joined);
    attributes = &joined;
  }
  if (auto made = point_labels_.make(*attributes, false, base_); !made) return refuse(made.error().what), false;
  shard_ = base_.hash + name_hash_;
  switch (metric_->type) {
    case MetricType::gauge:
    case MetricType::sum: take_number(p); break;
    case MetricType::histogram: return take_histogram(p);
    case MetricType::exponential_histogram: return take_exponential(p);
    case MetricType::summary: take_summary(p); break;
    case MetricType::none: break;
  }
  return true;
}

OutSeries& Translator::series(Suffix suffix, const Label& extra) {
  auto& name = names_[static_cast<std::size_t>(suffix)];
  if (name.empty()) name = arena_.copy(fmt::format("{}{}", name_, suffixes[static_cast<std::size_t>(suffix)]));
  labels_ = base_;
  labels_.put({"__name__", name});
  if (!extra.name.empty()) labels_.put(extra);
  asked_.push_back(known_.intern(labels_, shard_));
  return series_of(asked_.back());
}

void Translator::take_number(const DataPoint& p) {
  OutSeries& to = series(Suffix::none);
  bool counts = metric_->type == MetricType::sum && metric_->is_monotonic;
  Sample s = sample(p, prometheus::value_of(p));
  if (!counts) s.start = 0;
  add_sample(to, s);
  if (counts || settings_.version == Version::v2) add_exemplars(p, to);
}

void Translator::take_summary(const DataPoint& p) {
  add_sample(series(Suffix::sum), sample(p, p.sum));
  add_sample(series(Suffix::count), sample(p, static_cast<double>(p.count)));
  for (auto& q : p.quantiles) add_sample(series(Suffix::none, {"quantile", number_text(q.quantile)}), sample(p, q.value));
}

bool Translator::take_histogram(const DataPoint& p) {
  if (settings_.custom_buckets) {
    auto native = prometheus::to_custom_buckets(p);
    if (!native && !settings_.classic_beside) return refuse(native.error().what), false;
    if (native) add_native(p, std::move(*native));
    if (!settings_.classic_beside) return true;
  }
  if (p.has_sum) add_sample(series(Suffix::sum), sample(p, p.sum));
  add_sample(series(Suffix::count), sample(p, static_cast<double>(p.count)));
  std::uint64_t sum = 0;
  std::vector<std::pair<double, KnownSeries::Id>> buckets;
  for (std::size_t i = 0; i < p.explicit_bounds.size() && i < p.bucket_counts.size(); ++i) {
    double bound = p.explicit_bounds[i];
    sum += p.bucket_counts[i];
    if (std::isinf(bound) && bound > 0) break;
    add_bucket(p, bound, number_text(bound), sum, buckets);
  }
  add_bucket(p, INFINITY, "+Inf", p.count, buckets);
  std::ranges::stable_sort(buckets, {}, &std::pair<double, KnownSeries::Id>::first);
  for (auto& e : p.exemplars) {
    double value = prometheus::value_of(e);
    for (auto& [bound, to] : buckets)
      if (value <= bound) {
        add_exemplar(e, series_of(to));
        break;
      }
  }
  return true;
}

std::string_view Translator::number_text(double number) {
  auto [at, is_new] = numbers_.try_emplace(std::bit_cast<std::uint64_t>(number));
  if (is_new) at->second = arena_.copy(prometheus::plain_number(number));
  return at->second;
}

void Translator::add_bucket(const DataPoint& p, double bound, std::string_view le, std::uint64_t count, std::vector<std::pair<double, KnownSeries::Id>>& buckets) {
  add_sample(series(Suffix::bucket, {"le", le}), sample(p, static_cast<double>(count)));
  buckets.emplace_back(bound, asked_.back());
}

bool Translator::take_exponential(const DataPoint& p) {
  auto native = prometheus::to_native(p);
  if (!native) return refuse(native.error().what), false;
  add_native(p, std::move(*native));
  return true;
}

void Translator::add_native(const DataPoint& p, prometheus::NativeHistogram native) {
  OutSeries& to = series(Suffix::none);
  Histogram& h = rare(to).histograms.emplace_back();
  rare(to).points.push_back(number_);
  h.schema = native.schema;
  h.count = native.count;
  h.zero_count = native.zero_count;
  h.sum = native.sum;
  h.zero_threshold = native.zero_threshold;
  h.positive_spans = std::move(native.positive.spans);
  h.positive_deltas = std::move(native.positive.deltas);
  h.negative_spans = std::move(native.negative.spans);
  h.negative_deltas = std::move(native.negative.deltas);
  h.custom_bounds = std::move(native.custom_bounds);
  h.time = milliseconds(p.time_unix_nano);
  h.start = milliseconds(p.start_time_unix_nano);
  if (prometheus::has_no_value(p)) {
    h = {.schema = h.schema, .sum = prometheus::stale_marker(), .time = h.time};
    h.count = std::bit_cast<std::uint64_t>(prometheus::stale_marker());
  }
  add_exemplars(p, to);
}

void Translator::add_exemplars(const DataPoint& p, OutSeries& to) {
  for (auto& e : p.exemplars) add_exemplar(e, to);
}

void Translator::add_exemplar(const otlp::Exemplar& e, OutSeries& to) {
  Exemplar out{.value = prometheus::value_of(e), .time = milliseconds(e.time_unix_nano)};
  std::size_t size = 0;
  auto add_id = [&](std::string_view name, std::string_view id) {
    out.labels.push_back({name, arena_.copy(to_hex(id))});
    size += name.size() + 2 * id.size();
  };
  if (!e.trace_id.empty()) add_id("trace_id", e.trace_id.view());
  if (!e.span_id.empty()) add_id("span_id", e.span_id.view());
  std::size_t ids = out.labels.size();
  for (auto& kv : e.filtered_attributes) {
    auto name = label_namer_.build(kv.key);
    std::string value = otlp::to_text(kv.value);
    if (!name || std::ranges::find(out.labels, *name, &Label::name) != out.labels.end() || !valid_utf8(value)) continue;
    size += characters(*name) + characters(value);
    out.labels.push_back({arena_.copy(*name), arena_.copy(value)});
  }
  if (size > max_exemplar_characters) out.labels.resize(ids);
  std::ranges::sort(out.labels);
  rare(to).exemplars.push_back(std::move(out));
}

}  // namespace weir::exporters::prometheusremotewrite

#include "components/exporters/prometheusremotewrite/translate.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/gates.h"
#include "base/text.h"
#include "components/exporters/prometheusremotewrite/labels.h"
#include "prometheus/number.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using prometheus::Identity;
using prometheus::LabelNamer;
using prometheus::MetricKind;
using prometheus::MetricNamer;
using remote_write::Exemplar;
using remote_write::Histogram;
using remote_write::Label;
using remote_write::Metadata;
using remote_write::Sample;
using remote_write::Version;

constexpr std::size_t max_exemplar_characters = 128;

enum class Suffix : std::uint8_t { none, sum, count, bucket };
constexpr std::array<std::string_view, 4> suffixes = {"", "_sum", "_count", "_bucket"};

std::int64_t milliseconds(UnixNanos time) { return static_cast<std::int64_t>(time / 1'000'000); }

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

remote_write::MetricType type_of(const Metric& metric) {
  auto* original = metric.metadata.find(prometheus::type_in_metadata);
  std::string_view was = original && original->is(otlp::ValueType::string) ? original->text : std::string_view{};
  using Type = remote_write::MetricType;
  switch (metric.type) {
    case MetricType::gauge: return was == "unknown" ? Type::unknown : Type::gauge;
    case MetricType::sum:
      if (metric.is_monotonic) return Type::counter;
      return was == "info" ? Type::info : was == "stateset" ? Type::stateset : Type::gauge;
    case MetricType::histogram:
    case MetricType::exponential_histogram: return Type::histogram;
    case MetricType::summary: return Type::summary;
    case MetricType::none: break;
  }
  return Type::unknown;
}

bool is_cumulative(const Metric& metric) {
  bool has_temporality = metric.type == MetricType::sum || metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram;
  return metric.type != MetricType::none && (!has_temporality || metric.temporality == otlp::Temporality::cumulative);
}

class Translator {
 public:
  Translator(otlp::Batch& batch, const TranslationSettings& settings)
      : batch_(batch),
        out_{.arena = std::make_unique<Arena>()},
        arena_(*out_.arena),
        settings_(settings),
        metric_namer_{settings.name_space, settings.strategy},
        label_namer_{.utf8 = !prometheus::escapes(settings.strategy), .prefix_underscore = !is_permissive()},
        point_labels_(label_namer_, arena_),
        target_labels_(settings.version == Version::v2 ? label_namer_ : LabelNamer{.keep_underscores = !is_permissive()}, arena_) {}

  Translated run() {
    Arena& messages = batch_.arena();
    for (auto& group : batch_.groups()) {
      resource_ = &group.resource.read(messages);
      identity_ = Identity::of(resource_->attributes);
      newest_ = 0;
      for (auto& scope : group.scopes) {
        set_scope(scope.scope.read(messages));
        for (auto& item : scope.items) take_metric(item.read<Metric>(messages));
      }
      if (settings_.target_info && newest_ != 0) add_target_info();
    }
    for (auto& series : out_.series) {
      if (series.data.samples.size() > 1) std::ranges::stable_sort(series.data.samples, {}, &Sample::time);
      if (series.data.histograms.size() > 1) std::ranges::stable_sort(series.data.histograms, {}, &Histogram::time);
    }
    return std::move(out_);
  }

 private:
  void set_scope(const otlp::Scope& scope) {
    Pairs winning = identity_labels();
    if (settings_.scope_info) add_scope(scope, winning);
    point_labels_.begin(winning, settings_.external_labels);
  }

  void add_scope(const otlp::Scope& scope, Pairs& out) const {
    auto add = [&](const std::string& key, const std::string& value) {
      if (auto name = label_namer_.build(key)) out.emplace_back(std::move(*name), value);
    };
    if (!scope.name.empty()) add("otel_scope_name", std::string(scope.name));
    if (!scope.version.empty()) add("otel_scope_version", std::string(scope.version));
    for (auto& kv : scope.attributes)
      if (kv.key != "name" && kv.key != "version" && kv.key != "schema_url") add("otel_scope_" + std::string(kv.key), otlp::to_text(kv.value));
  }

  static bool is_permissive() { return gates::enabled("pkg.translator.prometheus.PermissiveLabelSanitization"); }

  void refuse(const std::string& why, std::uint32_t points = 1) {
    out_.invalid += points;
    if (out_.why.empty()) out_.why = why;
  }

  // job and instance, which come from the resource whatever a point says.
  Pairs identity_labels() const {
    Pairs out;
    if (!identity_.job.value_or("").empty() && !name_is_empty()) out.emplace_back("job", *identity_.job);
    if (!identity_.instance.value_or("").empty()) out.emplace_back("instance", *identity_.instance);
    return out;
  }

  bool name_is_empty() const {
    auto* name = resource_->attributes.find("service.name");
    return name == nullptr || otlp::to_text(*name).empty();
  }

  void set_name(std::string_view name) {
    name_ = arena_.copy(name);
    name_hash_ = XXH3_64bits(name.data(), name.size());
    names_ = {};
  }

  void take_metric(const Metric& metric) {
    std::uint32_t first = out_.points;
    auto count = static_cast<std::uint32_t>(metric.points.size());
    out_.points += count;
    for (std::uint32_t i = 0; i < count; ++i)
      if (metric.points[i].time_unix_nano > newest_) {
        newest_ = metric.points[i].time_unix_nano;
        newest_point_ = first + i;
      }
    if (!is_cumulative(metric)) return refuse(fmt::format("invalid temporality and type combination for metric \"{}\"", metric.name), count);
    auto name = metric_namer_.build(metric.name, metric.unit, prometheus::kind_of(metric));
    if (!name) return refuse(name.error().what, count);
    if (!valid_utf8(*name)) return refuse("a metric name that is not UTF-8", count);
    set_name(*name);
    metadata_ = {type_of(metric), name_, metric.description, arena_.copy(prometheus::unit_name(metric.unit, label_namer_.utf8))};
    if (settings_.metadata && settings_.version == Version::v1 && valid_utf8(metric.description)) out_.metadata.push_back(metadata_);
    for (std::uint32_t i = 0; i < count; ++i) take_point(metric, metric.points[i], first + i);
  }

  void take_point(const Metric& metric, const DataPoint& p, std::uint32_t number) {
    number_ = number;
    otlp::Attributes joined;
    const otlp::Attributes* attributes = &p.attributes;
    if (settings_.conversion.enabled) {
      for (auto& kv : p.attributes) joined.push_back(arena_, kv);
      settings_.conversion.apply(resource_->attributes, arena_, joined);
      attributes = &joined;
    }
    if (auto made = point_labels_.make(*attributes, false, base_); !made) return refuse(made.error().what);
    shard_ = base_.hash + name_hash_;
    switch (metric.type) {
      case MetricType::gauge:
      case MetricType::sum: return take_number(metric, p);
      case MetricType::histogram: return take_histogram(p);
      case MetricType::exponential_histogram: return take_exponential(p);
      case MetricType::summary: return take_summary(p);
      case MetricType::none: return;
    }
  }

  // The series with the metric's name and perhaps a suffix, the labels at hand and perhaps one more.
  OutSeries& series(Suffix suffix, const Label& extra = {}) {
    auto& name = names_[static_cast<std::size_t>(suffix)];
    if (name.empty()) name = arena_.copy(fmt::format("{}{}", name_, suffixes[static_cast<std::size_t>(suffix)]));
    labels_ = base_;
    labels_.put({"__name__", name});
    if (!extra.name.empty()) labels_.put(extra);
    return series_of(labels_);
  }

  OutSeries& series_of(const LabelSet& set) {
    std::uint32_t& place = place_of(set);
    if (place != 0) {
      OutSeries& there = out_.series[place - 1];
      if (there.points.back() != number_) there.points.push_back(number_);
      return there;
    }
    OutSeries& made = out_.series.emplace_back();
    place = static_cast<std::uint32_t>(out_.series.size());
    made.data.labels = set.labels;
    made.data.metadata = metadata_;
    made.points.push_back(number_);
    made.shard = shard_;
    return made;
  }

  // Where the number of the series with these labels is, or is to be (0).
  std::uint32_t& place_of(const LabelSet& set) {
    if (2 * (out_.series.size() + 1) > table_.size()) grow_table();
    std::size_t at = set.hash & (table_.size() - 1);
    for (; table_[at].series != 0; at = (at + 1) & (table_.size() - 1))
      if (table_[at].hash == set.hash && out_.series[table_[at].series - 1].data.labels == set.labels) break;
    table_[at].hash = set.hash;
    return table_[at].series;
  }

  void grow_table() {
    auto old = std::exchange(table_, std::vector<Place>(std::max<std::size_t>(1024, 2 * table_.size())));
    for (const Place& place : old) {
      if (place.series == 0) continue;
      std::size_t at = place.hash & (table_.size() - 1);
      while (table_[at].series != 0) at = (at + 1) & (table_.size() - 1);
      table_[at] = place;
    }
  }

  Sample sample(const DataPoint& p, double value) const {
    return {prometheus::has_no_value(p) ? prometheus::stale_marker() : value, milliseconds(p.time_unix_nano), milliseconds(p.start_time_unix_nano)};
  }

  void take_number(const Metric& metric, const DataPoint& p) {
    OutSeries& to = series(Suffix::none);
    bool counts = metric.type == MetricType::sum && metric.is_monotonic;
    Sample s = sample(p, prometheus::value_of(p));
    if (!counts) s.start = 0;
    to.data.samples.push_back(s);
    if (counts || settings_.version == Version::v2) add_exemplars(p, to);
  }

  void take_summary(const DataPoint& p) {
    series(Suffix::sum).data.samples.push_back(sample(p, p.sum));
    series(Suffix::count).data.samples.push_back(sample(p, static_cast<double>(p.count)));
    for (auto& q : p.quantiles)
      series(Suffix::none, {"quantile", number_text(q.quantile)}).data.samples.push_back(sample(p, q.value));
  }

  void take_histogram(const DataPoint& p) {
    if (settings_.custom_buckets) {
      auto native = prometheus::to_custom_buckets(p);
      if (!native && !settings_.classic_beside) return refuse(native.error().what);
      if (native) add_native(p, std::move(*native));
      if (!settings_.classic_beside) return;
    }
    if (p.has_sum) series(Suffix::sum).data.samples.push_back(sample(p, p.sum));
    series(Suffix::count).data.samples.push_back(sample(p, static_cast<double>(p.count)));
    std::uint64_t sum = 0;
    std::vector<std::pair<double, OutSeries*>> buckets;
    for (std::size_t i = 0; i < p.explicit_bounds.size() && i < p.bucket_counts.size(); ++i) {
      double bound = p.explicit_bounds[i];
      sum += p.bucket_counts[i];
      if (std::isinf(bound) && bound > 0) break;
      add_bucket(p, bound, number_text(bound), sum, buckets);
    }
    add_bucket(p, INFINITY, "+Inf", p.count, buckets);
    std::ranges::stable_sort(buckets, {}, &std::pair<double, OutSeries*>::first);
    for (auto& e : p.exemplars) {
      double value = prometheus::value_of(e);
      for (auto& [bound, to] : buckets)
        if (value <= bound) {
          add_exemplar(e, *to);
          break;
        }
    }
  }

  // Of bounds and quantiles, which are the same for many points.
  std::string_view number_text(double number) {
    auto [at, is_new] = numbers_.try_emplace(std::bit_cast<std::uint64_t>(number));
    if (is_new) at->second = arena_.copy(prometheus::plain_number(number));
    return at->second;
  }

  void add_bucket(const DataPoint& p, double bound, std::string_view le, std::uint64_t count, std::vector<std::pair<double, OutSeries*>>& buckets) {
    OutSeries& to = series(Suffix::bucket, {"le", le});
    to.data.samples.push_back(sample(p, static_cast<double>(count)));
    buckets.emplace_back(bound, &to);
  }

  void take_exponential(const DataPoint& p) {
    auto native = prometheus::to_native(p);
    if (!native) return refuse(native.error().what);
    add_native(p, std::move(*native));
  }

  void add_native(const DataPoint& p, prometheus::NativeHistogram native) {
    OutSeries& to = series(Suffix::none);
    Histogram& h = to.data.histograms.emplace_back();
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

  void add_exemplars(const DataPoint& p, OutSeries& to) {
    for (auto& e : p.exemplars) add_exemplar(e, to);
  }

  void add_exemplar(const otlp::Exemplar& e, OutSeries& to) {
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
    to.data.exemplars.push_back(std::move(out));
  }

  void add_target_info() {
    bool more = std::ranges::any_of(resource_->attributes, [](auto& kv) { return !prometheus::is_identity(kv.key); });
    if (!more) return;
    target_labels_.begin(identity_labels(), settings_.external_labels);
    if (!target_labels_.make(resource_->attributes, true, base_)) return;
    bool known = std::ranges::any_of(base_.labels, [](auto& l) { return l.name == "job" || l.name == "instance"; });
    auto name = MetricNamer{settings_.name_space, prometheus::escapes(settings_.strategy) ? Strategy::underscores : Strategy::none}.build("target_info", "", MetricKind::gauge);
    if (!known || !name) return;
    set_name(*name);
    metadata_ = {remote_write::MetricType::gauge, name_, "Target metadata", ""};
    shard_ = base_.hash + name_hash_;
    number_ = newest_point_;
    series(Suffix::none).data.samples.push_back({1, milliseconds(newest_), 0});
  }

  otlp::Batch& batch_;
  Translated out_;
  Arena& arena_;  // of out_
  const TranslationSettings& settings_;
  MetricNamer metric_namer_;
  LabelNamer label_namer_;
  LabelMaker point_labels_, target_labels_;
  struct Place {
    std::uint64_t hash = 0;
    std::uint32_t series = 0;  // its number from 1; 0: empty
  };
  std::vector<Place> table_;  // open addressing
  std::unordered_map<std::uint64_t, std::string_view> numbers_;
  const otlp::Resource* resource_ = nullptr;
  Identity identity_;
  UnixNanos newest_ = 0;             // of the resource at hand
  std::uint32_t newest_point_ = 0;
  std::string_view name_;            // of the metric at hand
  std::uint64_t name_hash_ = 0;
  std::array<std::string_view, suffixes.size()> names_;  // with each suffix, once asked for
  Metadata metadata_;
  LabelSet base_;                    // of the point at hand
  LabelSet labels_;                  // of the series at hand
  std::uint64_t shard_ = 0;
  std::uint32_t number_ = 0;
};

}  // namespace

Translated translate(otlp::Batch& batch, const TranslationSettings& settings) { return Translator(batch, settings).run(); }

}  // namespace weir::exporters::prometheusremotewrite

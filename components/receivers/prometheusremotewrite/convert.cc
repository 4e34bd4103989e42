#include "components/receivers/prometheusremotewrite/convert.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "components/shared/prometheus_translation/translation.h"
#include "prometheus/number.h"

namespace weir::receivers::prometheusremotewrite {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::Value;
using remote_write::Label;
using remote_write::Series;
using remote_write::Version;
using Type = remote_write::MetricType;

// Buckets of one side of a native histogram, gaps included.
constexpr std::size_t max_buckets = 16'384;
constexpr std::string_view scope_prefix = "otel_scope_";
constexpr std::size_t told = 10;  // errors whose text the sender gets

std::string_view find(std::span<const Label> labels, std::string_view name) {
  auto at = std::ranges::lower_bound(labels, name, {}, &Label::name);
  return at != labels.end() && at->name == name ? at->value : std::string_view{};
}

UnixNanos nanoseconds(std::int64_t milliseconds) {
  if (milliseconds <= 0) return 0;
  return static_cast<UnixNanos>(std::min<std::int64_t>(milliseconds, INT64_MAX / 1'000'000)) * 1'000'000;
}

bool is_point_label(std::string_view name) {
  return name != "__name__" && name != "job" && name != "instance" && name != "__type__" && name != "__unit__" && !name.starts_with(scope_prefix);
}

// Absolute counts of a side's buckets, whichever way they came. False: there are negative ones.
bool counts_of(std::span<const std::int64_t> deltas, std::span<const double> floats, std::vector<std::uint64_t>& out) {
  std::int64_t sum = 0;
  for (std::int64_t delta : deltas) {
    if (__builtin_add_overflow(sum, delta, &sum) || sum < 0) return false;
    out.push_back(static_cast<std::uint64_t>(sum));
  }
  for (double value : floats) {
    if (!(value >= 0) || value > 1e19) return false;
    out.push_back(static_cast<std::uint64_t>(value));
  }
  return true;
}

// Whether every observation is in a bucket; those that are no number make a sum that is none, and are in no bucket.
bool adds_up(const remote_write::Histogram& h, std::span<const std::uint64_t> positive, std::span<const std::uint64_t> negative) {
  std::uint64_t in_buckets = h.zero_count;
  for (auto counts : {positive, negative})
    for (std::uint64_t count : counts) in_buckets += count;
  return std::isnan(h.sum) ? in_buckets <= h.count : in_buckets == h.count;
}

}  // namespace

Converter::Converter(Version version, Known& known, Charge& charge)
    : version_(version), known_(known), charge_(charge), batch_(otlp::Signal::metrics), arena_(batch_.arena()) {}

void Converter::invalid(std::size_t samples, std::size_t histograms, std::string why) {
  stats_.invalid += std::max<std::size_t>(1, samples + histograms);
  if (static_cast<std::size_t>(std::ranges::count(stats_.why, '\n')) < told) stats_.why += why + "\n";
}

Result<> Converter::series(Series& series) {
  std::size_t points = series.samples.size() + series.histograms.size();
  // A metric's points are copied when there are more of them than there was room for.
  std::size_t labels = series.labels.size() * sizeof(otlp::KeyValue);
  std::size_t bytes = points * (2 * sizeof(DataPoint) + 32 + labels) + labels + series.exemplars.size() * sizeof(otlp::Exemplar);
  for (auto& exemplar : series.exemplars) bytes += exemplar.labels.size() * sizeof(otlp::KeyValue);
  for (auto& h : series.histograms)
    bytes += 8 * (h.positive_deltas.size() + h.negative_deltas.size() + h.positive_counts.size() + h.negative_counts.size());
  if (!charge_.grow(bytes)) return fail(Errc::refused, "no room for the points of a remote write request");
  std::string_view name = find(series.labels, "__name__");
  Group& group = group_of(find(series.labels, "job"), find(series.labels, "instance"));
  if (name == "target_info") {
    take_target_info(group, series);
    stats_.samples += series.samples.size();
    return {};
  }
  attributes_ = {};
  for (auto& label : series.labels)
    if (is_point_label(label.name)) attributes_.push_back(arena_, {label.name, Value::of(label.value)});
  Scope& scope = scope_of(group, series);
  auto metadata = metadata_of(series, name);
  if (!series.samples.empty()) take_samples(metric_of(scope, name, kind_of(metadata.type, name), metadata), series);
  if (!series.histograms.empty()) take_histograms(scope, name, metadata, series);
  if (points == 0) invalid(0, 0, fmt::format("a series without samples: {}", name));
  return {};
}

Converter::Group& Converter::group_of(std::string_view job, std::string_view instance) {
  std::string identity = fmt::format("{}\xff{}", job, instance);
  auto [at, fresh] = groups_.try_emplace(identity);
  Group& group = at->second;
  if (!fresh) return group;
  group.identity = identity;
  group.resource = arena_.make<otlp::Resource>();
  auto& attributes = group.resource->attributes;
  auto set = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) attributes.set(arena_, key, Value::of(value));
  };
  std::size_t slash = job.find('/');
  bool one_slash = slash != job.npos && job.find('/', slash + 1) == job.npos;
  if (one_slash) set("service.namespace", job.substr(0, slash));
  set("service.name", one_slash ? job.substr(slash + 1) : job);
  set("service.instance.id", instance);
  for (auto& [key, value] : known_.target(identity)) attributes.set(arena_, arena_.copy(key), Value::of(arena_.copy(value)));
  return group;
}

void Converter::take_target_info(Group& group, const Series& series) {
  StringPairs learned;
  for (auto& label : series.labels) {
    if (label.name == "__name__" || label.name == "job" || label.name == "instance") continue;
    group.resource->attributes.set(arena_, label.name, Value::of(label.value));
    learned.emplace_back(label.name, label.value);
  }
  known_.learn_target(group.identity, std::move(learned));
}

Converter::Scope& Converter::scope_of(Group& group, const Series& series) {
  std::string key;
  for (auto& label : series.labels)
    if (label.name.starts_with(scope_prefix)) key += fmt::format("{}\xff{}\xff", label.name, label.value);
  auto [at, fresh] = group.scopes.try_emplace(std::move(key));
  Scope& out = at->second;
  if (!fresh) return out;
  out.scope = arena_.make<otlp::Scope>();
  for (auto& label : series.labels) {
    if (!label.name.starts_with(scope_prefix)) continue;
    std::string_view what = label.name.substr(scope_prefix.size());
    if (what == "name")
      out.scope->name = label.value;
    else if (what == "version")
      out.scope->version = label.value;
    else if (what == "schema_url")
      out.schema_url = label.value;
    else
      out.scope->attributes.push_back(arena_, {what, Value::of(label.value)});
  }
  return out;
}

remote_write::Metadata Converter::metadata_of(const Series& series, std::string_view name) {
  if (version_ == Version::v2) return series.metadata;
  auto known = known_.metric(name);
  if (!known) return {};
  return {known->type, name, arena_.copy(known->help), arena_.copy(known->unit)};
}

// Classic histograms and summaries come as the series they are: their parts may be in other requests.
Converter::Kind Converter::kind_of(Type type, std::string_view name) const {
  bool part = name.ends_with("_bucket") || name.ends_with("_count");
  switch (type) {
    case Type::counter: return {MetricType::sum, true, "counter"};
    case Type::gauge: return {MetricType::gauge, false, "gauge"};
    case Type::info: return {MetricType::sum, false, "info"};
    case Type::stateset: return {MetricType::sum, false, "stateset"};
    case Type::histogram: return {part ? MetricType::sum : MetricType::gauge, part, "histogram"};
    case Type::summary: return {part ? MetricType::sum : MetricType::gauge, part, "summary"};
    case Type::gauge_histogram: return {MetricType::gauge, false, "gaugehistogram"};
    case Type::unknown: break;
  }
  // Senders of 1.0 often send no types; the name is what there is.
  if (version_ == Version::v1 && (part || name.ends_with("_total"))) return {MetricType::sum, true, "unknown"};
  return {MetricType::gauge, false, "unknown"};
}

Metric& Converter::metric_of(Scope& scope, std::string_view name, const Kind& kind, const remote_write::Metadata& metadata) {
  std::string key = fmt::format("{}\xff{}\xff{}\xff{}", name, metadata.unit, kind.word, static_cast<int>(kind.type));
  auto [at, fresh] = scope.metrics.try_emplace(std::move(key));
  if (!fresh) {
    if (metadata.help.size() > at->second->description.size()) at->second->description = metadata.help;
    return *at->second;
  }
  Metric* out = arena_.make<Metric>();
  out->name = name;
  out->description = metadata.help;
  out->unit = arena_.copy(prometheus::unit_of_name(metadata.unit));
  out->type = kind.type;
  out->is_monotonic = kind.monotonic;
  if (kind.type != MetricType::gauge) out->temporality = otlp::Temporality::cumulative;
  out->metadata.push_back(arena_, {prometheus::type_in_metadata, Value::of(kind.word)});
  scope.order.push_back(out);
  return *(at->second = out);
}

DataPoint& Converter::add_point(Metric& metric, std::int64_t time, std::int64_t start) {
  DataPoint& p = metric.points.push_back(arena_, {});
  p.attributes.reserve(arena_, attributes_.size());
  for (auto& kv : attributes_) p.attributes.push_back(arena_, kv);
  p.time_unix_nano = nanoseconds(time);
  p.start_time_unix_nano = nanoseconds(start);
  return p;
}

void Converter::take_samples(Metric& metric, Series& series) {
  metric.points.reserve_more(arena_, series.samples.size());
  for (auto& sample : series.samples) {
    DataPoint& p = add_point(metric, sample.time, sample.start);
    if (prometheus::is_stale_marker(sample.value)) {
      p.flags = prometheus::no_recorded_value;
      continue;
    }
    p.type = otlp::NumberType::real;
    p.real = sample.value;
  }
  stats_.samples += series.samples.size();
  add_exemplars(metric.points.back(), series);
}

void Converter::take_histograms(Scope& scope, std::string_view name, const remote_write::Metadata& metadata, Series& series) {
  bool exemplars_given = !series.samples.empty();
  std::string_view word = metadata.type == Type::unknown ? "unknown" : "histogram";
  for (auto& h : series.histograms) {
    bool custom = h.schema == prometheus::custom_buckets_schema;
    bool exponential = h.schema >= prometheus::min_native_schema && h.schema <= prometheus::max_native_schema;
    std::vector<std::uint64_t> positive, negative;
    if (h.reset == remote_write::Histogram::Reset::gauge || (!custom && !exponential)) {
      invalid(0, 1, fmt::format("a native histogram of a kind that OTLP does not have: {}", name));
      continue;
    }
    if (!counts_of(h.positive_deltas, h.positive_counts, positive) || !counts_of(h.negative_deltas, h.negative_counts, negative)) {
      invalid(0, 1, fmt::format("a native histogram with negative counts: {}", name));
      continue;
    }
    auto above = prometheus::to_range(h.positive_spans, positive, max_buckets), below = prometheus::to_range(h.negative_spans, negative, max_buckets);
    bool fits = above && below && (!custom || (above->offset >= 0 && above->offset + above->counts.size() <= h.custom_bounds.size() + 1));
    // What gaps add was not foreseen.
    if (!fits || !charge_.grow(8 * (above->counts.size() + below->counts.size()))) {
      invalid(0, 1, fmt::format("a native histogram whose buckets make no sense: {}", name));
      continue;
    }
    if (!prometheus::is_stale_marker(h.sum) && !h.is_float && !adds_up(h, positive, negative)) {
      invalid(0, 1, fmt::format("a native histogram whose count is not that of its buckets: {}", name));
      continue;
    }
    Metric& metric = metric_of(scope, name, {custom ? MetricType::histogram : MetricType::exponential_histogram, false, word}, metadata);
    DataPoint& p = add_point(metric, h.time, h.start);
    ++stats_.histograms;
    if (!std::exchange(exemplars_given, true)) add_exemplars(p, series);
    if (prometheus::is_stale_marker(h.sum)) {
      p.flags = prometheus::no_recorded_value;
      continue;
    }
    p.count = h.count;
    p.has_sum = true;
    p.sum = h.sum;
    if (custom) {
      for (double bound : h.custom_bounds) p.explicit_bounds.push_back(arena_, bound);
      for (std::int32_t i = 0; i < above->offset; ++i) p.bucket_counts.push_back(arena_, 0);
      for (auto n : above->counts) p.bucket_counts.push_back(arena_, n);
      while (p.bucket_counts.size() < h.custom_bounds.size() + 1) p.bucket_counts.push_back(arena_, 0);
      continue;
    }
    p.scale = h.schema;
    p.zero_threshold = h.zero_threshold;
    p.zero_count = h.zero_count;
    auto fill = [&](const prometheus::NativeRange& from, DataPoint::Buckets& to) {
      if (from.counts.empty()) return;
      to.present = true;
      to.offset = from.offset - 1;  // OTLP counts buckets by their lower bound
      for (auto n : from.counts) to.counts.push_back(arena_, n);
    };
    fill(*above, p.positive);
    fill(*below, p.negative);
  }
}

void Converter::add_exemplars(DataPoint& point, Series& series) {
  point.exemplars.reserve_more(arena_, series.exemplars.size());
  for (auto& from : series.exemplars) {
    otlp::Exemplar e{.time_unix_nano = nanoseconds(from.time), .type = otlp::NumberType::real, .real = from.value};
    e.filtered_attributes.reserve(arena_, from.labels.size());
    for (auto& label : from.labels) {
      std::string id;
      if (label.name == "trace_id" && label.value.size() == 32 && from_hex(label.value, id))
        e.trace_id = otlp::TraceId::from(id);
      else if (label.name == "span_id" && label.value.size() == 16 && from_hex(label.value, id))
        e.span_id = otlp::SpanId::from(id);
      else if (valid_utf8(label.name) && valid_utf8(label.value))
        e.filtered_attributes.push_back(arena_, {label.name, Value::of(label.value)});
    }
    point.exemplars.push_back(arena_, e);
  }
  stats_.exemplars += series.exemplars.size();
}

otlp::Batch Converter::finish() {
  auto& groups = batch_.groups();
  for (auto& [key, group] : groups_) {
    if (group.scopes.empty()) continue;
    auto& to = groups.emplace_back();
    to.resource = otlp::Lazy<otlp::Resource>(group.resource);
    for (auto& [name, scope] : group.scopes) {
      auto& items = to.scopes.emplace_back();
      items.scope = otlp::Lazy<otlp::Scope>(scope.scope);
      items.schema_url = scope.schema_url;
      for (Metric* m : scope.order)
        if (!m->points.empty()) items.items.push_back(otlp::Item::of(m, static_cast<std::uint32_t>(m->points.size())));
    }
  }
  batch_.prune();
  return std::move(batch_);
}

}  // namespace weir::receivers::prometheusremotewrite

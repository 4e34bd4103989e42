#include "components/exporters/prometheus/accumulator.h"

#include <algorithm>
#include <cmath>

#include "base/gates.h"
#include "base/text.h"

namespace weir::exporters::prometheus {
namespace {

using weir::otlp::DataPoint;
using weir::otlp::Metric;
using weir::otlp::MetricType;
using weir::otlp::Temporality;

constexpr std::size_t max_exemplars = 64;  // of one point; the newest count

Type type_of(const Metric& metric) {
  switch (metric.type) {
    case MetricType::sum: return metric.is_monotonic ? Type::counter : Type::gauge;
    case MetricType::histogram:
    case MetricType::exponential_histogram: return Type::histogram;
    case MetricType::summary: return Type::summary;
    default: return Type::gauge;
  }
}

// Why no point of it can be served, or "".
std::string_view unsupported(const Metric& metric) {
  if (metric.type == MetricType::none) return "a metric without data";
  if (metric.type != MetricType::sum) return "";
  if (metric.temporality == Temporality::unspecified) return "a sum without temporality";
  if (metric.temporality == Temporality::delta && !metric.is_monotonic) return "a sum of differences that may fall";
  return "";
}

bool is_histogram(const Metric& metric) { return metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram; }

std::string_view check(const Metric& metric, const DataPoint& p) {
  if (metric.type != MetricType::exponential_histogram || weir::prometheus::has_no_value(p)) return "";
  if (p.scale < -4) return "an exponential histogram with a scale below -4";
  std::uint64_t inside = p.zero_count;
  for (auto n : p.positive.counts) inside += n;
  for (auto n : p.negative.counts) inside += n;
  bool sum_is_nan = p.has_sum && std::isnan(p.sum);
  return inside == p.count || (sum_is_nan && inside < p.count) ? "" : "a histogram whose count is not that of its buckets";
}

std::vector<ExemplarValue> exemplars_of(const DataPoint& p) {
  std::vector<ExemplarValue> out;
  std::size_t first = p.exemplars.size() > max_exemplars ? p.exemplars.size() - max_exemplars : 0;
  for (std::size_t i = first; i < p.exemplars.size(); ++i) {
    auto& e = p.exemplars[i];
    out.push_back({weir::prometheus::value_of(e), e.time_unix_nano, e.trace_id, e.span_id});
  }
  return out;
}

std::unique_ptr<Distribution> distribution_of(const Metric& metric, const DataPoint& p) {
  auto out = std::make_unique<Distribution>();
  if (metric.type == MetricType::exponential_histogram) {
    out->form = Distribution::Form::native;
    out->sum = histograms::ExponentialSum::of(p);
    return out;
  }
  out->sum.count = p.count;
  out->sum.sum = p.sum;
  if (metric.type == MetricType::summary) {
    out->form = Distribution::Form::summary;
    for (auto& q : p.quantiles) out->quantiles[q.quantile] = q.value;
    return out;
  }
  out->bounds.assign(p.explicit_bounds.begin(), p.explicit_bounds.end());
  out->counts.assign(p.bucket_counts.begin(), p.bucket_counts.end());
  return out;
}

// A delta histogram on top of what was there. Other bounds or another form begin anew.
void add(Distribution& to, const Distribution& before) {
  if (to.form != before.form) return;
  if (to.form == Distribution::Form::native) {
    auto sum = before.sum;
    sum.add(to.sum);
    to.sum = std::move(sum);
    return;
  }
  if (to.bounds != before.bounds) return;
  to.sum.count += before.sum.count;
  to.sum.sum += before.sum.sum;
  to.counts.resize(std::max(to.counts.size(), before.counts.size()));
  for (std::size_t i = 0; i < before.counts.size(); ++i) to.counts[i] += before.counts[i];
}

void set(Series& series, const Metric& metric, const DataPoint& p, TimePoint now) {
  series.start = p.start_time_unix_nano;
  series.time = p.time_unix_nano;
  series.updated = now;
  series.value = weir::prometheus::value_of(p);
  bool has_exemplars = is_histogram(metric) || (metric.type == MetricType::sum && metric.is_monotonic);
  series.exemplars = has_exemplars ? exemplars_of(p) : std::vector<ExemplarValue>();
  bool one_number = metric.type == MetricType::gauge || metric.type == MetricType::sum;
  series.distribution = one_number ? nullptr : distribution_of(metric, p);
}

// A point of a series that is there. False: it cannot be placed in time.
bool update(Series& series, const Metric& metric, const DataPoint& p, TimePoint now) {
  bool delta = metric.temporality == Temporality::delta && (is_histogram(metric) || metric.type == MetricType::sum);
  bool follows = p.start_time_unix_nano == series.time;
  if (is_histogram(metric)) {
    if (metric.temporality == Temporality::unspecified) return false;
    if (delta && !follows && p.start_time_unix_nano < series.time) return false;
  }
  if (p.time_unix_nano < series.time && !(delta && is_histogram(metric))) return true;  // what is there is newer
  UnixNanos start = series.start, time = series.time;
  double before = series.value;
  auto distribution = std::move(series.distribution);
  set(series, metric, p, now);
  if (!delta || !follows) return true;
  series.start = start;
  series.time = std::max(series.time, time);
  if (distribution && series.distribution)
    add(*series.distribution, *distribution);
  else
    series.value += before;
  return true;
}

}  // namespace

namespace {

// Of what all series of a resource and scope have as labels. A thousand points of some bytes would become as many megabytes.
constexpr std::size_t most_shared_bytes = 16 * 1024;

std::size_t bytes_of(const weir::otlp::Attributes& attributes) {
  std::size_t bytes = 0;
  for (auto& kv : attributes) bytes += kv.key.size() + (kv.value.is(weir::otlp::ValueType::string) ? kv.value.text.size() : weir::otlp::to_text(kv.value).size());
  return bytes;
}

}  // namespace

Accumulator::Accumulator(const Config& config, Store& store) : config_(config), store_(store) {
  Strategy strategy = config.strategy();
  metric_namer_ = {config.name_space, strategy};
  label_namer_ = {.utf8 = !weir::prometheus::escapes(strategy),
                  .keep_underscores = !gates::enabled("pkg.translator.prometheus.PermissiveLabelSanitization")};
}

void Accumulator::resource(const weir::otlp::Resource& resource) {
  resource_ = &resource;
  resource_bytes_ = config_.resource_to_telemetry_conversion.enabled ? bytes_of(resource.attributes) : 0;
  identity_ = weir::prometheus::Identity::of(resource.attributes);
  target_ = 0;
  if (identity_.job.value_or("").empty() || identity_.instance.value_or("").empty()) return;
  target_ = store_.target(*identity_.job, *identity_.instance, target_labels());
}

std::string Accumulator::target_labels() const {
  std::map<std::string, std::string> labels;
  for (auto& kv : resource_->attributes) {
    if (weir::prometheus::is_identity(kv.key)) continue;
    auto name = label_namer_.build(kv.key);
    if (!name) continue;
    auto [at, fresh] = labels.emplace(*name, weir::otlp::to_text(kv.value));
    if (!fresh) at->second += ";" + weir::otlp::to_text(kv.value);
  }
  labels["job"] = *identity_.job;
  labels["instance"] = *identity_.instance;
  std::erase_if(labels, [](auto& label) { return label.first.starts_with("__") || !valid_utf8(label.first) || !valid_utf8(label.second); });
  LabelPairs pairs(labels.begin(), labels.end());
  std::string out;
  render(pairs, out);
  return out;
}

void Accumulator::scope(const weir::otlp::Scope& scope, std::string_view schema_url) {
  scope_labels_.clear();
  scope_is_valid_ = true;
  scope_bytes_ = 0;
  if (config_.without_scope_info) return;
  for (auto& kv : scope.attributes) {
    if (kv.key == "name" || kv.key == "version" || kv.key == "schema_url") continue;
    auto name = label_namer_.build("otel_scope_" + std::string(kv.key));
    if (name)
      scope_labels_.emplace_back(std::move(*name), weir::otlp::to_text(kv.value));
    else
      scope_is_valid_ = false;
  }
  scope_labels_.emplace_back("otel_scope_name", scope.name);
  scope_labels_.emplace_back("otel_scope_version", scope.version);
  scope_labels_.emplace_back("otel_scope_schema_url", schema_url);
  for (auto& [name, value] : scope_labels_) scope_bytes_ += name.size() + value.size();
}

bool Accumulator::labels_of(const DataPoint& point, Arena& arena, std::string& out, std::string& why) {
  pairs_.assign(config_.const_labels.begin(), config_.const_labels.end());
  weir::otlp::Attributes joined;
  const weir::otlp::Attributes* attributes = &point.attributes;
  if (config_.resource_to_telemetry_conversion.enabled) {
    for (auto& kv : point.attributes) joined.push_back(arena, kv);
    config_.resource_to_telemetry_conversion.apply(resource_->attributes, arena, joined);
    attributes = &joined;
  }
  for (auto& kv : *attributes) {
    auto name = label_namer_.build(kv.key);
    if (!name) return why = name.error().what, false;
    pairs_.emplace_back(std::move(*name), weir::otlp::to_text(kv.value));
  }
  pairs_.insert(pairs_.end(), scope_labels_.begin(), scope_labels_.end());
  if (identity_.job) pairs_.emplace_back("job", *identity_.job);
  if (identity_.instance) pairs_.emplace_back("instance", *identity_.instance);
  if (scope_is_valid_ && render(pairs_, out)) return true;
  why = "two labels of one name, a reserved name, or text that is not UTF-8";
  return false;
}

Outcomes Accumulator::metric(const Metric& metric, Arena& arena, TimePoint now) {
  Outcomes out;
  auto refuse = [&](std::string why) {
    out.invalid = static_cast<std::uint32_t>(metric.points.size());
    out.why = std::move(why);
  };
  if (auto why = unsupported(metric); !why.empty()) return refuse(std::string(why)), out;
  auto name = metric_namer_.build(metric.name, metric.unit, weir::prometheus::kind_of(metric));
  if (!name) return refuse(name.error().what), out;
  if (resource_bytes_ + scope_bytes_ > most_shared_bytes) return refuse(fmt::format("resource and scope have {} bytes of labels, at most {}", resource_bytes_ + scope_bytes_, most_shared_bytes)), out;
  if (!valid_utf8(*name) || metric.points.empty()) return refuse("a name that is not UTF-8"), out;
  Store::Refusal refusal{};
  Family* family = store_.family(*name, metric.description, type_of(metric), now, refusal);
  if (family == nullptr) return refuse(fmt::format("{} is there already with another type", *name)), out;
  for (auto& p : metric.points) point(metric, p, *family, arena, now, out);
  return out;
}

void Accumulator::point(const Metric& metric, const DataPoint& p, Family& family, Arena& arena, TimePoint now, Outcomes& out) {
  std::string labels, why(check(metric, p));
  bool reserved = family.type == Type::summary && p.attributes.find("quantile") != nullptr;
  reserved = reserved || (family.type == Type::histogram && p.attributes.find("le") != nullptr);
  if (reserved) why = "a label whose name is reserved for this type";
  if (!why.empty() || !labels_of(p, arena, labels, why)) {
    ++out.invalid;
    if (out.why.empty()) out.why = std::move(why);
    return;
  }
  Series* series = store_.find(family, labels);
  if (weir::prometheus::has_no_value(p)) {
    if (series != nullptr) store_.remove(family, *series);
    ++out.kept;
    return;
  }
  if (series == nullptr) {
    series = store_.add(family, std::move(labels));
    if (series == nullptr) return void(++out.no_room);
    set(*series, metric, p, now);
  } else if (!update(*series, metric, p, now)) {
    ++out.invalid;
    if (out.why.empty()) out.why = "a delta histogram that begins within the one before";
    return;
  }
  store_.hold_target(*series, target_);
  store_.account(*series);
  ++out.kept;
}

}  // namespace weir::exporters::prometheus

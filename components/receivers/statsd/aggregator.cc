#include "components/receivers/statsd/aggregator.h"

#include <algorithm>
#include <cmath>

#include "base/number.h"
#include "base/text.h"

namespace weir::receivers::statsd {
namespace {

constexpr std::string_view scope_name = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/statsdreceiver";  // what dashboards may filter by
constexpr double standard_percentiles[] = {0, 10, 50, 90, 95, 100};

// Counters wrap around.
std::int64_t sum_of(std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b)); }

std::string_view without_port(std::string_view address) {
  auto colon = address.rfind(':');
  return colon == address.npos ? address : address.substr(0, colon);
}

}  // namespace

double quantile(const std::vector<std::pair<double, double>>& values, double q) {
  double total = 0, sum = 0;
  for (auto& [value, weight] : values) total += weight;
  for (auto& [value, weight] : values) {
    sum += weight;
    if (sum >= q * total) return value;
  }
  return values.empty() ? 0 : values.back().first;
}

Result<Aggregator> Aggregator::make(const Config& config, Budget& budget, UnixNanos now, std::uint64_t seed) {
  Aggregator out(config);
  out.budget_ = &budget;
  out.charge_ = budget.empty_charge();
  out.since_ = now;
  out.rng_ = Rng(seed);
  for (auto [observed, type] : {std::pair(&out.timings_, Type::timing), std::pair(&out.histograms_, Type::histogram)}) {
    observed->mapping = config.mapping_of(type);
    for (auto& buckets : observed->mapping.histogram.explicit_buckets) {
      WEIR_ASSIGN(Regex regex, Regex::compile(buckets.matcher_pattern));
      observed->fixed.emplace_back(std::move(regex), buckets.buckets);
    }
  }
  return out;
}

Result<Aggregator::Series*> Aggregator::find(std::string_view address, const Message& message) {
  if (config_.ignore_host) address = {};
  else if (config_.enable_ip_only_aggregation) address = without_port(address);
  key_.assign(1, static_cast<char>(message.type));
  key_ += message.name;
  for (auto& [name, value] : message.tags) key_.append("\xff").append(name).append("\xff").append(value);
  std::size_t cost = 2 * key_.size() + sizeof(Series) + 128;
  auto at = senders_.find(std::string(address));
  if (at == senders_.end()) {
    if (!charge_.grow(cost + address.size() + 256)) return fail(Errc::refused, "no memory for another sender");
    at = senders_.emplace(std::string(address), Sender{.address = std::string(address)}).first;
    cost = 0;
  }
  auto& list = at->second.series;
  auto series = list.find(key_);
  if (series != list.end()) return &series->second;
  if (cost != 0 && !charge_.grow(cost)) return fail(Errc::refused, "no memory for another series");
  Series made{.type = message.type, .observer = Observer::gauge, .name = std::string(message.name)};
  for (auto& [name, value] : message.tags) made.attributes.emplace_back(name, value);
  if (message.type != Type::counter && message.type != Type::gauge) made.observer = observed(message.type).mapping.observer_type;
  return &list.emplace(key_, std::move(made)).first->second;
}

void Aggregator::add_counter(Series& series, const Message& message) {
  double value = message.value * message.weight();
  // The first line says which time the sum is of.
  if (message.timestamp != 0 && !series.begun) series.time = message.timestamp * 1'000'000'000;
  series.begun = true;
  if (config_.counter_type == CounterType::real) series.real += value;
  else if (config_.counter_type == CounterType::integer) series.integer = sum_of(series.integer, go_int_of(value));
  else series.integer = sum_of(series.integer, sum_of(go_int_of(std::floor(value)), rng_.unit() < value - std::floor(value) ? 1 : 0));
}

Result<> Aggregator::observe(Series& series, const Message& message) {
  double weight = message.weight();
  if (series.observer == Observer::gauge || series.observer == Observer::summary) {
    if (!charge_.grow(2 * sizeof(series.values[0]))) return fail(Errc::refused, "no memory for another value");
    series.values.emplace_back(message.value, weight);
    return {};
  }
  if (series.observer == Observer::disabled) return {};
  auto times = static_cast<std::uint64_t>(std::min(weight, 1e15));
  const Observed& how = observed(series.type);
  if (!series.fixed && !series.exponential) {
    for (auto& [regex, bounds] : how.fixed)
      if (regex.matches(message.name)) {
        series.fixed = Explicit{.bounds = bounds, .counts = std::vector<std::uint64_t>(bounds.size() + 1)};
        break;
      }
    if (!series.fixed) {
      if (!charge_.grow(2 * 8 * std::size_t{how.mapping.histogram.max_size == 0 ? histograms::Exponential::standard_size : how.mapping.histogram.max_size})) return fail(Errc::refused, "no memory for another histogram");
      series.exponential.emplace(how.mapping.histogram.max_size);
    }
  }
  if (series.exponential) {
    series.exponential->add(message.value, times);
    return {};
  }
  Explicit& fixed = *series.fixed;
  auto bucket = std::lower_bound(fixed.bounds.begin(), fixed.bounds.end(), message.value) - fixed.bounds.begin();
  fixed.counts[static_cast<std::size_t>(bucket)] += times;
  fixed.min = fixed.count == 0 ? message.value : std::min(fixed.min, message.value);
  fixed.max = fixed.count == 0 ? message.value : std::max(fixed.max, message.value);
  fixed.count += times;
  fixed.sum += message.value * static_cast<double>(times);
  return {};
}

Result<> Aggregator::add(Series& series, const Message& message, UnixNanos now) {
  if (series.type == Type::counter) {
    add_counter(series, message);
    return {};
  }
  if (series.type != Type::gauge) return observe(series, message);
  series.real = message.addition && series.time != 0 ? series.real + message.value : message.value;
  if (!message.addition || series.time == 0) series.time = now;
  return {};
}

Result<> Aggregator::add(std::string_view line, std::string_view sender, UnixNanos now) {
  WEIR_TRY(parse_message(line, config_.enable_simple_tags, message_));
  std::string_view type = to_string(message_.type);
  if (config_.enable_metric_type) {
    std::erase_if(message_.tags, [](auto& tag) { return tag.first == "metric_type"; });
    auto at = std::lower_bound(message_.tags.begin(), message_.tags.end(), "metric_type", [](auto& tag, std::string_view n) { return tag.first < n; });
    message_.tags.insert(at, {"metric_type", type});
  }
  WEIR_ASSIGN(Series * series, find(sender, message_));
  return add(*series, message_, now);
}

otlp::Metric* Aggregator::metric_of(const Series& series, Arena& arena, UnixNanos now) const {
  auto* metric = arena.make<otlp::Metric>();
  metric->name = arena.copy(series.name);
  otlp::DataPoint point;
  for (auto& [name, value] : series.attributes) point.attributes.push_back(arena, {arena.copy(name), otlp::Value::of(arena.copy(value))});
  point.time_unix_nano = series.time != 0 ? series.time : now;
  if (series.type == Type::counter) {
    metric->type = otlp::MetricType::sum;
    metric->temporality = otlp::Temporality::delta;
    metric->is_monotonic = config_.is_monotonic_counter;
    point.start_time_unix_nano = since_;
    point.type = config_.counter_type == CounterType::real ? otlp::NumberType::real : otlp::NumberType::integer;
    point.real = series.real;
    point.integer = series.integer;
  } else if (series.observer == Observer::gauge) {
    metric->type = otlp::MetricType::gauge;
    point.type = otlp::NumberType::real;
    point.real = series.real;
    for (std::size_t i = 0; i + 1 < series.values.size(); ++i) {
      point.real = series.values[i].first;
      metric->points.push_back(arena, point);
    }
    if (!series.values.empty()) point.real = series.values.back().first;
  } else {
    point.start_time_unix_nano = since_;
    if (series.observer == Observer::summary) {
      metric->type = otlp::MetricType::summary;
      auto sorted = series.values;
      std::sort(sorted.begin(), sorted.end());
      double count = 0;
      for (auto& [value, weight] : sorted) {
        count += weight;
        point.sum += value * weight;
      }
      point.count = static_cast<std::uint64_t>(count);
      point.has_sum = true;
      const auto& own = observed(series.type).mapping.summary.percentiles;
      std::span<const double> percentiles = own.empty() ? std::span<const double>(standard_percentiles) : std::span<const double>(own);
      for (double p : percentiles) point.quantiles.push_back(arena, {p / 100, quantile(sorted, p / 100)});
    } else if (series.fixed) {
      metric->type = otlp::MetricType::histogram;
      metric->temporality = otlp::Temporality::delta;
      point.count = series.fixed->count;
      point.has_sum = true;
      point.has_min = point.has_max = point.count != 0;
      point.sum = series.fixed->sum;
      point.min = series.fixed->min;
      point.max = series.fixed->max;
      for (double bound : series.fixed->bounds) point.explicit_bounds.push_back(arena, bound);
      for (std::uint64_t n : series.fixed->counts) point.bucket_counts.push_back(arena, n);
    } else if (series.exponential) {
      metric->type = otlp::MetricType::exponential_histogram;
      metric->temporality = otlp::Temporality::delta;
      series.exponential->write(arena, point);
    } else {
      return nullptr;
    }
  }
  metric->points.push_back(arena, point);
  return metric;
}

otlp::Batch Aggregator::batch_of(const Sender& sender, UnixNanos now) {
  otlp::Batch batch(otlp::Signal::metrics);
  Arena& arena = batch.arena();
  auto& group = batch.groups().emplace_back(otlp::Lazy<otlp::Resource>(arena.make<otlp::Resource>()));
  auto* scope = arena.make<otlp::Scope>();
  scope->name = scope_name;
  auto& items = group.scopes.emplace_back(otlp::Lazy<otlp::Scope>(scope)).items;
  for (auto& [key, series] : sender.series)
    if (otlp::Metric* metric = metric_of(series, arena, now)) items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
  batch.prune();
  batch.set_bytes(arena.footprint());
  auto context = std::make_shared<otlp::Context>();
  context->peer = std::string(without_port(sender.address));
  batch.context = std::move(context);
  return batch;
}

std::vector<otlp::Batch> Aggregator::flush(UnixNanos now) {
  std::vector<otlp::Batch> out;
  for (auto& [address, sender] : senders_) {
    otlp::Batch batch = batch_of(sender, now);
    if (batch.empty()) continue;
    batch.charge = budget_->charge_unchecked(batch.bytes());  // what it was made of is given back right after
    out.push_back(std::move(batch));
  }
  senders_.clear();
  charge_.release();
  charge_ = budget_->empty_charge();
  since_ = now;
  return out;
}

}  // namespace weir::receivers::statsd

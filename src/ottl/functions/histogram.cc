// Functions that look into the buckets of histograms.
#include <cmath>
#include <numbers>

#include "base/number.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;

// 2^x for exponents of any size.
double power_of_two(std::int64_t x) { return std::ldexp(1.0, static_cast<int>(std::clamp<std::int64_t>(x, -5000, 5000))); }

// ---- convert_exponential_histogram_to_histogram(distribution, [bounds])

// The exact lower bound of an exponential bucket where there is one.
double exponential_bound(std::int64_t index, std::int32_t scale) {
  if (scale <= 0) {
    std::int64_t shift = -std::int64_t{scale};
    return power_of_two(shift < 16 ? index * (std::int64_t{1} << shift) : std::clamp<std::int64_t>(index, -65'536, 65'536) * 65'536);
  }
  return std::exp2(std::ldexp(static_cast<double>(index), -scale));
}

// Puts counts of ranges (lower, upper] into those of an explicit histogram: one for each bound and one for all above.
class Redistribution {
 public:
  Redistribution(std::string_view how, const std::vector<double>& bounds, std::uint64_t* counts, Rng& rng)
      : how_(how), bounds_(bounds), counts_(counts), rng_(rng) {}

  void add(std::uint64_t count, double lower, double upper) {
    if (count == 0) return;
    std::size_t first = first_above(lower), last = std::max(first, first_at_least(upper));
    if (first == last)
      counts_[first] += count;
    else if (how_ == "upper")
      counts_[last] += count;
    else if (how_ == "midpoint")
      counts_[first_at_least(lower + (upper - lower) / 2)] += count;
    else if (how_ == "random" && std::isfinite(upper - lower))
      scatter(count, lower, upper, first, last);
    else
      spread(count, first, last);
  }
  void add_value(std::uint64_t count, double value) { counts_[first_at_least(value)] += count; }

 private:
  std::size_t first_at_least(double value) const {
    return static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  }
  std::size_t first_above(double value) const {
    return static_cast<std::size_t>(std::upper_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  }

  // The same share for each, what is left over from the first on.
  void spread(std::uint64_t count, std::size_t first, std::size_t last) {
    std::uint64_t places = last - first + 1;
    for (std::size_t i = first; i <= last; ++i) counts_[i] += count / places + (i - first < count % places ? 1 : 0);
  }

  void scatter(std::uint64_t count, double lower, double upper, std::size_t first, std::size_t last) {
    std::uint64_t left = count;
    for (std::size_t i = first; i <= last; ++i) {
      double from = i == first ? lower : bounds_[i - 1], to = i == last ? upper : bounds_[i];
      double most = std::clamp(static_cast<double>(count) * ((to - from) / (upper - lower)), 0.0, static_cast<double>(left));
      auto given = std::min(left, static_cast<std::uint64_t>(rng_.unit() * most));
      counts_[i] += given;
      left -= given;
    }
    // One by one, but large rests in equal parts first: the time must not depend on the count.
    constexpr std::uint64_t few = 1024;
    if (left > few) {
      spread(left - few, first, last);
      left = few;
    }
    for (; left > 0; --left) ++counts_[first + rng_.below(last - first + 1)];
  }

  std::string_view how_;
  const std::vector<double>& bounds_;
  std::uint64_t* counts_;
  Rng& rng_;
};

struct Bounds : Prepared {
  std::vector<double> bounds;
};

Result<> prepare_explicit(Call& call) {
  std::string_view how = call.constant(0)->text;
  constexpr std::array<std::string_view, 5> known = {"upper", "midpoint", "random", "uniform", ""};
  if (std::find(known.begin(), known.end(), how) == known.end())
    return fail(Errc::config, "invalid conversion function: {}, must be one of [upper, midpoint, random, uniform]", how);
  if (call[1].items.empty()) return fail(Errc::config, "explicit bounds cannot be empty");
  auto out = std::make_unique<Bounds>();
  for (auto& item : call[1].items) out->bounds.push_back(item->constant()->real);
  for (std::size_t i = 1; i < out->bounds.size(); ++i)
    if (!(out->bounds[i - 1] < out->bounds[i])) return fail(Errc::config, "explicit bounds must ascend, got {} behind {}", out->bounds[i], out->bounds[i - 1]);
  call.prepared = std::move(out);
  return {};
}

// A sender's exponential histogram has at most so many items as its counts say; the sum of the new counts is the count.
DataPoint to_explicit(EvalContext& c, const DataPoint& from, std::string_view how, const std::vector<double>& bounds) {
  DataPoint out;
  out.attributes = from.attributes;
  out.start_time_unix_nano = from.start_time_unix_nano;
  out.time_unix_nano = from.time_unix_nano;
  out.exemplars = from.exemplars;
  out.flags = from.flags;
  out.count = from.count;
  out.has_sum = from.has_sum, out.sum = from.sum;
  out.has_min = from.has_min, out.min = from.min;
  out.has_max = from.has_max, out.max = from.max;
  if (from.zero_count == 0 && from.positive.counts.empty() && from.negative.counts.empty()) return out;  // there is only a sum
  for (double bound : bounds) out.explicit_bounds.push_back(c.arena(), bound);
  for (std::size_t i = 0; i <= bounds.size(); ++i) out.bucket_counts.push_back(c.arena(), 0);
  Redistribution into(how, bounds, out.bucket_counts.begin(), c.rng());
  into.add_value(from.zero_count, 0);
  auto each = [&](const DataPoint::Buckets& buckets, auto add) {
    for (std::size_t i = 0; i < buckets.counts.size(); ++i) {
      std::int64_t index = std::int64_t{buckets.offset} + static_cast<std::int64_t>(i);
      add(buckets.counts[i], exponential_bound(index, from.scale), exponential_bound(index + 1, from.scale));
    }
  };
  each(from.positive, [&](std::uint64_t count, double lower, double upper) { into.add(count, lower, upper); });
  each(from.negative, [&](std::uint64_t count, double lower, double upper) { into.add(count, -upper, -lower); });
  out.count = 0;
  for (std::uint64_t count : out.bucket_counts) out.count += count;
  return out;
}

bool convert_exponential(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type != MetricType::exponential_histogram) return true;
  Metric& metric = c.edit_metric();
  metric.type = MetricType::histogram;
  metric.metadata = {};
  auto& bounds = static_cast<Bounds&>(*call.prepared).bounds;
  for (auto& point : metric.points) point = to_explicit(c, point, call.constant(0)->text, bounds);
  return true;
}

// ---- extract_percentile_metric(percentile, suffix?)
Result<> check_percentile(Call& call) {
  double percentile = call.constant(0)->real;
  if (percentile > 0 && percentile < 100) return {};
  return fail(Errc::config, "percentile must be greater than 0 and less than 100, got {}", percentile);
}

enum class Found : std::uint8_t { yes, skip, failed };

class Percentile {
 public:
  Percentile(EvalContext& c, double percentile) : c_(c), percentile_(percentile) {}

  Found of(const Metric& metric, const DataPoint& point, double& out) {
    target_ = static_cast<std::uint64_t>(std::min(std::ceil(static_cast<double>(point.count) * (percentile_ / 100)), 0x1p63));
    return metric.type == MetricType::histogram ? in_explicit(point, out) : in_exponential(point, out);
  }

 private:
  Found malformed(std::string_view why) { return c_.fail("calculating histogram percentile: malformed data: {}", why), Found::failed; }
  static double share(std::uint64_t part, std::uint64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

  Found linear(double lower, double upper, double ratio, double& out) {
    if (ratio < 0 || ratio > 1) return c_.fail("linear interpolation: invalid ratio {}, must be between 0 and 1", ratio), Found::failed;
    return out = lower + ratio * (upper - lower), Found::yes;
  }
  Found logarithmic(double lower, double upper, double ratio, double& out) {
    if (ratio < 0 || ratio > 1) return c_.fail("logarithmic interpolation: invalid ratio {}, must be between 0 and 1", ratio), Found::failed;
    if (lower <= 0 || upper <= 0)
      return c_.fail("logarithmic interpolation: bounds must be positive, got {} and {}", lower, upper), Found::failed;
    double from = std::log2(lower);
    return out = std::exp2(from + (std::log2(upper) - from) * ratio), Found::yes;
  }

  Found in_explicit(const DataPoint& point, double& out) {
    auto& counts = point.bucket_counts;
    auto& bounds = point.explicit_bounds;
    if (point.count == 0 || counts.empty()) return Found::skip;
    if (counts.size() != bounds.size() + 1) return malformed(fmt::format("{} bucket counts for {} bounds", counts.size(), bounds.size()));
    if (bounds.empty()) {
      if (!point.has_min || !point.has_max) return Found::skip;
      return linear(point.min, point.max, share(target_, counts[0]), out);
    }
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < counts.size(); before += counts[i++])
      if (before + counts[i] >= target_) return in_bucket(point, i, before, out);
    return malformed(fmt::format("its buckets count {} of {}", before, point.count));
  }

  Found in_bucket(const DataPoint& point, std::size_t i, std::uint64_t before, double& out) {
    auto& bounds = point.explicit_bounds;
    double lower = 0, upper = 0;
    if (i == 0) {
      upper = bounds[0];
      if (point.has_min && point.min < upper)
        lower = point.min;
      else if (upper < 0)
        return out = upper, Found::yes;
    } else if (lower = bounds[i - 1]; i < bounds.size()) {
      upper = bounds[i];
    } else {
      if (!point.has_max || point.max <= lower) return out = lower, Found::yes;
      upper = point.max;
    }
    return linear(lower, upper, share(target_ - before, point.bucket_counts[i]), out);
  }

  Found in_exponential(const DataPoint& point, double& out) {
    auto &negative = point.negative.counts, &positive = point.positive.counts;
    if (point.count == 0 || (negative.empty() && positive.empty() && point.zero_count == 0)) return Found::skip;
    std::uint64_t before = 0;
    for (std::size_t i = negative.size(); i-- > 0; before += negative[i])
      if (before + negative[i] >= target_) return in_negative(point, i, before, out);
    if (before + point.zero_count >= target_) {
      double lower = negative.empty() && !positive.empty() ? 0 : -point.zero_threshold;
      double upper = positive.empty() && !negative.empty() ? 0 : point.zero_threshold;
      return linear(lower, upper, share(target_ - before, point.zero_count), out);
    }
    before += point.zero_count;
    for (std::size_t i = 0; i < positive.size(); before += positive[i++])
      if (before + positive[i] >= target_) {
        auto [lower, upper] = bounds_of(point.positive, i, point.scale);
        return logarithmic(lower, upper, share(target_ - before, positive[i]), out);
      }
    return malformed(fmt::format("its buckets count {} of {}", before, point.count));
  }

  Found in_negative(const DataPoint& point, std::size_t i, std::uint64_t before, double& out) {
    auto [lower, upper] = bounds_of(point.negative, i, point.scale);
    if (lower >= upper) return malformed(fmt::format("a negative bucket from {} to {}", lower, upper));
    Found found = logarithmic(lower, upper, 1 - share(target_ - before, point.negative.counts[i]), out);
    out = -out;
    return found;
  }

  static std::pair<double, double> bounds_of(const DataPoint::Buckets& buckets, std::size_t i, std::int32_t scale) {
    std::int64_t index = std::int64_t{buckets.offset} + static_cast<std::int64_t>(i);
    return {bound(index, scale), bound(index + 1, scale)};
  }
  static double bound(std::int64_t index, std::int32_t scale) {
    if (scale > 0) return std::exp(static_cast<double>(index) * (power_of_two(-std::int64_t{scale}) * std::numbers::ln2));
    std::int64_t shift = -std::int64_t{scale};
    return power_of_two(shift < 16 ? index * (std::int64_t{1} << shift) : index * 65'536);
  }

  EvalContext& c_;
  double percentile_;
  std::uint64_t target_ = 0;
};

bool extract_percentile(EvalContext& c, const Call& call, Value&) {
  const Metric& from = c.metric();
  if (from.type != MetricType::histogram && from.type != MetricType::exponential_histogram) return true;
  double percentile = call.constant(0)->real;
  std::string_view suffix = call.given(1) ? call.constant(1)->text : std::string_view();
  auto* made = c.arena().make<Metric>();
  std::string label = fmt::format("p{}", percentile);
  made->name = c.arena().copy(suffix.empty() ? fmt::format("{}_{}", from.name, label) : fmt::format("{}{}", from.name, suffix));
  made->description = c.arena().copy(from.description.empty() ? label : fmt::format("{} ({})", from.description, label));
  made->unit = from.unit;
  made->type = MetricType::gauge;
  Percentile search(c, percentile);
  for (auto& point : from.points) {
    DataPoint out;
    Found found = search.of(from, point, out.real);
    if (found == Found::failed) return false;
    if (found == Found::skip) continue;
    out.type = otlp::NumberType::real;
    out.start_time_unix_nano = point.start_time_unix_nano;
    out.time_unix_nano = point.time_unix_nano;
    for (auto& kv : point.attributes) out.attributes.push_back(c.arena(), {kv.key, kv.value.deep_copy(c.arena())});
    made->points.push_back(c.arena(), out);
  }
  if (!made->points.empty()) c.append_metric(made);
  return true;
}

// ---- merge_histogram_buckets(target, method?)
bool limits_buckets(const Call& call) { return call.given(1) && call.constant(1)->text == "limit_buckets"; }

bool bucket_limit(double target, std::size_t& out) {
  if (!(target >= 1) || std::trunc(target) != target || target > 0x1p63) return false;
  return out = static_cast<std::size_t>(target), true;
}
constexpr std::string_view wrong_limit = "target_value must be a positive integer when method is \"limit_buckets\"";

Result<> check_merge(Call& call) {
  if (call.given(1) && !limits_buckets(call) && call.constant(1)->text != "remove_explicit_bound")
    return fail(Errc::config, "unsupported method \"{}\", expected \"remove_explicit_bound\" or \"limit_buckets\"", call.constant(1)->text);
  const Value* target = call.constant(0);
  if (target == nullptr) return {};
  if (target->nil()) return fail(Errc::config, "target_value must not be nil");
  double number = target->is(Kind::integer) ? static_cast<double>(target->integer) : target->is(Kind::real) ? target->real : 1;
  if (target->is(Kind::text)) number = parse_go_double(target->text).value_or(0);
  std::size_t limit;
  if (limits_buckets(call) && !bucket_limit(number, limit)) return fail(Errc::config, "{}, got {}", wrong_limit, number);
  return {};
}

void remove_bound(DataPoint& point, double bound) {
  auto near = [&](double other) { return std::abs(other - bound) < 1e-12; };
  std::size_t at = static_cast<std::size_t>(std::find_if(point.explicit_bounds.begin(), point.explicit_bounds.end(), near) - point.explicit_bounds.begin());
  if (at == point.explicit_bounds.size()) return;
  point.bucket_counts[at + 1] += point.bucket_counts[at];
  point.bucket_counts.erase(at);
  point.explicit_bounds.erase(at);
}

void limit_buckets(DataPoint& point, std::size_t most) {
  auto& counts = point.bucket_counts;
  auto& bounds = point.explicit_bounds;
  if (counts.size() <= most) return;
  for (std::size_t i = 1; i < bounds.size(); ++i)
    if (!(bounds[i] > bounds[i - 1])) return;
  std::size_t together = (counts.size() - 1) / most + 1, kept = 0;
  for (std::size_t i = 0; i < counts.size(); i += together, ++kept) {
    std::uint64_t sum = 0;
    for (std::size_t j = i; j < std::min(i + together, counts.size()); ++j) sum += counts[j];
    counts[kept] = sum;
    if (i + together - 1 < bounds.size()) bounds[kept] = bounds[i + together - 1];
  }
  counts.truncate(kept);
  bounds.truncate(kept - 1);
}

bool merge_buckets(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type != MetricType::histogram) return true;
  double target;
  bool found;
  std::size_t most = 0;
  if (!call.real_like(c, 0, target, found)) return false;
  if (!found) return c.fail("target_value must not be nil");
  if (limits_buckets(call) && !bucket_limit(target, most)) return c.fail("{}, got {}", wrong_limit, target);
  DataPoint& point = *c.point;
  if (point.explicit_bounds.size() + 1 != point.bucket_counts.size() || point.bucket_counts.size() == 1) return true;
  c.edit_metric();
  if (most > 0)
    limit_buckets(point, most);
  else
    remove_bound(point, target);
  return true;
}

}  // namespace

std::span<const FunctionInfo> histogram_functions() {
  static const std::array rows{
      metric_editor("convert_exponential_histogram_to_histogram",
             "Turns an exponential histogram into one with the given bounds; counts of buckets that lie across a bound are placed by upper, midpoint, "
             "uniform or random.",
             {{"distributionFn", Takes::literal_text}, {"explicitBounds", Takes::literal_real_list}}, convert_exponential, prepare_explicit),
      metric_editor("extract_percentile_metric", "Adds a gauge with a percentile of a histogram, named like it with the suffix (default: _p and the percentile).",
             {{"percentile", Takes::literal_real}, {"suffix", Takes::literal_text, true}}, extract_percentile, check_percentile),
      metric_editor("merge_histogram_buckets",
             "Removes a bound of a histogram (method remove_explicit_bound, the default), or joins neighbouring buckets until there are no more than "
             "the target (method limit_buckets).",
             {{"targetValue", Takes::real_like}, {"method", Takes::literal_text, true}}, merge_buckets, check_merge, In::datapoint),
  };
  return rows;
}

}  // namespace weir::ottl

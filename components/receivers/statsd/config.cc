#include "components/receivers/statsd/config.h"

#include <algorithm>

#include "base/regex.h"

namespace weir::receivers::statsd {

using config::field;

std::span<const config::Choice> choices_of(CounterType) {
  static constexpr config::Choice rows[] = {{"int", CounterType::integer}, {"float", CounterType::real}, {"stochastic_int", CounterType::stochastic}};
  return rows;
}

std::span<const config::Choice> choices_of(Observer) {
  static constexpr config::Choice rows[] = {{"gauge", Observer::gauge}, {"summary", Observer::summary}, {"histogram", Observer::histogram}};
  return rows;
}

std::span<const config::FieldInfo> ExplicitBuckets::fields() {
  static const std::array rows{
      field<&ExplicitBuckets::matcher_pattern>("matcher_pattern", "Names of the metrics that have these buckets: a regular expression, found anywhere.", {.required = true}),
      field<&ExplicitBuckets::buckets>("buckets", "Upper bounds.", {.required = true}),
  };
  return rows;
}

Result<> ExplicitBuckets::validate() const {
  WEIR_TRY(Regex::compile(matcher_pattern));
  if (matcher_pattern.empty()) return fail(Errc::config, "matcher_pattern must not be empty");
  if (buckets.empty()) return fail(Errc::config, "buckets must not be empty");
  if (!std::is_sorted(buckets.begin(), buckets.end())) return fail(Errc::config, "buckets are not unique or not ascendingly sorted");
  return {};
}

std::span<const config::FieldInfo> HistogramSettings::fields() {
  static const std::array rows{
      field<&HistogramSettings::max_size>("max_size", "Most buckets of an exponential histogram; 0 is 160.", {.max = 16384}),
      field<&HistogramSettings::explicit_buckets>("explicit_buckets", "Histograms with fixed buckets, for some metrics."),
  };
  return rows;
}

std::span<const config::FieldInfo> SummarySettings::fields() {
  static const std::array rows{field<&SummarySettings::percentiles>("percentiles", "0 to 100; otherwise 0, 10, 50, 90, 95, 100.")};
  return rows;
}

std::span<const config::FieldInfo> Mapping::fields() {
  static const std::array rows{
      field<&Mapping::statsd_type>("statsd_type", "Which ones.", {.required = true, .choices = "timing|timer|histogram|distribution"}),
      field<&Mapping::observer_type>("observer_type", "What they become.", {.required = true}),
      field<&Mapping::histogram>("histogram", "For observer_type histogram."),
      field<&Mapping::summary>("summary", "For observer_type summary."),
  };
  return rows;
}

Result<> Mapping::validate() const {
  if (histogram.max_size == 1) return fail(Errc::config, "histogram max_size out of range: 1");
  if (observer_type != Observer::histogram && (histogram.max_size != 0 || !histogram.explicit_buckets.empty())) return fail(Errc::config, "histogram configuration requires observer_type: histogram");
  if (observer_type != Observer::summary && !summary.percentiles.empty()) return fail(Errc::config, "summary configuration requires observer_type: summary");
  for (double p : summary.percentiles)
    if (!(p >= 0 && p <= 100)) return fail(Errc::config, "summary percentiles out of [0, 100] range: {}", p);
  return {};
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::endpoint>("endpoint", "Where to listen: host:port, or a path for unixgram."),
      field<&T::transport>("transport", "How lines come.", {.choices = "udp|udp4|udp6|tcp|tcp4|tcp6|unixgram"}),
      field<&T::aggregation_interval>("aggregation_interval", "Time between two results.", {.min = 1ms}),
      field<&T::enable_metric_type>("enable_metric_type", "Adds the attribute metric_type."),
      field<&T::enable_simple_tags>("enable_simple_tags", "Allows tags without a value."),
      field<&T::is_monotonic_counter>("is_monotonic_counter", "Counters only grow."),
      field<&T::enable_ip_only_aggregation>("enable_ip_only_aggregation", "Lines of one address are put together whatever their port."),
      field<&T::ignore_host>("ignore_host", "All lines are put together."),
      field<&T::counter_type>("counter_type", "Values of counters."),
      field<&T::timer_histogram_mapping>("timer_histogram_mapping", "What timers, histograms and distributions become; all are gauges without it, and those it does not name are left out."),
      field<&T::socket_buffer_size>("socket_buffer_size", "Receive buffer of the socket in bytes; 0 is the system's."),
      field<&T::socket_permissions>("socket_permissions", "Of the socket's file with unixgram, as a number; 402 is 0622.", {.max = 0777}),
  };
  return rows;
}

Mapping Config::mapping_of(Type type) const {
  Mapping out{.observer_type = timer_histogram_mapping.empty() ? Observer::gauge : Observer::disabled};
  for (auto& mapping : timer_histogram_mapping) {
    bool timing = mapping.statsd_type == "timing" || mapping.statsd_type == "timer";
    if (timing == (type == Type::timing)) out = mapping;
  }
  return out;
}

}  // namespace weir::receivers::statsd

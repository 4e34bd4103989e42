#pragma once
#include "components/receivers/statsd/message.h"
#include "config/field.h"

namespace weir::receivers::statsd {

enum class CounterType : std::uint8_t { integer, real, stochastic };
std::span<const config::Choice> choices_of(CounterType);
enum class Observer : std::uint8_t { gauge, summary, histogram, disabled };
std::span<const config::Choice> choices_of(Observer);

struct ExplicitBuckets {
  std::string matcher_pattern;
  std::vector<double> buckets;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct HistogramSettings {
  std::uint32_t max_size = 0;
  std::vector<ExplicitBuckets> explicit_buckets;
  static std::span<const config::FieldInfo> fields();
};

struct SummarySettings {
  std::vector<double> percentiles;
  static std::span<const config::FieldInfo> fields();
};

// What becomes of timers, histograms or distributions.
struct Mapping {
  std::string statsd_type;
  Observer observer_type = Observer::gauge;
  HistogramSettings histogram;
  SummarySettings summary;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  std::string endpoint = "localhost:8125";
  std::string transport = "udp";
  Duration aggregation_interval = 60s;
  bool enable_metric_type = false, enable_simple_tags = false, is_monotonic_counter = false, enable_ip_only_aggregation = false, ignore_host = false;
  CounterType counter_type = CounterType::integer;
  std::vector<Mapping> timer_histogram_mapping;
  std::uint64_t socket_buffer_size = 0;
  std::uint32_t socket_permissions = 0622;

  static std::span<const config::FieldInfo> fields();
  bool is_stream() const { return transport.starts_with("tcp"); }
  // The mapping of a type; timings have one, histograms and distributions another.
  Mapping mapping_of(Type type) const;
};

}  // namespace weir::receivers::statsd

#pragma once
#include "base/time.h"

namespace weir::config {
struct FieldInfo;
class Context;
class Value;
}  // namespace weir::config

namespace weir::processors::tail_sampling {

enum class PolicyType : std::uint8_t {
  always_sample, latency, numeric_attribute, probabilistic, status_code, string_attribute, rate_limiting, span_count,
  trace_state, trace_flags, boolean_attribute, ottl_condition, bytes_limiting, and_, not_, drop, composite, exemplars
};

enum class Strategy : std::uint8_t { trace_complete, span_ingest };

struct Latency {
  std::int64_t threshold_ms = 0, upper_threshold_ms = 0;
  static std::span<const config::FieldInfo> fields();
};
struct NumericAttribute {
  std::string key;
  std::int64_t min_value = 0, max_value = 0;
  bool invert_match = false;
  static std::span<const config::FieldInfo> fields();
};
struct Probabilistic {
  std::string hash_salt;
  double sampling_percentage = 0;
  static std::span<const config::FieldInfo> fields();
};
struct StatusCode {
  std::vector<std::string> status_codes;
  static std::span<const config::FieldInfo> fields();
};
struct StringAttribute {
  std::string key;
  std::vector<std::string> values;
  bool enabled_regex_matching = false, invert_match = false;
  std::int64_t cache_max_size = 0;
  static std::span<const config::FieldInfo> fields();
};
struct RateLimiting {
  std::int64_t spans_per_second = 0, burst_capacity = 0;
  static std::span<const config::FieldInfo> fields();
};
struct BytesLimiting {
  std::int64_t bytes_per_second = 0, burst_capacity = 0;
  static std::span<const config::FieldInfo> fields();
};
struct SpanCount {
  std::int64_t min_spans = 0, max_spans = 0;
  static std::span<const config::FieldInfo> fields();
};
struct TraceState {
  std::string key;
  std::vector<std::string> values;
  static std::span<const config::FieldInfo> fields();
};
struct BooleanAttribute {
  std::string key;
  bool value = false, invert_match = false;
  static std::span<const config::FieldInfo> fields();
};
struct OttlCondition {
  std::string error_mode = "ignore";
  std::vector<std::string> span, spanevent;
  static std::span<const config::FieldInfo> fields();
};
struct Dimension {
  std::string name;
  std::optional<std::string> default_value;
  static std::span<const config::FieldInfo> fields();
};
struct Exemplars {
  Duration interval = 60s;
  std::vector<Dimension> dimensions;
  // Those of the span metrics connector.
  std::vector<Duration> buckets = {2ms, 4ms, 6ms, 8ms, 10ms, 50ms, 100ms, 200ms, 400ms, 800ms, 1s, 1400ms, 2s, 5s, 10s, 15s};
  std::uint64_t max_cells = 100'000;
  static std::span<const config::FieldInfo> fields();
};
struct RateAllocation {
  std::string policy;
  std::int64_t percent = 0;
  static std::span<const config::FieldInfo> fields();
};

struct Policy;

struct And {
  std::vector<Policy> and_sub_policy;
  static std::span<const config::FieldInfo> fields();
};
struct Drop {
  std::vector<Policy> drop_sub_policy;
  static std::span<const config::FieldInfo> fields();
};
// Exactly one policy, kept in a vector because it is of the type it is part of.
struct OnePolicy {
  std::vector<Policy> policy;
  static constexpr std::string_view config_type = "policy";
  static Result<OnePolicy> decode(const config::Value& value, config::Context& context);
};
struct Not {
  OnePolicy not_sub_policy;
  static std::span<const config::FieldInfo> fields();
};
struct Composite {
  std::int64_t max_total_spans_per_second = 0;
  std::vector<std::string> policy_order;
  std::vector<Policy> composite_sub_policy;
  std::vector<RateAllocation> rate_allocation;
  static std::span<const config::FieldInfo> fields();
};

struct Policy {
  std::string name;
  std::string type;  // a name that policy_type() knows
  Latency latency;
  NumericAttribute numeric_attribute;
  Probabilistic probabilistic;
  StatusCode status_code;
  StringAttribute string_attribute;
  RateLimiting rate_limiting;
  BytesLimiting bytes_limiting;
  SpanCount span_count;
  TraceState trace_state;
  BooleanAttribute boolean_attribute;
  OttlCondition ottl_condition;
  And and_policy;
  Not not_policy;
  Drop drop;
  Composite composite;
  Exemplars exemplars;

  static std::span<const config::FieldInfo> fields();
  static Result<Policy> decode(const config::Value& value, config::Context& context);
};

std::optional<PolicyType> policy_type(std::string_view name);

struct DecisionCache {
  std::int64_t sampled_cache_size = 0, non_sampled_cache_size = 0;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Duration decision_wait = 30s;
  Duration decision_wait_after_root_received = 0s;
  Duration decision_wait_idle = 0s;
  std::uint64_t num_traces = 50'000;
  std::uint64_t expected_new_traces_per_sec = 0;
  std::vector<Policy> policies;
  DecisionCache decision_cache;
  bool block_on_overflow = false;
  bool sample_on_first_match = false;
  bool drop_pending_traces_on_shutdown = false;
  bool durable = true;
  std::uint64_t maximum_trace_size_bytes = 0;
  std::uint64_t early_decision_trace_bytes = 16 * 1024 * 1024;
  Strategy sampling_strategy = Strategy::trace_complete;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::tail_sampling

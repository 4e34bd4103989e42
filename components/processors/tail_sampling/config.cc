#include "components/processors/tail_sampling/config.h"


#include "components/processors/tail_sampling/policies.h"
#include "components/processors/tail_sampling/tail_sampling.h"
#include "engine/decode.h"

namespace weir::processors::tail_sampling {

using config::Choice;
using config::field;
using config::FieldInfo;

std::optional<PolicyType> policy_type(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, PolicyType>, 18> names{{
      {"always_sample", PolicyType::always_sample},
      {"latency", PolicyType::latency},
      {"numeric_attribute", PolicyType::numeric_attribute},
      {"probabilistic", PolicyType::probabilistic},
      {"status_code", PolicyType::status_code},
      {"string_attribute", PolicyType::string_attribute},
      {"rate_limiting", PolicyType::rate_limiting},
      {"span_count", PolicyType::span_count},
      {"trace_state", PolicyType::trace_state},
      {"trace_flags", PolicyType::trace_flags},
      {"boolean_attribute", PolicyType::boolean_attribute},
      {"ottl_condition", PolicyType::ottl_condition},
      {"bytes_limiting", PolicyType::bytes_limiting},
      {"and", PolicyType::and_},
      {"not", PolicyType::not_},
      {"drop", PolicyType::drop},
      {"composite", PolicyType::composite},
      {"exemplars", PolicyType::exemplars},
  }};
  for (auto& [known, type] : names)
    if (known == name) return type;
  return std::nullopt;
}

namespace {

// Types that mean nothing without settings of their own.
bool needs_block(PolicyType type) {
  return type != PolicyType::always_sample && type != PolicyType::trace_flags && type != PolicyType::exemplars;
}

}  // namespace

std::span<const Choice> choices_of(Strategy) {
  static constexpr std::array choices{Choice("trace-complete", Strategy::trace_complete), Choice("span-ingest", Strategy::span_ingest)};
  return choices;
}

std::span<const FieldInfo> Latency::fields() {
  static const std::array rows{
      field<&Latency::threshold_ms>("threshold_ms", "Traces that take more than this many milliseconds."),
      field<&Latency::upper_threshold_ms>("upper_threshold_ms", "And at most this many; 0 is no bound."),
  };
  return rows;
}

std::span<const FieldInfo> NumericAttribute::fields() {
  static const std::array rows{
      field<&NumericAttribute::key>("key", "Attribute of the resource or of a span."),
      field<&NumericAttribute::min_value>("min_value", "Least value that matches; 0 is no bound."),
      field<&NumericAttribute::max_value>("max_value", "Largest value that matches; 0 is no bound."),
      field<&NumericAttribute::invert_match>("invert_match", "Traces in which nothing matches."),
  };
  return rows;
}

std::span<const FieldInfo> Probabilistic::fields() {
  static const std::array rows{
      field<&Probabilistic::hash_salt>("hash_salt", "Makes the choice independent of other layers' choices."),
      field<&Probabilistic::sampling_percentage>("sampling_percentage", "Share of traces, by a hash of the trace id."),
  };
  return rows;
}

std::span<const FieldInfo> StatusCode::fields() {
  static const std::array rows{field<&StatusCode::status_codes>("status_codes", "OK, ERROR, UNSET: any span with one of them.")};
  return rows;
}

std::span<const FieldInfo> StringAttribute::fields() {
  static const std::array rows{
      field<&StringAttribute::key>("key", "Attribute of the resource or of a span."),
      field<&StringAttribute::values>("values", "Values that match."),
      field<&StringAttribute::enabled_regex_matching>("enabled_regex_matching", "Values are regular expressions (RE2, unanchored)."),
      field<&StringAttribute::cache_max_size>("cache_max_size", "Accepted; matches are not cached."),
      field<&StringAttribute::invert_match>("invert_match", "Traces in which nothing matches."),
  };
  return rows;
}

std::span<const FieldInfo> RateLimiting::fields() {
  static const std::array rows{
      field<&RateLimiting::spans_per_second>("spans_per_second", "Spans a second, over all cores."),
      field<&RateLimiting::burst_capacity>("burst_capacity", "Spans that may come at once; 0 is twice spans_per_second."),
  };
  return rows;
}

std::span<const FieldInfo> BytesLimiting::fields() {
  static const std::array rows{
      field<&BytesLimiting::bytes_per_second>("bytes_per_second", "Bytes a second, over all cores."),
      field<&BytesLimiting::burst_capacity>("burst_capacity", "Bytes that may come at once; 0 is twice bytes_per_second."),
  };
  return rows;
}

std::span<const FieldInfo> SpanCount::fields() {
  static const std::array rows{
      field<&SpanCount::min_spans>("min_spans", "Traces with at least so many spans."),
      field<&SpanCount::max_spans>("max_spans", "And at most so many; 0 is no bound."),
  };
  return rows;
}

std::span<const FieldInfo> TraceState::fields() {
  static const std::array rows{
      field<&TraceState::key>("key", "Key in the trace state."),
      field<&TraceState::values>("values", "Values that match."),
  };
  return rows;
}

std::span<const FieldInfo> BooleanAttribute::fields() {
  static const std::array rows{
      field<&BooleanAttribute::key>("key", "Attribute of the resource or of a span."),
      field<&BooleanAttribute::value>("value", "Value that matches."),
      field<&BooleanAttribute::invert_match>("invert_match", "Traces in which nothing matches."),
  };
  return rows;
}

std::span<const FieldInfo> OttlCondition::fields() {
  static const std::array rows{
      field<&OttlCondition::error_mode>("error_mode", "What an error in a condition does.", {.choices = "propagate|ignore|silent"}),
      field<&OttlCondition::span>("span", "Conditions on a span; one that holds is enough."),
      field<&OttlCondition::spanevent>("spanevent", "Conditions on a span event."),
  };
  return rows;
}

std::span<const FieldInfo> Dimension::fields() {
  static const std::array rows{
      field<&Dimension::name>("name", "Attribute of a span or its resource.", {.required = true}),
      field<&Dimension::default_value>("default", "Value where neither has it; without one it is left out."),
  };
  return rows;
}

std::span<const FieldInfo> Exemplars::fields() {
  static const std::array rows{
      field<&Exemplars::interval>("interval", "How often each point of the metrics needs a trace; the connector's metrics_flush_interval.", {.min = 1s}),
      field<&Exemplars::dimensions>("dimensions", "As the span metrics connector's."),
      field<&Exemplars::buckets>("buckets", "Ascending upper bounds; as the connector's histogram.explicit.buckets."),
      field<&Exemplars::max_cells>("max_cells", "Series and buckets remembered; beyond it a new one keeps no trace.", {.min = 1}),
  };
  return rows;
}

std::span<const FieldInfo> RateAllocation::fields() {
  static const std::array rows{
      field<&RateAllocation::policy>("policy", "Name of the sub-policy."),
      field<&RateAllocation::percent>("percent", "Its share of max_total_spans_per_second; 0 is an equal share."),
  };
  return rows;
}

std::span<const FieldInfo> And::fields() {
  static const std::array rows{field<&And::and_sub_policy>("and_sub_policy", "All of them must sample.")};
  return rows;
}

std::span<const FieldInfo> Drop::fields() {
  static const std::array rows{field<&Drop::drop_sub_policy>("drop_sub_policy", "When all of them sample, the trace is dropped.")};
  return rows;
}

Result<OnePolicy> OnePolicy::decode(const config::Value& value, config::Context& context) {
  OnePolicy out;
  config::decode(value, out.policy.emplace_back(), context);
  return out;
}

std::span<const FieldInfo> Not::fields() {
  static const std::array rows{field<&Not::not_sub_policy>("not_sub_policy", "Must not sample.")};
  return rows;
}

std::span<const FieldInfo> Composite::fields() {
  static const std::array rows{
      field<&Composite::max_total_spans_per_second>("max_total_spans_per_second", "Limit for each sub-policy's spans in a second."),
      field<&Composite::policy_order>("policy_order", "Names of sub-policies in the order in which they are tried; those it does not name come behind."),
      field<&Composite::composite_sub_policy>("composite_sub_policy", "The first that samples decides; tried in this order unless policy_order says otherwise."),
      field<&Composite::rate_allocation>("rate_allocation", "Shares of the limit; a sub-policy without one never samples."),
  };
  return rows;
}

std::span<const FieldInfo> Policy::fields() {
  static const std::array rows{
      field<&Policy::name>("name", "Unique; a label of metrics."),
      field<&Policy::type>("type", "Which of the blocks below counts."),
      field<&Policy::latency>("latency", "By duration."),
      field<&Policy::numeric_attribute>("numeric_attribute", "By an integer attribute."),
      field<&Policy::probabilistic>("probabilistic", "By chance."),
      field<&Policy::status_code>("status_code", "By the status of a span."),
      field<&Policy::string_attribute>("string_attribute", "By a text attribute."),
      field<&Policy::rate_limiting>("rate_limiting", "By spans a second."),
      field<&Policy::bytes_limiting>("bytes_limiting", "By bytes a second."),
      field<&Policy::span_count>("span_count", "By the number of spans."),
      field<&Policy::trace_state>("trace_state", "By the trace state of a span."),
      field<&Policy::boolean_attribute>("boolean_attribute", "By a boolean attribute."),
      field<&Policy::ottl_condition>("ottl_condition", "By OTTL conditions."),
      field<&Policy::and_policy>("and", "Several at once."),
      field<&Policy::not_policy>("not", "The opposite of one."),
      field<&Policy::drop>("drop", "Drops, whatever other policies say."),
      field<&Policy::composite>("composite", "Several, each with a share of a rate."),
      field<&Policy::exemplars>("exemplars", "A trace for each point of span metrics that would have none; asked last."),
  };
  return rows;
}

Result<Policy> Policy::decode(const config::Value& value, config::Context& context) {
  Policy out;
  config::decode_fields(value, out, context);
  if (auto type = policy_type(out.type); type && needs_block(*type)) {
    const config::Value* block = value.get(out.type);
    if (block == nullptr || block->is_null()) context.error(value, "policy \"{}\" of type {} needs its settings, under the key \"{}\"", out.name, out.type, out.type);
  }
  return out;
}

std::span<const FieldInfo> DecisionCache::fields() {
  static const std::array rows{
      field<&DecisionCache::sampled_cache_size>("sampled_cache_size", "Kept traces remembered for late spans; 0 is num_traces."),
      field<&DecisionCache::non_sampled_cache_size>("non_sampled_cache_size", "Dropped traces remembered for late spans; 0 is num_traces."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::decision_wait>("decision_wait", "How long a trace waits after its first span; less than 1s is 1s."),
      field<&Config::decision_wait_after_root_received>("decision_wait_after_root_received", "Decide this long after the root span; 0 is off."),
      field<&Config::decision_wait_idle>("decision_wait_idle", "Decide when no span came for this long, at the latest after decision_wait; 0 is off.", {.min = 0s}),
      field<&Config::num_traces>("num_traces", "Traces waiting at a time; past this the oldest is decided early.", {.min = 1}),
      field<&Config::expected_new_traces_per_sec>("expected_new_traces_per_sec", "Accepted; nothing is allocated in advance."),
      field<&Config::policies>("policies", "Each says sample or not; one that samples is enough, one that drops decides."),
      field<&Config::decision_cache>("decision_cache", "How many decisions are remembered for late spans."),
      field<&Config::block_on_overflow>("block_on_overflow", "Refuse spans of new traces at num_traces instead of deciding early."),
      field<&Config::sample_on_first_match>("sample_on_first_match", "Stop at the first policy that samples."),
      field<&Config::drop_pending_traces_on_shutdown>("drop_pending_traces_on_shutdown", "Drop waiting traces at shutdown instead of deciding them."),
      field<&Config::durable>("durable", "Keep what waits on disk where there is a data directory: spans are answered when they are written, and decided after a kill."),
      field<&Config::maximum_trace_size_bytes>("maximum_trace_size_bytes", "Larger traces are dropped whole; 0 is no limit."),
      field<&Config::early_decision_trace_bytes>("early_decision_trace_bytes", "A trace that holds more than this is decided at once, its later spans follow; 0 is no limit."),
      field<&Config::sampling_strategy>("sampling_strategy", "trace-complete waits for the trace; span-ingest keeps a trace as soon as a policy samples it."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  for (auto& fault : Policies::check(*this)) context.error_at(fault.path, fault.what);
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "tail_sampling",
          .summary = "Keeps or drops whole traces by policies.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::trace_id; },
          .durability = [](const void* config, const engine::StorageInfo& storage) {
            return static_cast<const Config*>(config)->durable && storage.data_directory ? engine::Durability::os : engine::Durability::memory;
          },
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::tail_sampling

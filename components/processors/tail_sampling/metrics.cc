#include "components/processors/tail_sampling/metrics.h"

#include "base/gates.h"

namespace weir::processors::tail_sampling {
namespace {

constexpr std::array<double, 17> age_bounds = {1, 2, 5, 10, 20, 30, 40, 50, 60, 90, 120, 180, 300, 600, 1800, 3600, 7200};
constexpr std::array<double, 23> latency_bounds = {1,   2,   5,   10,   25,   50,   75,   100,  150,   200,   300,  400,
                                                   500, 750, 1000, 2000, 3000, 4000, 5000, 10000, 20000, 30000, 50000};

}  // namespace

bool counts_bytes() { return gates::enabled("processor.tailsamplingprocessor.metricstatcountbytessampled"); }

Metrics::Metrics(const engine::StageContext& context, const std::vector<Policies::Named>& policies)
    : registry_(context.host.metrics()),
      id_(context.id.to_string()),
      new_traces(counter("new_trace_id_received", "Traces that came for the first time.", {})),
      too_large(counter("traces_dropped_too_large", "Traces dropped because they were over maximum_trace_size_bytes.", {})),
      cell_overflow(counter("exemplar_overflow", "Points of span metrics that the exemplars policy had no room for.", {})),
      in_memory(telemetry::OwnedGauge(registry_, "otelcol_processor_tail_sampling_sampling_traces_on_memory", "Traces waiting for their decision.", {{"processor", id_}})),
      bytes_in_memory(telemetry::OwnedGauge(registry_, "otelcol_processor_tail_sampling_sampling_bytes_on_memory", "Bytes of traces waiting for their decision.", {{"processor", id_}})),
      kept_(counter("global_count_traces_sampled", "Traces by decision.", {{"sampled", "true"}, {"decision", "sampled"}})),
      rejected_(counter("global_count_traces_sampled", "Traces by decision.", {{"sampled", "false"}, {"decision", "not_sampled"}})),
      dropped_(counter("global_count_traces_sampled", "Traces by decision.", {{"sampled", "false"}, {"decision", "dropped"}})),
      late_kept_(counter("early_releases_from_cache_decision", "Late spans by the decision on their trace.", {{"sampled", "true"}})),
      late_dropped_(counter("early_releases_from_cache_decision", "Late spans by the decision on their trace.", {{"sampled", "false"}})),
      errors_(counter("sampling_policy_evaluation_error", "Policies that could not say yes or no to a trace.", {})),
      late_age_(histogram("sampling_late_span_age", "Seconds from the decision to a late span.", age_bounds, {})),
      removal_age_(histogram("sampling_trace_removal_age", "Seconds from a trace's first span until it left memory.", age_bounds, {})),
      timer_latency_(histogram("sampling_decision_timer_latency", "Milliseconds that one round of decisions took.", latency_bounds, {})) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Early::count_)> reasons = {"num_traces", "trace_bytes", "memory"};
  for (std::size_t i = 0; i < reasons.size(); ++i)
    early_[i] = &counter("early_decisions", "Traces decided before their time, by the limit that was reached.", {{"reason", std::string(reasons[i])}});
  counter("sampling_trace_dropped_too_early", "Traces lost undecided: never, weir decides them early.", {});
  for (auto& policy : policies) {
    std::string label = context.id.name.empty() ? policy.name : context.id.name + "." + policy.name;
    policies_.push_back({answers(label, policy.drops ? "false" : "true", policy.drops ? "dropped" : "sampled"),
                         answers(label, "false", "not_sampled"),
                         counter("sampling_policy_execution_count", "Traces that the policy was asked about.", {{"policy", label}}),
                         counter("sampling_policy_execution_time_sum", "Microseconds spent in the policy, extrapolated from a part of the traces.", {{"policy", label}}),
                         histogram("sampling_decision_latency", "Microseconds that one vote took, of a part of the traces.", latency_bounds, {{"policy", label}}),
                         {}});
  }
}

telemetry::Counter& Metrics::counter(std::string_view name, std::string_view help, telemetry::Labels labels) {
  labels.emplace_back("processor", id_);
  return registry_.counter(fmt::format("otelcol_processor_tail_sampling_{}", name), help, std::move(labels));
}

telemetry::Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::span<const double> bounds, telemetry::Labels labels) {
  labels.emplace_back("processor", id_);
  return registry_.histogram(fmt::format("otelcol_processor_tail_sampling_{}", name), help, bounds, std::move(labels));
}

Metrics::Answers Metrics::answers(const std::string& policy, std::string_view sampled, std::string_view decision) {
  telemetry::Labels labels = {{"policy", policy}, {"sampled", std::string(sampled)}, {"decision", std::string(decision)}};
  Answers out{&counter("count_traces_sampled", "Traces by what a policy said.", labels)};
  if (gates::enabled("processor.tailsamplingprocessor.metricstatcountspanssampled"))
    out.spans = &counter("count_spans_sampled", "Spans by what a policy said of their trace.", labels);
  if (counts_bytes())
    out.bytes = &counter("count_bytes_sampled", "Bytes by what a policy said of their trace.", labels);
  return out;
}

void Metrics::add(const Answers& answers, const Facts& facts) {
  answers.traces->add();
  if (answers.spans) answers.spans->add(facts.spans);
  if (answers.bytes) answers.bytes->add(facts.bytes);
}

void Metrics::decided(const Policies::Verdict& verdict, const Facts& facts) {
  for (std::size_t i = 0; i < verdict.asked; ++i) {
    policies_[i].executions.add();
    if (verdict.failed[i])
      errors_.add();
    else
      add(verdict.yes[i] ? policies_[i].yes : policies_[i].no, facts);
  }
  if (verdict.decision != Decision::pending) decided_without_policies(verdict.decision);
}

void Metrics::policy_took(std::size_t policy, Duration each, std::uint64_t times) {
  OfPolicy& of = policies_[policy];
  of.latency.observe(std::chrono::duration<double, std::micro>(each).count(), times);
  of.time_left += each * static_cast<std::int64_t>(times);
  auto whole = std::chrono::floor<std::chrono::microseconds>(of.time_left);
  of.execution_time.add(static_cast<std::uint64_t>(whole.count()));
  of.time_left -= whole;
}

}  // namespace weir::processors::tail_sampling

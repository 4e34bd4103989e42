#pragma once
// The processor's own metrics on one core, under the collector's names.
#include "components/processors/tail_sampling/policies.h"
#include "telemetry/owned.h"

namespace weir::processors::tail_sampling {

// Why a trace was decided before its time.
enum class Early : std::uint8_t { traces, trace_bytes, memory, count_ };

// Whether Facts::bytes are counted.
bool counts_bytes();

class Metrics {
  telemetry::Registry& registry_;
  std::string id_;

 public:
  Metrics(const engine::StageContext& context, const std::vector<Policies::Named>& policies);

  void decided(const Policies::Verdict& verdict, const Facts& facts);
  void decided_without_policies(Decision decision) { (decision == Decision::sampled ? kept_ : decision == Decision::dropped ? dropped_ : rejected_).add(); }
  void policy_took(std::size_t policy, Duration each, std::uint64_t times);
  void early(Early why) { early_[static_cast<std::size_t>(why)]->add(); }
  void late(bool kept, Duration age) {
    (kept ? late_kept_ : late_dropped_).add();
    late_age_.observe(std::chrono::duration<double>(age).count());
  }
  void removed(Duration age) { removal_age_.observe(std::chrono::duration<double>(age).count()); }
  void timer_took(Duration d) { timer_latency_.observe(std::chrono::duration<double, std::milli>(d).count()); }

  telemetry::Counter &new_traces, &too_large, &cell_overflow;
  telemetry::OwnedGauge in_memory, bytes_in_memory;

 private:
  struct Answers {
    telemetry::Counter *traces, *spans = nullptr, *bytes = nullptr;  // the latter two behind feature gates
  };
  struct OfPolicy {
    Answers yes, no;
    telemetry::Counter &executions, &execution_time;
    telemetry::Histogram& latency;
    Duration time_left;  // not yet a whole microsecond
  };
  telemetry::Counter& counter(std::string_view name, std::string_view help, telemetry::Labels labels);
  telemetry::Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds, telemetry::Labels labels);
  Answers answers(const std::string& policy, std::string_view sampled, std::string_view decision);
  static void add(const Answers& answers, const Facts& facts);

  telemetry::Counter &kept_, &rejected_, &dropped_, &late_kept_, &late_dropped_, &errors_;
  std::array<telemetry::Counter*, static_cast<std::size_t>(Early::count_)> early_;
  telemetry::Histogram &late_age_, &removal_age_, &timer_latency_;
  std::vector<OfPolicy> policies_;
};

}  // namespace weir::processors::tail_sampling

#pragma once
// All policies of one processor on one core.
#include "components/processors/tail_sampling/conditions.h"
#include "components/processors/tail_sampling/evaluators.h"
#include "components/processors/tail_sampling/exemplars.h"
#include "engine/component.h"

namespace weir::processors::tail_sampling {

enum class Decision : std::uint8_t { pending, not_sampled, sampled, dropped };

class Policies {
 public:
  // Errc::config for settings that make no sense. `host` and `id` are for state that all cores share.
  static Result<std::unique_ptr<Policies>> compile(const Config& config, engine::Host& host, const Clock& clock, Rng& rng, std::string_view id);
  // Only the check: all that is wrong, and where, as a path below the settings.
  struct Fault {
    std::string path, what;
  };
  static std::vector<Fault> check(const Config& config);

  // Which policies were asked, by position, and what they said.
  struct Verdict {
    Decision decision = Decision::not_sampled;
    std::bitset<max_conditions> yes, failed;
    std::size_t asked = 0;
    std::size_t sampled_by = SIZE_MAX;  // the first that said yes
  };
  // `timed` is called with a policy's position right before it is asked.
  using Timed = std::function<void(std::size_t)>;
  Verdict decide(const Facts& facts, const Moment& moment, const Timed* timed = nullptr);
  // While spans are still coming, from what only the newest of them told: `pending` unless it is final.
  Verdict decide_on_ingest(const Facts& facts, const Moment& moment);

  ConditionSet& conditions() { return *conditions_; }
  // Null when there is no such policy.
  ExemplarPolicy* exemplars() { return exemplars_.get(); }
  // Whether a policy asks for Facts::bytes_framed.
  bool needs_sizes() const { return needs_sizes_; }

  struct Named {
    std::string name;
    EvaluatorPtr evaluator;  // null: `exemplars`, the last one
    bool drops = false;
  };
  // In the order in which decide() asks: those that drop come first, `exemplars` last.
  const std::vector<Named>& list() const { return policies_; }

 private:
  friend class Compiler;
  Policies() = default;
  void ask_exemplars(const Facts& facts, const Moment& moment, const Timed* timed, Verdict& out);
  bool first_match_ = false, needs_sizes_ = false;
  std::unique_ptr<ConditionSet> conditions_;
  std::vector<Named> policies_;
  std::unique_ptr<ExemplarPolicy> exemplars_;
};

}  // namespace weir::processors::tail_sampling

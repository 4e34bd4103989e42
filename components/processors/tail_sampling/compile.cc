// Turns settings into conditions and evaluators.
#include <set>

#include "components/processors/tail_sampling/policies.h"

namespace weir::processors::tail_sampling {
namespace {

// Where a policy stands decides which types it may have, as in the collector.
enum class Level : std::uint8_t { top, in_and, in_not, in_composite };

bool allowed(PolicyType type, Level level) {
  switch (type) {
    case PolicyType::composite:
    case PolicyType::exemplars:
    case PolicyType::drop: return level == Level::top;
    case PolicyType::and_: return level == Level::top || level == Level::in_composite;
    case PolicyType::not_: return level == Level::top || level == Level::in_and;
    default: return true;
  }
}

}  // namespace

class Compiler {
 public:
  Compiler(engine::Host* host, Rng& rng, std::string_view id) : host_(host), id_(id), out_(new Policies) {
    out_->conditions_ = std::make_unique<ConditionSet>(rng);
  }

  Result<std::unique_ptr<Policies>> run(const Config& config) {
    WEIR_TRY(check_names(config));
    out_->first_match_ = config.sample_on_first_match;
    for (bool drops : {true, false})
      for (auto& policy : config.policies) {
        if ((policy.type == "drop") != drops) continue;
        path_ = policy.name;
        if (policy.type == "exemplars") {
          WEIR_TRY(exemplars(policy, config));
          continue;
        }
        auto evaluator = compile(policy, Level::top);
        if (!evaluator) return fail(Errc::config, "policy \"{}\": {}", policy.name, evaluator.error().what);
        if (config.sampling_strategy == Strategy::span_ingest && (*evaluator)->stateful())
          return fail(Errc::config, "policy \"{}\": is stateful, and sampling_strategy span-ingest needs policies that are not", policy.name);
        out_->policies_.push_back({policy.name, std::move(*evaluator), drops});
      }
    if (out_->exemplars_) out_->policies_.push_back({exemplars_name_, nullptr});
    if (conditions().size() > max_conditions || out_->policies_.size() > max_conditions)
      return fail(Errc::config, "more than {} policies", max_conditions);
    return std::move(out_);
  }

 private:
  using Made = Result<EvaluatorPtr>;

  static Result<> check_names(const Config& config) {
    std::set<std::string_view> names;
    for (auto& policy : config.policies) {
      if (policy.name.empty()) return fail(Errc::config, "policy name cannot be empty");
      if (!names.insert(policy.name).second) return fail(Errc::config, "duplicate policy name \"{}\"", policy.name);
    }
    return {};
  }

  ConditionSet& conditions() { return *out_->conditions_; }

  Made compile(const Policy& p, Level level) {
    auto type = policy_type(p.type);
    if (!type || !allowed(*type, level)) return fail(Errc::config, "unknown sampling policy type \"{}\"", p.type);
    switch (*type) {
      case PolicyType::always_sample: return always();
      case PolicyType::latency: return seen(conditions().add(takes_time(p.latency)), true, p.latency.upper_threshold_ms > 0);
      case PolicyType::numeric_attribute: return numeric(p.numeric_attribute);
      case PolicyType::boolean_attribute:
        return seen(conditions().add(p.boolean_attribute.key, boolean_is(p.boolean_attribute)), !p.boolean_attribute.invert_match);
      case PolicyType::string_attribute: return text(p.string_attribute);
      case PolicyType::status_code: return status(p.status_code);
      case PolicyType::trace_state: return seen(conditions().add(has_trace_state(p.trace_state)), true);
      case PolicyType::trace_flags: return seen(conditions().add(is_flagged_sampled()), true);
      case PolicyType::ottl_condition: return ottl(p.ottl_condition);
      case PolicyType::probabilistic: return by_chance(p.probabilistic);
      case PolicyType::span_count: return by_span_count(p.span_count);
      case PolicyType::rate_limiting: return by_rate(p.rate_limiting, rate(p.name));
      case PolicyType::bytes_limiting: out_->needs_sizes_ = true; return by_bytes(p.bytes_limiting, rate(p.name));
      case PolicyType::and_: return all(p.and_policy.and_sub_policy);
      case PolicyType::drop: return all(p.drop.drop_sub_policy);
      case PolicyType::not_: return inverse(p.not_policy);
      case PolicyType::composite: return composite(p.composite);
      case PolicyType::exemplars: break;  // see run()
    }
    return fail(Errc::internal, "unknown policy type");
  }

  Result<> exemplars(const Policy& p, const Config& config) {
    if (out_->exemplars_) return fail(Errc::config, "policy \"{}\": there is one of type exemplars already", p.name);
    if (config.sampling_strategy == Strategy::span_ingest) return fail(Errc::config, "policy \"{}\": exemplars does not go with sampling_strategy span-ingest", p.name);
    if (!std::is_sorted(p.exemplars.buckets.begin(), p.exemplars.buckets.end())) return fail(Errc::config, "policy \"{}\": buckets must ascend", p.name);
    auto table = host_ ? engine::shared_state<CellTable>(*host_, fmt::format("tail_sampling {} {} cells", id_, p.name)) : std::make_shared<CellTable>();
    out_->exemplars_ = std::make_unique<ExemplarPolicy>(p.exemplars, conditions().scanner(), std::move(table));
    exemplars_name_ = p.name;
    return {};
  }

  Made numeric(const NumericAttribute& c) {
    // The collector starts and dies at the first trace.
    if (c.min_value == 0 && c.max_value == 0) return fail(Errc::config, "at least one of min_value and max_value must be set");
    return seen(conditions().add(c.key, integer_in(c)), !c.invert_match);
  }

  Made text(const StringAttribute& c) {
    WEIR_ASSIGN(auto test, text_is(c));
    return seen(conditions().add(c.key, std::move(test)), !c.invert_match);
  }

  Made status(const StatusCode& c) {
    WEIR_ASSIGN(auto test, has_status(c));
    return seen(conditions().add(std::move(test)), true);
  }

  Made ottl(const OttlCondition& c) {
    WEIR_ASSIGN(auto test, OttlTest::make(c));
    return seen_or_failed(conditions().add(std::move(test)));
  }

  Made all(const std::vector<Policy>& policies) {
    std::vector<EvaluatorPtr> parts;
    for (auto& policy : policies) {
      WEIR_ASSIGN(auto part, compile(policy, Level::in_and));
      parts.push_back(std::move(part));
    }
    return all_of(std::move(parts));
  }

  Made inverse(const Not& c) {
    if (c.not_sub_policy.policy.empty()) return fail(Errc::config, "not_sub_policy is missing");
    WEIR_ASSIGN(auto part, compile(c.not_sub_policy.policy.front(), Level::in_not));
    return opposite(std::move(part));
  }

  Made composite(const Composite& c) {
    std::vector<RatedPart> parts;
    for (auto& policy : c.composite_sub_policy) {
      WEIR_ASSIGN(auto part, compile(policy, Level::in_composite));
      parts.push_back({std::move(part), allowance(c, policy.name), rate(policy.name)});
    }
    return first_within_rate(std::move(parts), c.max_total_spans_per_second);
  }

  // 0 without an entry: such a part never samples.
  static std::int64_t allowance(const Composite& c, std::string_view name) {
    double allowed = 0, total = static_cast<double>(c.max_total_spans_per_second);
    for (auto& share : c.rate_allocation)
      if (share.policy == name)
        allowed = share.percent > 0 ? static_cast<double>(share.percent) / 100 * total : total / static_cast<double>(c.composite_sub_policy.size());
    return static_cast<std::int64_t>(allowed);
  }

  SharedRate rate(std::string_view name) {
    if (host_ == nullptr) return std::make_shared<Rate>();
    return engine::shared_state<Rate>(*host_, fmt::format("tail_sampling {} {} {} {}", id_, path_, name, rates_++));
  }

  engine::Host* host_;
  std::string id_, path_, exemplars_name_;
  std::size_t rates_ = 0;
  std::unique_ptr<Policies> out_;
};

Result<std::unique_ptr<Policies>> Policies::compile(const Config& config, engine::Host& host, Rng& rng, std::string_view id) {
  return Compiler(&host, rng, id).run(config);
}

Result<> Policies::check(const Config& config) {
  Rng rng(0);
  WEIR_TRY(Compiler(nullptr, rng, {}).run(config));
  return {};
}

}  // namespace weir::processors::tail_sampling

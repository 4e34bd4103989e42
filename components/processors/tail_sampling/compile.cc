// Turns settings into conditions and evaluators.
#include <set>

#include "components/processors/tail_sampling/policies.h"
#include "components/shared/histograms/bounds.h"

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
  Compiler(engine::Host* host, const Clock& clock, Rng& rng, std::string_view id) : host_(host), id_(id), out_(new Policies) {
    out_->conditions_ = std::make_unique<ConditionSet>(clock, rng);
  }

  // Null after faults.
  std::unique_ptr<Policies> run(const Config& config) {
    check_names(config);
    out_->first_match_ = config.sample_on_first_match;
    for (bool drops : {true, false})
      for (std::size_t i = 0; i < config.policies.size(); ++i)
        if (auto& policy = config.policies[i]; (policy.type == "drop") == drops) add(policy, fmt::format("policies::{}", i), config);
    if (out_->exemplars_) out_->policies_.push_back({exemplars_name_, nullptr});
    if (conditions().size() > max_conditions || out_->policies_.size() > max_conditions) report("policies", fmt::format("more than {} policies", max_conditions));
    return faults_.empty() ? std::move(out_) : nullptr;
  }

  const std::vector<Policies::Fault>& faults() const { return faults_; }

 private:
  using Made = Result<EvaluatorPtr>;

  void report(std::string path, std::string what) { faults_.push_back({std::move(path), std::move(what)}); }

  void add(const Policy& policy, const std::string& path, const Config& config) {
    path_ = policy.name;
    if (policy.type == "exemplars") {
      if (auto made = exemplars(policy, config); !made) report(path, made.error().what);
      return;
    }
    auto evaluator = compile(policy, Level::top, path);
    if (!evaluator) return;
    if (config.sampling_strategy == Strategy::span_ingest && evaluator->stateful())
      report(path, fmt::format("policy \"{}\": is stateful, and sampling_strategy span-ingest needs policies that are not", policy.name));
    out_->policies_.push_back({policy.name, std::move(evaluator), policy.type == "drop"});
  }

  void check_names(const Config& config) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < config.policies.size(); ++i) {
      const std::string& name = config.policies[i].name;
      if (name.empty()) report(fmt::format("policies::{}", i), "policy name cannot be empty");
      else if (!names.insert(name).second) report(fmt::format("policies::{}", i), fmt::format("duplicate policy name \"{}\"", name));
    }
  }

  ConditionSet& conditions() { return *out_->conditions_; }

  // Null after a fault, which is reported.
  EvaluatorPtr compile(const Policy& p, Level level, const std::string& path) {
    auto made = make(p, level, path);
    if (made) return std::move(*made);
    // Without words: parts of it are reported.
    if (!made.error().what.empty()) report(fmt::format("{}::{}", path, policy_type(p.type) ? p.type : "type"), fmt::format("policy \"{}\": {}", p.name, made.error().what));
    return nullptr;
  }

  Made make(const Policy& p, Level level, const std::string& path) {
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
      case PolicyType::ottl_condition: return ottl(p.ottl_condition, path + "::ottl_condition");
      case PolicyType::probabilistic: return by_chance(p.probabilistic);
      case PolicyType::span_count: return by_span_count(p.span_count);
      case PolicyType::rate_limiting: return by_rate(p.rate_limiting, rate(p.name));
      case PolicyType::bytes_limiting: out_->needs_sizes_ = true; return by_bytes(p.bytes_limiting, rate(p.name));
      case PolicyType::and_: return all(p.and_policy.and_sub_policy, path + "::and::and_sub_policy");
      case PolicyType::drop: return all(p.drop.drop_sub_policy, path + "::drop::drop_sub_policy");
      case PolicyType::not_: return inverse(p.not_policy, path + "::not::not_sub_policy");
      case PolicyType::composite: return composite(p.composite, path + "::composite");
      case PolicyType::exemplars: break;  // see run()
    }
    return fail(Errc::internal, "unknown policy type");
  }

  Result<> exemplars(const Policy& p, const Config& config) {
    if (out_->exemplars_) return fail(Errc::config, "policy \"{}\": there is one of type exemplars already", p.name);
    if (config.sampling_strategy == Strategy::span_ingest) return fail(Errc::config, "policy \"{}\": exemplars does not go with sampling_strategy span-ingest", p.name);
    if (auto wrong = histograms::wrong_bound(p.exemplars.buckets)) return fail(Errc::config, "policy \"{}\": buckets: {}", p.name, *wrong);
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

  // Reports each condition that does not compile; true when there is one.
  bool report_conditions(ottl::ContextId what, const std::vector<std::string>& all, const std::string& path) {
    bool any = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto compiled = ottl::Conditions::compile(what, std::span(&all[i], 1), {.caller = ottl::Callers::filter});
      if (compiled) continue;
      report(fmt::format("{}::{}", path, i), compiled.error().what);
      any = true;
    }
    return any;
  }

  Made ottl(const OttlCondition& c, const std::string& path) {
    bool spans = report_conditions(ottl::ContextId::span, c.span, path + "::span");
    if (report_conditions(ottl::ContextId::spanevent, c.spanevent, path + "::spanevent") || spans) return fail(Errc::config, "");
    WEIR_ASSIGN(auto test, OttlTest::make(c));
    return seen_or_failed(conditions().add(std::move(test)));
  }

  Made all(const std::vector<Policy>& policies, const std::string& path) {
    std::vector<EvaluatorPtr> parts;
    for (std::size_t i = 0; i < policies.size(); ++i) parts.push_back(compile(policies[i], Level::in_and, fmt::format("{}::{}", path, i)));
    if (std::find(parts.begin(), parts.end(), nullptr) != parts.end()) return fail(Errc::config, "");
    return all_of(std::move(parts));
  }

  Made inverse(const Not& c, const std::string& path) {
    if (c.not_sub_policy.policy.empty()) return fail(Errc::config, "not_sub_policy is missing");
    auto part = compile(c.not_sub_policy.policy.front(), Level::in_not, path);
    if (!part) return fail(Errc::config, "");
    return opposite(std::move(part));
  }

  // The places of the sub-policies, those that policy_order names first, in its order.
  std::vector<std::size_t> order_of(const Composite& c, const std::string& path) {
    std::vector<std::size_t> order;
    auto known = [&](std::size_t place) { return std::find(order.begin(), order.end(), place) != order.end(); };
    for (std::size_t i = 0; i < c.policy_order.size(); ++i) {
      auto at = std::find_if(c.composite_sub_policy.begin(), c.composite_sub_policy.end(), [&](auto& p) { return p.name == c.policy_order[i]; });
      auto place = static_cast<std::size_t>(at - c.composite_sub_policy.begin());
      std::string here = fmt::format("{}::policy_order::{}", path, i);
      if (at == c.composite_sub_policy.end()) report(here, fmt::format("no sub-policy has the name \"{}\"", c.policy_order[i]));
      else if (known(place)) report(here, fmt::format("\"{}\" is named twice", c.policy_order[i]));
      else order.push_back(place);
    }
    for (std::size_t place = 0; place < c.composite_sub_policy.size(); ++place)
      if (!known(place)) order.push_back(place);
    return order;
  }

  Made composite(const Composite& c, const std::string& path) {
    std::vector<RatedPart> parts;
    bool whole = true;
    for (std::size_t place : order_of(c, path)) {
      auto& policy = c.composite_sub_policy[place];
      auto part = compile(policy, Level::in_composite, fmt::format("{}::composite_sub_policy::{}", path, place));
      whole = whole && part;
      parts.push_back({std::move(part), allowance(c, policy.name), rate(policy.name)});
    }
    if (!whole) return fail(Errc::config, "");
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
  std::vector<Policies::Fault> faults_;
};

Result<std::unique_ptr<Policies>> Policies::compile(const Config& config, engine::Host& host, const Clock& clock, Rng& rng, std::string_view id) {
  Compiler compiler(&host, clock, rng, id);
  auto made = compiler.run(config);
  if (!made) return fail(Errc::config, "{}: {}", compiler.faults().front().path, compiler.faults().front().what);
  return made;
}

std::vector<Policies::Fault> Policies::check(const Config& config) {
  Rng rng(0);
  ManualClock clock;
  Compiler compiler(nullptr, clock, rng, {});
  compiler.run(config);
  return compiler.faults();
}

}  // namespace weir::processors::tail_sampling

#include "components/processors/tail_sampling/policies.h"

#include <re2/re2.h>

#include "base/text.h"

namespace weir::processors::tail_sampling {

using otlp::Value;
using otlp::ValueType;

// Something that can hold for a resource or a span. Its number is its place in Facts::seen.
class Condition {
 public:
  virtual ~Condition() = default;
  virtual bool holds(const otlp::Resource&) { return false; }
  virtual bool holds(const otlp::Span& span, const Facts& facts) = 0;
};

namespace {

constexpr std::string_view default_salt = "default-hash-seed";

class AttributeCondition : public Condition {
 public:
  explicit AttributeCondition(std::string key) : key_(std::move(key)) {}
  bool holds(const otlp::Resource& resource) override { return holds_in(resource.attributes); }
  bool holds(const otlp::Span& span, const Facts&) override { return holds_in(span.attributes); }

 private:
  bool holds_in(const otlp::Attributes& attributes) {
    const Value* value = attributes.find(key_);
    return value != nullptr && matches(*value);
  }
  virtual bool matches(const Value& value) = 0;
  std::string key_;
};

// Values of other types read as 0, as in the collector.
class IntegerIn : public AttributeCondition {
 public:
  explicit IntegerIn(const NumericAttribute& c) : AttributeCondition(c.key), min_(c.min_value), max_(c.max_value) {}

 private:
  bool matches(const Value& value) override {
    std::int64_t v = value.is(ValueType::integer) ? value.integer : 0;
    return (min_ == 0 || v >= min_) && (max_ == 0 || v <= max_);
  }
  std::int64_t min_, max_;
};

// Values of other types read as false, as in the collector.
class BooleanIs : public AttributeCondition {
 public:
  explicit BooleanIs(const BooleanAttribute& c) : AttributeCondition(c.key), value_(c.value) {}

 private:
  bool matches(const Value& value) override { return (value.is(ValueType::boolean) && value.boolean) == value_; }
  bool value_;
};

class TextIs : public AttributeCondition {
 public:
  explicit TextIs(const StringAttribute& c) : AttributeCondition(c.key), values_(c.values) {}

 private:
  bool matches(const Value& value) override {
    return value.is(ValueType::string) && !value.text.empty() && std::find(values_.begin(), values_.end(), value.text) != values_.end();
  }
  std::vector<std::string> values_;
};

class TextMatches : public AttributeCondition {
 public:
  TextMatches(std::string key, std::vector<std::unique_ptr<re2::RE2>> patterns) : AttributeCondition(std::move(key)), patterns_(std::move(patterns)) {}

 private:
  bool matches(const Value& value) override {
    if (!value.is(ValueType::string) || value.text.empty()) return false;
    re2::StringPiece text(value.text.data(), value.text.size());
    return std::any_of(patterns_.begin(), patterns_.end(), [&](auto& p) { return re2::RE2::PartialMatch(text, *p); });
  }
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

class HasStatus : public Condition {
 public:
  explicit HasStatus(std::vector<std::int32_t> codes) : codes_(std::move(codes)) {}
  bool holds(const otlp::Span& span, const Facts&) override { return std::find(codes_.begin(), codes_.end(), span.status_code) != codes_.end(); }

 private:
  std::vector<std::int32_t> codes_;
};

// The trace's duration so far is looked at after each span, in the order of arrival, as the collector does: with an upper
// bound a trace matches when a beginning of it did.
class TakesTime : public Condition {
 public:
  explicit TakesTime(const Latency& c) : threshold_(c.threshold_ms), upper_(c.upper_threshold_ms) {}
  bool holds(const otlp::Span&, const Facts& facts) override {
    std::int64_t ms = facts.last_end > facts.first_start ? static_cast<std::int64_t>((facts.last_end - facts.first_start) / 1'000'000) : 0;
    return ms > threshold_ && (upper_ == 0 || ms <= upper_);
  }

 private:
  std::int64_t threshold_, upper_;
};

class HasTraceState : public Condition {
 public:
  explicit HasTraceState(const TraceState& c) : key_(c.key), values_(c.values) {}
  bool holds(const otlp::Span& span, const Facts&) override {
    if (span.trace_state.empty()) return false;
    for (std::string_view entry : split(span.trace_state, ',')) {
      entry = trim(entry);
      auto equals = entry.find('=');
      if (equals == entry.npos || entry.substr(0, equals) != key_) continue;
      if (std::find(values_.begin(), values_.end(), entry.substr(equals + 1)) != values_.end()) return true;
    }
    return false;
  }

 private:
  std::string key_;
  std::vector<std::string> values_;
};

// ---- evaluators

class Always : public Evaluator {
 public:
  bool sample(const Facts&, UnixNanos) override { return true; }
};

class Seen : public Evaluator {
 public:
  Seen(std::size_t condition, bool wanted) : condition_(condition), wanted_(wanted) {}
  bool sample(const Facts& facts, UnixNanos) override { return facts.seen[condition_] == wanted_; }

 private:
  std::size_t condition_;
  bool wanted_;
};

class ByChance : public Evaluator {
 public:
  explicit ByChance(const Probabilistic& c) : salt_(c.hash_salt.empty() ? default_salt : std::string_view(c.hash_salt)) {
    // 64 bits of mantissa, as the collector's big.Float of a 64-bit integer has.
    long double ratio = static_cast<long double>(c.sampling_percentage / 100);
    all_ = c.sampling_percentage >= 100;
    none_ = c.sampling_percentage <= 0;
    if (!all_ && !none_) threshold_ = static_cast<std::uint64_t>(static_cast<long double>(std::numeric_limits<std::uint64_t>::max()) * ratio);
  }
  bool sample(const Facts& facts, UnixNanos) override { return all_ || (!none_ && trace_hash(salt_, facts.id) <= threshold_); }

 private:
  std::string salt_;
  std::uint64_t threshold_ = 0;
  bool all_, none_;
};

class BySpanCount : public Evaluator {
 public:
  explicit BySpanCount(const SpanCount& c) : min_(c.min_spans), max_(c.max_spans) {}
  bool sample(const Facts& facts, UnixNanos) override {
    auto n = static_cast<std::int64_t>(facts.spans);
    return n >= min_ && (max_ == 0 || n <= max_);
  }

 private:
  std::int64_t min_, max_;
};

bool take_tokens(Rate& rate, double per_second, double capacity, double wanted, UnixNanos now) {
  std::lock_guard lock(rate.mutex);
  if (rate.tokens < 0) {
    rate.tokens = capacity;
    rate.filled = now;
  }
  if (now > rate.filled) {
    rate.tokens = std::min(capacity, rate.tokens + per_second * static_cast<double>(now - rate.filled) / 1e9);
    rate.filled = now;
  }
  if (wanted > rate.tokens) return false;
  rate.tokens -= wanted;
  return true;
}

// Whole wall-clock seconds; the limit itself is not reached (strictly less), or with a burst capacity a token bucket.
class ByRate : public Evaluator {
 public:
  ByRate(const RateLimiting& c, std::shared_ptr<Rate> rate) : limit_(c.spans_per_second), burst_(c.burst_capacity), rate_(std::move(rate)) {}
  bool sample(const Facts& facts, UnixNanos now) override {
    auto spans = static_cast<std::int64_t>(facts.spans);
    if (burst_ > 0) return take_tokens(*rate_, static_cast<double>(limit_), static_cast<double>(burst_), static_cast<double>(spans), now);
    std::lock_guard lock(rate_->mutex);
    auto second = static_cast<std::int64_t>(now / 1'000'000'000);
    if (rate_->second != second) rate_->second = second, rate_->used = 0;
    if (rate_->used + spans >= limit_) return false;
    rate_->used += spans;
    return true;
  }

 private:
  std::int64_t limit_, burst_;
  std::shared_ptr<Rate> rate_;  // shared by all cores
};

class ByBytes : public Evaluator {
 public:
  ByBytes(const BytesLimiting& c, std::shared_ptr<Rate> rate)
      : per_second_(static_cast<double>(c.bytes_per_second)),
        capacity_(c.burst_capacity > 0 ? static_cast<double>(c.burst_capacity) : 2 * per_second_),
        rate_(std::move(rate)) {}
  bool sample(const Facts& facts, UnixNanos now) override { return take_tokens(*rate_, per_second_, capacity_, static_cast<double>(facts.bytes), now); }

 private:
  double per_second_, capacity_;
  std::shared_ptr<Rate> rate_;  // shared by all cores
};

class All : public Evaluator {
 public:
  explicit All(std::vector<std::unique_ptr<Evaluator>> parts) : parts_(std::move(parts)) {}
  bool sample(const Facts& facts, UnixNanos now) override {
    return std::all_of(parts_.begin(), parts_.end(), [&](auto& part) { return part->sample(facts, now); });
  }

 private:
  std::vector<std::unique_ptr<Evaluator>> parts_;
};

class Opposite : public Evaluator {
 public:
  explicit Opposite(std::unique_ptr<Evaluator> part) : part_(std::move(part)) {}
  bool sample(const Facts& facts, UnixNanos now) override { return !part_->sample(facts, now); }

 private:
  std::unique_ptr<Evaluator> part_;
};

// The first sub-policy that samples decides: yes while its share of the running second lasts, otherwise no.
class FirstWithinRate : public Evaluator {
 public:
  struct Part {
    std::unique_ptr<Evaluator> evaluator;
    std::int64_t allowed = 0;
    std::shared_ptr<Rate> rate;  // shared by all cores
  };
  FirstWithinRate(std::vector<Part> parts, std::int64_t total) : parts_(std::move(parts)), total_(total) {}

  bool sample(const Facts& facts, UnixNanos now) override {
    for (Part& part : parts_)
      if (part.evaluator->sample(facts, now)) return take(part, static_cast<std::int64_t>(facts.spans), now);
    return false;
  }

 private:
  bool take(Part& part, std::int64_t spans, UnixNanos now) {
    std::lock_guard lock(part.rate->mutex);
    auto second = static_cast<std::int64_t>(now / 1'000'000'000);
    if (part.rate->second != second) part.rate->second = second, part.rate->used = 0;
    std::int64_t then = part.rate->used + spans;
    if (then > part.allowed || then > total_) return false;
    part.rate->used = then;
    return true;
  }
  std::vector<Part> parts_;
  std::int64_t total_;
};

}  // namespace

// Turns settings into conditions and evaluators.
class Compiler {
 public:
  Compiler(engine::Host* host, std::string_view id) : host_(host), id_(id), out_(new Policies) {}

  Result<std::unique_ptr<Policies>> run(const std::vector<Policy>& policies) {
    for (bool drops : {true, false})
      for (auto& policy : policies) {
        if ((policy.type == "drop") != drops) continue;
        path_ = policy.name;
        WEIR_ASSIGN(auto evaluator, compile(policy));
        out_->evaluators_.push_back(std::move(evaluator));
        out_->drops_.push_back(drops);
        out_->names_.push_back(policy.name);
      }
    if (out_->conditions_.size() > max_conditions || out_->evaluators_.size() > max_conditions)
      return fail(Errc::config, "more than {} policies", max_conditions);
    return std::move(out_);
  }

 private:
  using Made = Result<std::unique_ptr<Evaluator>>;

  Made compile(const Policy& p) {
    auto type = policy_type(p.type);
    if (!type) return fail(Errc::config, "unknown sampling policy type \"{}\"", p.type);
    switch (*type) {
      case PolicyType::always_sample: return std::make_unique<Always>();
      case PolicyType::latency: return seen(std::make_unique<TakesTime>(p.latency));
      case PolicyType::numeric_attribute: return seen(std::make_unique<IntegerIn>(p.numeric_attribute), p.numeric_attribute.invert_match);
      case PolicyType::boolean_attribute: return seen(std::make_unique<BooleanIs>(p.boolean_attribute), p.boolean_attribute.invert_match);
      case PolicyType::string_attribute: return text(p.string_attribute);
      case PolicyType::status_code: return status(p.status_code);
      case PolicyType::trace_state: return seen(std::make_unique<HasTraceState>(p.trace_state));
      case PolicyType::probabilistic: return std::make_unique<ByChance>(p.probabilistic);
      case PolicyType::span_count: return std::make_unique<BySpanCount>(p.span_count);
      case PolicyType::rate_limiting: return std::make_unique<ByRate>(p.rate_limiting, rate(p.name));
      case PolicyType::bytes_limiting: return std::make_unique<ByBytes>(p.bytes_limiting, rate(p.name));
      case PolicyType::ottl_condition: return fail(Errc::config, "policy \"{}\": ottl_condition is not available in this build", p.name);
      case PolicyType::and_: return all(p.and_policy.and_sub_policy);
      case PolicyType::drop: return all(p.drop.drop_sub_policy);
      case PolicyType::not_: {
        if (p.not_policy.not_sub_policy.policy.empty()) return fail(Errc::config, "policy \"{}\": not_sub_policy is missing", p.name);
        WEIR_ASSIGN(auto part, compile(p.not_policy.not_sub_policy.policy.front()));
        return std::make_unique<Opposite>(std::move(part));
      }
      case PolicyType::composite: return composite(p);
    }
    return fail(Errc::internal, "unknown policy type");
  }

  Made seen(std::unique_ptr<Condition> condition, bool invert = false) {
    out_->conditions_.push_back(std::move(condition));
    return std::make_unique<Seen>(out_->conditions_.size() - 1, !invert);
  }

  Made text(const StringAttribute& c) {
    if (!c.enabled_regex_matching) return seen(std::make_unique<TextIs>(c), c.invert_match);
    std::vector<std::unique_ptr<re2::RE2>> patterns;
    for (auto& value : c.values) {
      patterns.push_back(std::make_unique<re2::RE2>(value, re2::RE2::Quiet));
      if (!patterns.back()->ok()) return fail(Errc::config, "policy \"{}\": \"{}\": {}", path_, value, patterns.back()->error());
    }
    return seen(std::make_unique<TextMatches>(c.key, std::move(patterns)), c.invert_match);
  }

  Made status(const StatusCode& c) {
    if (c.status_codes.empty()) return fail(Errc::config, "policy \"{}\": expected at least one status code to filter on", path_);
    std::vector<std::int32_t> codes;
    for (auto& name : c.status_codes) {
      if (name == "OK") codes.push_back(otlp::Span::ok);
      else if (name == "ERROR") codes.push_back(otlp::Span::error);
      else if (name == "UNSET") codes.push_back(otlp::Span::unset);
      else return fail(Errc::config, "policy \"{}\": unknown status code \"{}\", supported: OK, ERROR, UNSET", path_, name);
    }
    return seen(std::make_unique<HasStatus>(std::move(codes)));
  }

  Made all(const std::vector<Policy>& policies) {
    std::vector<std::unique_ptr<Evaluator>> parts;
    for (auto& policy : policies) {
      WEIR_ASSIGN(auto part, compile(policy));
      parts.push_back(std::move(part));
    }
    return std::make_unique<All>(std::move(parts));
  }

  Made composite(const Policy& p) {
    auto& c = p.composite;
    std::vector<FirstWithinRate::Part> parts;
    for (auto& policy : c.composite_sub_policy) {
      WEIR_ASSIGN(auto part, compile(policy));
      std::int64_t allowed = 0;
      for (auto& allocation : c.rate_allocation) {
        if (allocation.policy != policy.name) continue;
        double share = allocation.percent > 0 ? static_cast<double>(allocation.percent) / 100 : 1.0 / static_cast<double>(c.composite_sub_policy.size());
        allowed = static_cast<std::int64_t>(share * static_cast<double>(c.max_total_spans_per_second));
      }
      parts.push_back({std::move(part), allowed, rate(policy.name)});
    }
    return std::make_unique<FirstWithinRate>(std::move(parts), c.max_total_spans_per_second);
  }

  std::shared_ptr<Rate> rate(std::string_view name) {
    if (host_ == nullptr) return std::make_shared<Rate>();
    return engine::shared_state<Rate>(*host_, fmt::format("tail_sampling {} {} {} {}", id_, path_, name, rates_++));
  }

  engine::Host* host_;
  std::string id_, path_;
  std::size_t rates_ = 0;
  std::unique_ptr<Policies> out_;
};

Policies::Policies() = default;
Policies::~Policies() = default;

Result<std::unique_ptr<Policies>> Policies::compile(const std::vector<Policy>& policies, engine::Host* host, std::string_view id) {
  return Compiler(host, id).run(policies);
}

Conditions Policies::look_at(const otlp::Resource& resource) {
  Conditions out;
  for (std::size_t i = 0; i < conditions_.size(); ++i) out[i] = conditions_[i]->holds(resource);
  return out;
}

void Policies::observe(otlp::ResourceGroup&, otlp::ScopeGroup&, otlp::Item& item, const Conditions& resource, Arena& arena, Facts& facts) {
  ++facts.spans;
  facts.seen |= resource;
  const otlp::Span& span = item.read<otlp::Span>(arena);
  facts.first_start = std::min(facts.first_start, span.start_time_unix_nano);
  facts.last_end = std::max(facts.last_end, span.end_time_unix_nano);
  for (std::size_t i = 0; i < conditions_.size(); ++i)
    if (!facts.seen[i] && conditions_[i]->holds(span, facts)) facts.seen.set(i);
}

Policies::Verdict Policies::decide(const Facts& facts, UnixNanos now, bool first_match) {
  Verdict out;
  bool sampled = false;
  for (std::size_t i = 0; i < evaluators_.size(); ++i) {
    ++out.asked;
    bool yes = evaluators_[i]->sample(facts, now);
    out.sampled_by[i] = yes;
    if (!yes) continue;
    if (drops_[i]) {
      out.decision = Decision::dropped;
      return out;
    }
    sampled = true;
    if (first_match) break;
  }
  out.decision = sampled ? Decision::sampled : Decision::not_sampled;
  return out;
}

std::uint64_t trace_hash(std::string_view salt, const otlp::TraceId& id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  auto add = [&](std::string_view bytes) {
    for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3ULL;
  };
  add(salt);
  add(id.view());
  return hash;
}

}  // namespace weir::processors::tail_sampling

#include "components/processors/tail_sampling/conditions.h"

#include "base/log.h"
#include "base/regex.h"
#include "ottl/text/trace_state.h"

namespace weir::processors::tail_sampling {
namespace {

using otlp::Value;
using otlp::ValueType;

// Values of other types read as 0, as in the collector.
class IntegerIn : public ValueTest {
 public:
  explicit IntegerIn(const NumericAttribute& c)
      : min_(c.min_value != 0 ? c.min_value : INT64_MIN), max_(c.max_value != 0 ? c.max_value : INT64_MAX) {}
  bool holds_in_span(const Value& value) const override {
    std::int64_t v = value.is(ValueType::integer) ? value.integer : 0;
    return v >= min_ && v <= max_;
  }

 private:
  std::int64_t min_, max_;
};

// Values of other types read as false, as in the collector.
class BooleanIs : public ValueTest {
 public:
  explicit BooleanIs(bool wanted) : wanted_(wanted) {}
  bool holds_in_span(const Value& value) const override { return (value.is(ValueType::boolean) && value.boolean) == wanted_; }

 private:
  bool wanted_;
};

// Values of other types read as "", which matches no text.
class TextIs : public ValueTest {
 public:
  explicit TextIs(const std::vector<std::string>& values) : values_(values) {}
  bool holds_in_span(const Value& value) const override {
    return value.is(ValueType::string) && !value.text.empty() && std::find(values_.begin(), values_.end(), value.text) != values_.end();
  }

 private:
  std::vector<std::string> values_;
};

// Values of other types read as ""; the collector asks the patterns about an empty text for resources only.
class TextMatches : public ValueTest {
 public:
  explicit TextMatches(std::vector<Regex> patterns) : patterns_(std::move(patterns)) {}
  bool holds_in_span(const Value& value) const override { return value.is(ValueType::string) && !value.text.empty() && matches(value.text); }
  bool holds_in_resource(const Value& value) const override { return matches(value.is(ValueType::string) ? value.text : std::string_view{}); }

 private:
  bool matches(std::string_view text) const {
    return std::any_of(patterns_.begin(), patterns_.end(), [&](auto& pattern) { return pattern.matches(text); });
  }
  std::vector<Regex> patterns_;
};

class HasStatus : public SpanTest {
 public:
  explicit HasStatus(std::vector<std::int32_t> codes) : codes_(std::move(codes)) {}
  bool holds(const SpanView& span, const Facts&) const override { return std::find(codes_.begin(), codes_.end(), span.status) != codes_.end(); }

 private:
  std::vector<std::int32_t> codes_;
};

// The trace's duration so far is looked at after each span, in the order of arrival, as the collector does: with an upper
// bound a trace matches when a beginning of it did.
class TakesTime : public SpanTest {
 public:
  explicit TakesTime(const Latency& c) : threshold_(c.threshold_ms), upper_(c.upper_threshold_ms) {}
  bool holds(const SpanView&, const Facts& facts) const override {
    std::int64_t ms = static_cast<std::int64_t>(facts.last_end - facts.first_start) / 1'000'000;
    return ms > threshold_ && (upper_ == 0 || ms <= upper_);
  }

 private:
  std::int64_t threshold_, upper_;
};

class HasTraceState : public SpanTest {
 public:
  explicit HasTraceState(const TraceState& c) : key_(c.key) {
    // Longer members are not allowed in a trace state.
    for (auto& value : c.values)
      if (!value.empty() && key_.size() + value.size() < 256) values_.push_back(value);
  }
  bool holds(const SpanView& span, const Facts&) const override {
    if (span.trace_state.empty() || !ottl::trace_state_valid(span.trace_state)) return false;
    return std::find(values_.begin(), values_.end(), ottl::trace_state_get(span.trace_state, key_)) != values_.end();
  }

 private:
  std::string key_;
  std::vector<std::string> values_;
};

class IsFlaggedSampled : public SpanTest {
 public:
  bool holds(const SpanView& span, const Facts&) const override { return (span.flags & 1u) != 0; }
};

}  // namespace

std::unique_ptr<ValueTest> integer_in(const NumericAttribute& config) { return std::make_unique<IntegerIn>(config); }
std::unique_ptr<ValueTest> boolean_is(const BooleanAttribute& config) { return std::make_unique<BooleanIs>(config.value); }
std::unique_ptr<SpanTest> takes_time(const Latency& config) { return std::make_unique<TakesTime>(config); }
std::unique_ptr<SpanTest> has_trace_state(const TraceState& config) { return std::make_unique<HasTraceState>(config); }
std::unique_ptr<SpanTest> is_flagged_sampled() { return std::make_unique<IsFlaggedSampled>(); }

Result<std::unique_ptr<ValueTest>> text_is(const StringAttribute& config) {
  if (!config.enabled_regex_matching) return std::make_unique<TextIs>(config.values);
  std::vector<Regex> patterns;
  for (auto& value : config.values) {
    auto pattern = Regex::compile(value);
    if (!pattern) return fail(Errc::config, "invalid regex \"{}\": {}", value, pattern.error().what);
    patterns.push_back(std::move(*pattern));
  }
  return std::make_unique<TextMatches>(std::move(patterns));
}

Result<std::unique_ptr<SpanTest>> has_status(const StatusCode& config) {
  if (config.status_codes.empty()) return fail(Errc::config, "expected at least one status code to filter on");
  std::vector<std::int32_t> codes;
  for (auto& name : config.status_codes) {
    if (name == "OK") codes.push_back(otlp::Span::ok);
    else if (name == "ERROR") codes.push_back(otlp::Span::error);
    else if (name == "UNSET") codes.push_back(otlp::Span::unset);
    else return fail(Errc::config, "unknown status code \"{}\", supported: OK, ERROR, UNSET", name);
  }
  return std::make_unique<HasStatus>(std::move(codes));
}

Result<std::unique_ptr<OttlTest>> OttlTest::make(const OttlCondition& config) {
  if (config.span.empty() && config.spanevent.empty()) return fail(Errc::config, "expected at least one OTTL condition to filter on");
  auto out = std::make_unique<OttlTest>();
  ottl::error_mode_from(config.error_mode, out->mode_);
  ottl::Options options{.caller = ottl::Callers::filter};
  if (!config.span.empty()) {
    WEIR_ASSIGN(out->span_, ottl::Conditions::compile(ottl::ContextId::span, config.span, options));
  }
  if (!config.spanevent.empty()) {
    WEIR_ASSIGN(out->event_, ottl::Conditions::compile(ottl::ContextId::spanevent, config.spanevent, options));
  }
  return out;
}

Result<bool> OttlTest::holds(ottl::EvalContext& c) const {
  static log::RateLimit limit;
  auto on_error = [](std::string_view condition, std::string_view error) {
    long long suppressed = 0;
    if (limit.allow(suppressed))
      log::warn("failed to evaluate condition", {{"condition", condition}, {"error", error}, {"suppressed", suppressed}});
  };
  c.event = nullptr;
  if (!span_.empty()) {
    c.next_item();
    WEIR_ASSIGN(bool yes, span_.any(c, mode_, on_error));
    if (yes) return true;
  }
  if (event_.empty()) return false;
  // Conditions only read; the context's type is what statements need.
  for (auto& event : const_cast<ArenaVector<otlp::Span::Event>&>(c.span().events)) {
    c.event = &event;
    c.next_item();
    WEIR_ASSIGN(bool yes, event_.any(c, mode_, on_error));
    if (yes) return true;
  }
  return false;
}

std::size_t ConditionSet::add(std::string_view key, std::unique_ptr<ValueTest> test) {
  std::uint32_t at = scanner_.want(key);
  if (values_.size() <= at) values_.resize(at + 1);
  values_[at].push_back({size_, at, std::move(test)});
  return size_++;
}

std::size_t ConditionSet::add(std::unique_ptr<SpanTest> test) {
  spans_.push_back({size_, std::move(test)});
  return size_++;
}

std::size_t ConditionSet::add(std::unique_ptr<OttlTest> test) {
  ottls_.push_back({size_, std::move(test)});
  size_ += 2;
  return size_ - 2;
}

Conditions ConditionSet::look_at(const otlp::Resource& resource) const {
  Conditions out;
  for (auto& of_key : values_) {
    if (of_key.empty()) continue;
    const Value* value = resource.attributes.find(scanner_.keys()[of_key.front().key]);
    if (value == nullptr) continue;
    for (auto& condition : of_key)
      if (condition.test->holds_in_resource(*value)) out.set(condition.number);
  }
  return out;
}

void ConditionSet::observe(const SpanView& span, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item, Arena& arena, Facts& facts) {
  if (facts.first_start == 0 || span.start < facts.first_start) facts.first_start = span.start;
  if (facts.last_end == 0 || span.end > facts.last_end) facts.last_end = span.end;
  for (auto& found : scanner_.found()) {
    if (found.key >= values_.size() || values_[found.key].empty()) continue;
    Value value;
    otlp::decode(found.value, arena, value);
    for (auto& condition : values_[found.key])
      if (!facts.seen[condition.number] && condition.test->holds_in_span(value)) facts.seen.set(condition.number);
  }
  for (auto& condition : spans_)
    if (!facts.seen[condition.number] && condition.test->holds(span, facts)) facts.seen.set(condition.number);
  if (!ottls_.empty()) ask_ottl(group, scope, item, arena, facts);
}

void ConditionSet::ask_ottl(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item, Arena& arena, Facts& facts) {
  ottl_.use_arena(arena);
  ottl_.resource = &group;
  ottl_.scope = &scope;
  ottl_.set_item(item);
  for (auto& condition : ottls_) {
    if (facts.seen[condition.number] || facts.seen[condition.number + 1]) continue;
    auto answer = condition.test->holds(ottl_);
    if (!answer || *answer) facts.seen.set(condition.number + (answer ? 0 : 1));
  }
}

}  // namespace weir::processors::tail_sampling

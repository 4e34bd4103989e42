#pragma once
// What policies ask of resources and spans: yes or no for each, remembered for the trace once it was yes.
#include "components/processors/tail_sampling/config.h"
#include "components/processors/tail_sampling/span_scan.h"
#include "ottl/ottl.h"

namespace weir::processors::tail_sampling {

// Of one attribute's value.
class ValueTest {
 public:
  virtual ~ValueTest() = default;
  virtual bool holds_in_span(const otlp::Value& value) const = 0;
  virtual bool holds_in_resource(const otlp::Value& value) const { return holds_in_span(value); }
};

// Of a span, with what is known of its trace so far, this span included.
class SpanTest {
 public:
  virtual ~SpanTest() = default;
  virtual bool holds(const SpanView& span, const Facts& facts) const = 0;
};

// Any of the conditions, on the span or one of its events.
class OttlTest {
 public:
  static Result<std::unique_ptr<OttlTest>> make(const OttlCondition& config);
  // Errc other than OK only in ErrorMode::propagate.
  Result<bool> holds(ottl::EvalContext& c) const;

 private:
  ottl::ErrorMode mode_ = ottl::ErrorMode::ignore;
  ottl::Conditions span_, event_;
};

std::unique_ptr<ValueTest> integer_in(const NumericAttribute& config);
std::unique_ptr<ValueTest> boolean_is(const BooleanAttribute& config);
Result<std::unique_ptr<ValueTest>> text_is(const StringAttribute& config);
Result<std::unique_ptr<SpanTest>> has_status(const StatusCode& config);
std::unique_ptr<SpanTest> takes_time(const Latency& config);
std::unique_ptr<SpanTest> has_trace_state(const TraceState& config);
std::unique_ptr<SpanTest> is_flagged_sampled();

// All conditions of one processor on one core, numbered: the number is the bit in Facts::seen.
class ConditionSet {
 public:
  ConditionSet(const Clock& clock, Rng& rng) : ottl_(nowhere_, clock, rng) {}

  std::size_t add(std::string_view key, std::unique_ptr<ValueTest> test);
  std::size_t add(std::unique_ptr<SpanTest> test);
  // Also the next number: that an evaluation failed before one was true.
  std::size_t add(std::unique_ptr<OttlTest> test);
  std::size_t size() const { return size_; }

  SpanScanner& scanner() { return scanner_; }
  // Conditions that hold for the resource; the same for all its spans.
  Conditions look_at(const otlp::Resource& resource) const;
  // Adds what the span tells that was scanned last, in the order of arrival.
  void observe(const SpanView& span, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item, Arena& arena, Facts& facts);

 private:
  struct OfValue {
    std::size_t number;
    std::uint32_t key;
    std::unique_ptr<ValueTest> test;
  };
  struct OfSpan {
    std::size_t number;
    std::unique_ptr<SpanTest> test;
  };
  struct OfOttl {
    std::size_t number;
    std::unique_ptr<OttlTest> test;
  };
  void ask_ottl(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& item, Arena& arena, Facts& facts);

  std::size_t size_ = 0;
  SpanScanner scanner_;
  std::vector<std::vector<OfValue>> values_;  // by key
  std::vector<OfSpan> spans_;
  std::vector<OfOttl> ottls_;
  Arena nowhere_;
  ottl::EvalContext ottl_;
};

}  // namespace weir::processors::tail_sampling

#pragma once
// Policies as they run: from what is known of a trace to a vote.
#include <mutex>

#include "components/processors/tail_sampling/config.h"
#include "components/processors/tail_sampling/facts.h"

namespace weir::processors::tail_sampling {

enum class Vote : std::uint8_t { no, yes, failed };

// Spans or bytes that were let through lately, over all cores.
struct Rate {
  std::mutex mutex;  // guards the rest; taken once for each decision that gets as far as a rate
  double tokens = -1;  // token bucket; -1: not begun
  TimePoint filled{};
  std::uint64_t second = 0;  // counter for the running second
  std::int64_t used = 0;
};
using SharedRate = std::shared_ptr<Rate>;  // shared by this policy on all cores

// One policy or sub-policy on one core.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual Vote vote(const Facts& facts, const Moment& moment) = 0;
  // True when a vote can change although the spans are the same, or change back when more spans come.
  virtual bool stateful() const { return false; }
};
using EvaluatorPtr = std::unique_ptr<Evaluator>;

EvaluatorPtr always();
// Votes yes when the condition's bit is `wanted`.
EvaluatorPtr seen(std::size_t condition, bool wanted, bool stateful = false);
// As seen(); the bit behind it says that the evaluation failed.
EvaluatorPtr seen_or_failed(std::size_t condition);
EvaluatorPtr by_chance(const Probabilistic& config);
EvaluatorPtr by_span_count(const SpanCount& config);
EvaluatorPtr by_rate(const RateLimiting& config, SharedRate rate);
EvaluatorPtr by_bytes(const BytesLimiting& config, SharedRate rate);
EvaluatorPtr all_of(std::vector<EvaluatorPtr> parts);
EvaluatorPtr opposite(EvaluatorPtr part);

// The first part that votes yes decides: yes while its share of the running second lasts, otherwise no.
struct RatedPart {
  EvaluatorPtr evaluator;
  std::int64_t allowed = 0;  // spans a second
  SharedRate rate;
};
EvaluatorPtr first_within_rate(std::vector<RatedPart> parts, std::int64_t total);

// FNV-1a, 64 bit, of the salt and the trace id's bytes.
std::uint64_t trace_hash(std::string_view salt, const otlp::TraceId& id);

}  // namespace weir::processors::tail_sampling

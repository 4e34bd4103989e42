#pragma once
// Policies as they run: what each one needs to know of a trace is gathered as spans arrive, so that a decision needs no
// second look at them.
#include <bitset>
#include <mutex>

#include "components/processors/tail_sampling/config.h"
#include "engine/component.h"
#include "otlp/batch.h"

namespace weir::processors::tail_sampling {

// Conditions ("a span has status ERROR", ...) that policies are made of, at most this many in one processor.
inline constexpr std::size_t max_conditions = 256;
using Conditions = std::bitset<max_conditions>;

// What is known of a waiting trace.
struct Facts {
  otlp::TraceId id;
  std::uint64_t spans = 0, bytes = 0;
  UnixNanos first_start = std::numeric_limits<UnixNanos>::max(), last_end = 0;
  Conditions seen;  // conditions that held for at least one span or resource
};

enum class Decision : std::uint8_t { not_sampled, sampled, dropped };

// Spans and bytes that were let through in the running second, over all cores.
struct Rate {
  std::mutex mutex;  // guards the rest; taken once for each decision that gets as far as a rate
  std::int64_t second = 0;
  std::int64_t used = 0;
  double tokens = -1;  // token bucket; -1: not begun
  UnixNanos filled = 0;
};

// One policy or sub-policy.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual bool sample(const Facts& facts, UnixNanos now) = 0;
};

class Condition;

// All policies of one processor on one core.
class Policies {
 public:
  // Errc::config for settings that make no sense. `host` and `id` are for rates that all cores share; without a host
  // the result is good for nothing but the check.
  static Result<std::unique_ptr<Policies>> compile(const std::vector<Policy>& policies, engine::Host* host = nullptr, std::string_view id = {});
  ~Policies();

  // Conditions that hold for the resource; the same for all its spans.
  Conditions look_at(const otlp::Resource& resource);
  // Adds what a span tells, in the order of arrival.
  void observe(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, otlp::Item& span, const Conditions& resource, Arena& arena, Facts& facts);

  struct Verdict {
    Decision decision = Decision::not_sampled;
    std::bitset<max_conditions> sampled_by;  // policies by position, for metrics; only those that were asked
    std::size_t asked = 0;
  };
  Verdict decide(const Facts& facts, UnixNanos now, bool first_match);

  // In the order in which decide() asks: those that drop come first.
  const std::vector<std::string>& names() const { return names_; }

 private:
  friend class Compiler;
  Policies();
  std::vector<std::unique_ptr<Condition>> conditions_;
  std::vector<std::unique_ptr<Evaluator>> evaluators_;
  std::vector<bool> drops_;
  std::vector<std::string> names_;
};

// FNV-1a, 64 bit, of the salt and the trace id's bytes.
std::uint64_t trace_hash(std::string_view salt, const otlp::TraceId& id);

}  // namespace weir::processors::tail_sampling

#include "components/processors/tail_sampling/evaluators.h"

namespace weir::processors::tail_sampling {
namespace {

constexpr std::string_view default_salt = "default-hash-seed";

Vote of(bool yes) { return yes ? Vote::yes : Vote::no; }

class Always : public Evaluator {
 public:
  Vote vote(const Facts&, const Moment&) override { return Vote::yes; }
};

class Seen : public Evaluator {
 public:
  Seen(std::size_t condition, bool wanted, bool stateful) : condition_(condition), wanted_(wanted), stateful_(stateful) {}
  Vote vote(const Facts& facts, const Moment&) override { return of(facts.seen[condition_] == wanted_); }
  bool stateful() const override { return stateful_; }

 private:
  std::size_t condition_;
  bool wanted_, stateful_;
};

class SeenOrFailed : public Evaluator {
 public:
  explicit SeenOrFailed(std::size_t condition) : condition_(condition) {}
  Vote vote(const Facts& facts, const Moment&) override { return facts.seen[condition_ + 1] ? Vote::failed : of(facts.seen[condition_]); }

 private:
  std::size_t condition_;
};

class ByChance : public Evaluator {
 public:
  explicit ByChance(const Probabilistic& c) : salt_(c.hash_salt.empty() ? default_salt : std::string_view(c.hash_salt)) {
    double ratio = c.sampling_percentage / 100;
    if (!(ratio > 0)) return;
    // 64 bits of mantissa, as the collector's big.Float of a 64-bit integer has.
    constexpr auto all = std::numeric_limits<std::uint64_t>::max();
    threshold_ = ratio >= 1 ? all : static_cast<std::uint64_t>(static_cast<long double>(all) * static_cast<long double>(ratio));
  }
  Vote vote(const Facts& facts, const Moment&) override { return of(trace_hash(salt_, facts.id) <= threshold_); }

 private:
  std::string salt_;
  std::uint64_t threshold_ = 0;
};

class BySpanCount : public Evaluator {
 public:
  explicit BySpanCount(const SpanCount& c) : min_(c.min_spans), max_(c.max_spans) {}
  Vote vote(const Facts& facts, const Moment&) override {
    auto n = static_cast<std::int64_t>(facts.spans);
    return of(n >= min_ && (max_ == 0 || n <= max_));
  }
  bool stateful() const override { return max_ > 0; }

 private:
  std::int64_t min_, max_;
};

bool take_tokens(Rate& rate, double per_second, double capacity, double wanted, TimePoint now) {
  std::lock_guard lock(rate.mutex);
  if (rate.tokens < 0) rate.tokens = capacity, rate.filled = now;
  if (now > rate.filled) {
    rate.tokens = std::min(capacity, rate.tokens + per_second * std::chrono::duration<double>(now - rate.filled).count());
    rate.filled = now;
  }
  if (wanted > capacity || wanted > rate.tokens) return false;
  rate.tokens -= wanted;
  return true;
}

// A token bucket, full at the beginning.
class ByTokens : public Evaluator {
 public:
  ByTokens(std::int64_t per_second, std::int64_t burst, std::uint64_t Facts::*amount, SharedRate rate)
      : per_second_(static_cast<double>(per_second)),
        capacity_(burst > 0 ? static_cast<double>(burst) : 2 * per_second_),
        amount_(amount),
        rate_(std::move(rate)) {}
  Vote vote(const Facts& facts, const Moment& moment) override {
    return of(take_tokens(*rate_, per_second_, capacity_, static_cast<double>(facts.*amount_), moment.now));
  }
  bool stateful() const override { return true; }

 private:
  double per_second_, capacity_;
  std::uint64_t Facts::*amount_;
  SharedRate rate_;
};

class AllOf : public Evaluator {
 public:
  explicit AllOf(std::vector<EvaluatorPtr> parts) : parts_(std::move(parts)) {}
  Vote vote(const Facts& facts, const Moment& moment) override {
    for (auto& part : parts_)
      if (Vote vote = part->vote(facts, moment); vote != Vote::yes) return vote;
    return Vote::yes;
  }
  bool stateful() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](auto& part) { return part->stateful(); });
  }

 private:
  std::vector<EvaluatorPtr> parts_;
};

class Opposite : public Evaluator {
 public:
  explicit Opposite(EvaluatorPtr part) : part_(std::move(part)) {}
  Vote vote(const Facts& facts, const Moment& moment) override {
    Vote vote = part_->vote(facts, moment);
    return vote == Vote::failed ? vote : of(vote == Vote::no);
  }
  bool stateful() const override { return part_->stateful(); }

 private:
  EvaluatorPtr part_;
};

class FirstWithinRate : public Evaluator {
 public:
  FirstWithinRate(std::vector<RatedPart> parts, std::int64_t total) : parts_(std::move(parts)), total_(total) {}
  Vote vote(const Facts& facts, const Moment& moment) override {
    for (RatedPart& part : parts_) {
      Vote vote = part.evaluator->vote(facts, moment);
      if (vote == Vote::failed) return vote;
      if (vote == Vote::yes) return of(take(part, static_cast<std::int64_t>(facts.spans), moment.wall / 1'000'000'000));
    }
    return Vote::no;
  }
  // Its own rate does not count, as in the collector.
  bool stateful() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](auto& part) { return part.evaluator->stateful(); });
  }

 private:
  bool take(RatedPart& part, std::int64_t spans, std::uint64_t second) {
    std::lock_guard lock(part.rate->mutex);
    if (part.rate->second != second) part.rate->second = second, part.rate->used = 0;
    std::int64_t then = part.rate->used + spans;
    if (then > part.allowed || then > total_) return false;
    part.rate->used = then;
    return true;
  }
  std::vector<RatedPart> parts_;
  std::int64_t total_;
};

}  // namespace

EvaluatorPtr always() { return std::make_unique<Always>(); }
EvaluatorPtr seen(std::size_t condition, bool wanted, bool stateful) { return std::make_unique<Seen>(condition, wanted, stateful); }
EvaluatorPtr seen_or_failed(std::size_t condition) { return std::make_unique<SeenOrFailed>(condition); }
EvaluatorPtr by_chance(const Probabilistic& config) { return std::make_unique<ByChance>(config); }
EvaluatorPtr by_span_count(const SpanCount& config) { return std::make_unique<BySpanCount>(config); }
EvaluatorPtr by_rate(const RateLimiting& config, SharedRate rate) {
  return std::make_unique<ByTokens>(config.spans_per_second, config.burst_capacity, &Facts::spans, std::move(rate));
}
EvaluatorPtr by_bytes(const BytesLimiting& config, SharedRate rate) {
  return std::make_unique<ByTokens>(config.bytes_per_second, config.burst_capacity, &Facts::bytes_framed, std::move(rate));
}
EvaluatorPtr all_of(std::vector<EvaluatorPtr> parts) { return std::make_unique<AllOf>(std::move(parts)); }
EvaluatorPtr opposite(EvaluatorPtr part) { return std::make_unique<Opposite>(std::move(part)); }
EvaluatorPtr first_within_rate(std::vector<RatedPart> parts, std::int64_t total) {
  return std::make_unique<FirstWithinRate>(std::move(parts), total);
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

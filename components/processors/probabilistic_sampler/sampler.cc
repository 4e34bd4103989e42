#include "components/processors/probabilistic_sampler/sampler.h"

namespace weir::processors::probabilistic_sampler {

Sampler::Sampler(const Config& config)
    : fail_closed_(config.fail_closed), seed_(config.hash_seed), precision_(config.sampling_precision) {
  float percentage = std::min(config.sampling_percentage, 100.0F);
  if (percentage == 0) return;
  ratio_ = std::max(static_cast<double>(percentage) / 100, min_probability);
  if (config.mode == Mode::proportional) {
    kind_ = Kind::proportional;
  } else if (config.mode == Mode::equalizing) {
    kind_ = Kind::equalizing;
    threshold_ = threshold_of(ratio_, precision_).value_or(never);
  } else {
    // In 1/16384, single precision, as samplers before thresholds counted: decisions stay what they were.
    constexpr std::uint32_t buckets = 1 << 14;
    auto kept = static_cast<std::uint32_t>(percentage * (static_cast<float>(buckets) / 100.0F));
    if (kept == 0) return;
    kind_ = Kind::hash_seed;
    threshold_ = {std::uint64_t{buckets - kept} << 42};
  }
}

Sampler::Look Sampler::look_hashed(const Item& item, Carrier& carrier) const {
  Look out;
  if (item.by_trace_id && !item.trace_id.empty())
    out.random = {hashed_randomness(item.trace_id.view(), seed_), Policy::trace_id_hash};
  else if (item.attribute && !item.attribute->empty())
    out.random = {hashed_randomness(*item.attribute, seed_), Policy::attribute_hash};
  // Whoever was sampled with thresholds before cannot be sampled by a hash.
  out.fine = out.carried = item.readable && !carrier.randomness() && !carrier.threshold();
  if (out.carried && (!item.record || out.random.policy != Policy::missing)) carrier.set_randomness(out.random.value);
  return out;
}

Sampler::Look Sampler::look(const Item& item, Carrier& carrier) const {
  if (kind_ == Kind::nothing) return {{any_probability, Policy::priority}, true, item.readable};
  if (kind_ == Kind::hash_seed) return look_hashed(item, carrier);
  Look out{{}, item.readable, item.readable};
  if (!item.readable) return out;
  if (carrier.randomness())
    out.random = {*carrier.randomness(), Policy::item};
  else if (!item.trace_id.empty())
    out.random = {randomness_of(item.trace_id), Policy::trace_id_w3c};
  return out;
}

Threshold Sampler::threshold_for(const Carrier& carrier) const {
  const auto& before = carrier.threshold();
  if (kind_ == Kind::equalizing) return before && before->value > threshold_.value ? *before : threshold_;
  if (kind_ != Kind::proportional) return threshold_;
  return threshold_of((before ? before->probability() : 1.0) * ratio_, precision_).value_or(never);
}

Sampler::Verdict Sampler::decide(const Item& item, Carrier& carrier) const {
  Look seen = look(item, carrier);
  Random random = seen.random;
  if (seen.fine && random.policy == Policy::missing) seen.fine = false;
  if (seen.fine && carrier.threshold() && !carrier.threshold()->samples(random.value)) {
    carrier.clear_threshold();  // it should not have come as far as this
    seen.fine = false;
  }
  Threshold threshold = seen.fine ? threshold_for(carrier) : fail_closed_ ? never : always;
  if (item.priority) threshold = *item.priority, random.policy = Policy::priority;
  Verdict out{threshold.samples(random.value), random.policy, false};
  if (!out.sampled || !seen.carried) return out;
  // A sampling probability is never raised again.
  if (!carrier.threshold() || carrier.threshold()->value <= threshold.value) carrier.set_threshold(threshold);
  out.write = true;
  return out;
}

}  // namespace weir::processors::probabilistic_sampler

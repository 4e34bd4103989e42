#pragma once
// How a decision is made, the same for spans and log records.
#include "components/processors/probabilistic_sampler/config.h"
#include "components/processors/probabilistic_sampler/threshold.h"

namespace weir::processors::probabilistic_sampler {

// Where the randomness of a decision came from: the label "policy" of the metrics.
enum class Policy : std::uint8_t { missing, trace_id_hash, trace_id_w3c, item, attribute_hash, priority, count_ };

struct Random {
  Randomness value = any_probability;
  Policy policy = Policy::missing;
};

// What a span or log record says about earlier sampling, and where this sampler writes what it did.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual const std::optional<Randomness>& randomness() const = 0;
  virtual const std::optional<Threshold>& threshold() const = 0;
  virtual void set_randomness(Randomness randomness) = 0;
  virtual void set_threshold(Threshold threshold) = 0;
  virtual void clear_threshold() = 0;
};

class Sampler {
 public:
  // What is to be known of one item.
  struct Item {
    const otlp::TraceId& trace_id;
    std::optional<std::string_view> attribute;  // log records: what from_attribute has, when it counts
    bool record = false;                        // a log record: nothing is written about randomness it has not
    bool by_trace_id = true;
    bool readable = true;                       // what earlier samplers wrote made sense
    std::optional<Threshold> priority;          // overrules
  };
  struct Verdict {
    bool sampled = false;
    Policy policy = Policy::missing;
    bool write = false;  // what the carrier has now is to be written to the item
  };

  explicit Sampler(const Config& config);
  Verdict decide(const Item& item, Carrier& carrier) const;

 private:
  enum class Kind : std::uint8_t { nothing, hash_seed, equalizing, proportional };
  // Randomness, and whether the carrier may be written to and the item decided on.
  struct Look {
    Random random;
    bool carried = true, fine = true;
  };
  Look look(const Item& item, Carrier& carrier) const;
  Look look_hashed(const Item& item, Carrier& carrier) const;
  Threshold threshold_for(const Carrier& carrier) const;

  Kind kind_ = Kind::nothing;
  bool fail_closed_;
  std::uint32_t seed_;
  int precision_;
  double ratio_ = 0;
  Threshold threshold_ = never;
};

}  // namespace weir::processors::probabilistic_sampler

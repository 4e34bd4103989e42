#pragma once
// A W3C tracestate header and the OpenTelemetry part of it ("ot=rv:…;th:…"), read and written with the limits of the
// standards.
#include "components/processors/probabilistic_sampler/threshold.h"

namespace weir::processors::probabilistic_sampler {

// Has views into the text it was read from.
class TraceState {
 public:
  // False when something is wrong; what could be read until then is there.
  bool read(std::string_view text);
  std::string write() const;

  const std::optional<Randomness>& randomness() const { return randomness_; }
  const std::optional<Threshold>& threshold() const { return threshold_; }
  void set_randomness(Randomness randomness) { randomness_ = randomness, randomness_text_ = {}; }
  void set_threshold(Threshold threshold) { threshold_ = threshold, threshold_text_ = {}; }
  void clear_threshold() { threshold_.reset(); }

 private:
  struct Pair {
    std::string_view key, value;
  };
  bool read_member(std::string_view key, std::string_view value);
  bool read_ot(std::string_view value);
  bool read_ot_field(std::string_view key, std::string_view value);

  std::optional<Randomness> randomness_;
  std::optional<Threshold> threshold_;
  std::string_view randomness_text_, threshold_text_;  // as they were spelled; empty once they were set
  std::vector<Pair> others_, ot_others_;
};

}  // namespace weir::processors::probabilistic_sampler

#pragma once
// Exponential histogram of values of both signs: two of one sign each, at one scale. One core at a time.
#include "components/shared/histograms/exponential.h"

namespace weir::histograms {

class SignedExponential {
 public:
  // 0 is the standard size. Each sign has that many buckets.
  explicit SignedExponential(std::uint32_t size = 0) : positive_(size), negative_(size) {}

  void add(double value, std::uint64_t times = 1);
  // Count, sum, minimum, maximum, scale and buckets; nothing else of the point is touched.
  void write(Arena& arena, otlp::DataPoint& point) const;
  std::uint64_t count() const { return positive_.count() + negative_.count(); }

 private:
  Exponential positive_, negative_;  // the latter of values without their sign
  double sum_ = 0, min_ = 0, max_ = 0;
};

}  // namespace weir::histograms

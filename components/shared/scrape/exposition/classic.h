#pragma once
// A classic histogram whose series come one by one, as one histogram with custom buckets.
#include "components/shared/scrape/exposition/native_histogram.h"

namespace weir::exposition {

class ClassicHistogram {
 public:
  void clear();
  void set_bucket(double upper_bound, double cumulative);
  void set_count(double count);
  void set_sum(double sum) { sum_ = sum; }
  // False when the buckets are not cumulative, negative, or do not reach the count.
  bool convert(NativeHistogram& out);

 private:
  struct Bucket {
    double upper_bound, cumulative;
  };
  bool fits(std::size_t place, double cumulative) const;

  std::vector<Bucket> buckets_;
  double count_ = 0, sum_ = 0;
  bool has_count_ = false, wrong_ = false;
};

}  // namespace weir::exposition

#include "components/shared/scrape/exposition/native_histogram.h"

#include <algorithm>
#include <cmath>

namespace weir::exposition {
namespace {

void merge(std::vector<NativeHistogram::Bucket>& buckets, int shift) {
  std::size_t kept = 0;
  for (NativeHistogram::Bucket bucket : buckets) {
    bucket.index = ((bucket.index - 1) >> shift) + 1;
    if (kept > 0 && buckets[kept - 1].index == bucket.index) {
      buckets[kept - 1].count += bucket.count;
      buckets[kept - 1].real += bucket.real;
    } else {
      buckets[kept++] = bucket;
    }
  }
  buckets.resize(kept);
}

}  // namespace

void NativeHistogram::clear() {
  schema = 0;
  is_float = is_gauge = false;
  count = zero_count = 0;
  sum = zero_threshold = count_real = zero_count_real = 0;
  positive.clear();
  negative.clear();
  bounds.clear();
}

void NativeHistogram::reduce(std::int32_t to) {
  int shift = std::min(schema - to, 31);
  merge(positive, shift);
  merge(negative, shift);
  schema = to;
}

bool NativeHistogram::limit(std::size_t most) {
  while (buckets() > most) {
    if (schema == custom_buckets || schema <= coarsest) return false;
    reduce(schema - 1);
  }
  return true;
}

std::int32_t schema_of_factor(double factor) {
  if (factor <= 1) return NativeHistogram::finest;
  double level = std::floor(-std::log2(std::log2(factor)));
  return static_cast<std::int32_t>(std::clamp<double>(level, NativeHistogram::coarsest, NativeHistogram::finest));
}

}  // namespace weir::exposition

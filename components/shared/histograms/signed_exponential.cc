#include "components/shared/histograms/signed_exponential.h"

#include <algorithm>
#include <cmath>

namespace weir::histograms {

void SignedExponential::add(double value, std::uint64_t times) {
  if (times == 0 || std::isnan(value)) return;
  constexpr double most = std::numeric_limits<double>::max();
  value = std::clamp(value, -most, most);
  min_ = count() == 0 ? value : std::min(min_, value);
  max_ = count() == 0 ? value : std::max(max_, value);
  sum_ += value * static_cast<double>(times);
  if (value < 0) negative_.add(-value, times);
  else positive_.add(value, times);
  if (positive_.buckets().empty() || negative_.buckets().empty()) return;
  positive_.coarsen_to(negative_.scale());
  negative_.coarsen_to(positive_.scale());
}

void SignedExponential::write(Arena& arena, otlp::DataPoint& point) const {
  bool below = !negative_.buckets().empty();
  if (below) {
    negative_.write(arena, point);
    std::swap(point.negative, point.positive);
    point.positive = {};
  }
  std::int32_t scale = point.scale;
  positive_.write(arena, point);
  if (below) point.scale = scale;
  point.count = count();
  point.sum = sum_;
  point.has_min = point.has_max = point.count != 0;
  point.min = min_, point.max = max_;
}

}  // namespace weir::histograms

#include "components/shared/scrape/exposition/classic.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::exposition {
namespace {

bool is_whole(double value) { return std::abs(value) < 0x1p62 && value == std::round(value); }

}  // namespace

void ClassicHistogram::clear() {
  buckets_.clear();
  count_ = sum_ = 0;
  has_count_ = wrong_ = false;
}

void ClassicHistogram::set_count(double count) {
  if (count < 0) wrong_ = true;
  count_ = count;
  has_count_ = true;
}

bool ClassicHistogram::fits(std::size_t place, double cumulative) const {
  bool above = place == 0 || !(cumulative < buckets_[place - 1].cumulative);
  bool below = place == buckets_.size() || !(cumulative > buckets_[place].cumulative);
  return above && below;
}

void ClassicHistogram::set_bucket(double upper_bound, double cumulative) {
  if (std::isnan(upper_bound) || cumulative < 0) wrong_ = true;
  if (wrong_) return;
  auto at = std::lower_bound(buckets_.begin(), buckets_.end(), upper_bound, [](const Bucket& b, double bound) { return b.upper_bound < bound; });
  if (at != buckets_.end() && at->upper_bound == upper_bound) return;
  if (!fits(static_cast<std::size_t>(at - buckets_.begin()), cumulative)) wrong_ = true;
  else buckets_.insert(at, {upper_bound, cumulative});
}

bool ClassicHistogram::convert(NativeHistogram& out) {
  out.clear();
  if (wrong_) return false;
  if (!has_count_ && !buckets_.empty()) count_ = buckets_.back().cumulative;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (buckets_.empty() || buckets_.back().upper_bound != infinity) buckets_.push_back({infinity, count_});
  if (!(buckets_.back().cumulative == count_)) return false;
  out.schema = NativeHistogram::custom_buckets;
  out.is_float = !is_whole(count_) || !std::all_of(buckets_.begin(), buckets_.end(), [](const Bucket& b) { return is_whole(b.cumulative); });
  out.sum = sum_;
  if (out.is_float) out.count_real = count_;
  else out.count = static_cast<std::uint64_t>(count_);
  double before = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    double own = buckets_[i].cumulative - before;
    if (own < 0) return false;
    before = buckets_[i].cumulative;
    if (buckets_[i].upper_bound != infinity) out.bounds.push_back(buckets_[i].upper_bound);
    if (own == 0) continue;
    NativeHistogram::Bucket bucket{.index = static_cast<std::int32_t>(i)};
    if (out.is_float) bucket.real = own;
    else bucket.count = static_cast<std::int64_t>(own);
    out.positive.push_back(bucket);
  }
  return true;
}

}  // namespace weir::exposition

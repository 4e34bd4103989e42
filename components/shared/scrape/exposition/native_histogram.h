#pragma once
// Native histograms as they are scraped: buckets that are not empty, by index, with their own (not cumulative) counts.
#include <cstdint>
#include <vector>

namespace weir::exposition {

struct NativeHistogram {
  struct Bucket {
    std::int32_t index = 0;
    std::int64_t count = 0;  // of integer histograms
    double real = 0;         // of float histograms
  };
  static constexpr std::int32_t custom_buckets = -53;
  static constexpr std::int32_t finest = 8, coarsest = -4;

  std::int32_t schema = 0;
  bool is_float = false;
  bool is_gauge = false;
  std::uint64_t count = 0, zero_count = 0;
  double sum = 0, zero_threshold = 0;
  double count_real = 0, zero_count_real = 0;  // of float histograms
  std::vector<Bucket> positive, negative;      // by index, none is empty
  std::vector<double> bounds;                  // custom buckets: upper bounds, without +Inf

  void clear();
  std::size_t buckets() const { return positive.size() + negative.size(); }
  // Merges buckets. `to` is below `schema`; not for custom buckets.
  void reduce(std::int32_t to);
  // Merges until there are at most so many; false when they cannot become so few.
  bool limit(std::size_t buckets);
};

// The finest schema whose buckets grow by at least `factor` each.
std::int32_t schema_of_factor(double factor);

}  // namespace weir::exposition

#include "components/shared/prometheus_translation/native.h"

#include <cmath>

namespace weir::prometheus {
namespace {

// Gaps up to this are cheaper as empty buckets than as a new span.
constexpr std::int64_t max_gap = 2;

NativeBuckets side_of(const otlp::DataPoint::Buckets& buckets, std::int32_t halvings) {
  NativeBuckets out;
  std::int64_t open = 0;
  std::uint64_t count = 0;
  halvings = std::min(halvings, 62);
  for (std::size_t i = 0; i < buckets.counts.size(); ++i) {
    // OTLP's bucket i ends where Prometheus's i + 1 does.
    std::int64_t index = ((std::int64_t{buckets.offset} + static_cast<std::int64_t>(i)) >> halvings) + 1;
    if (index != open && count > 0) {
      out.add(open, count);
      count = 0;
    }
    open = index;
    count += buckets.counts[i];
  }
  if (count > 0) out.add(open, count);
  return out;
}

}  // namespace

void NativeBuckets::add(std::int64_t index, std::uint64_t count) {
  std::int64_t gap = index - next_;
  if (spans.empty() || gap > max_gap) {
    spans.push_back({static_cast<std::int32_t>(gap), 0});
  } else {
    for (; gap > 0; --gap) {
      deltas.push_back(-before_);
      before_ = 0;
      ++spans.back().length;
    }
  }
  auto now = static_cast<std::int64_t>(count);
  deltas.push_back(now - before_);
  before_ = now;
  ++spans.back().length;
  next_ = index + 1;
}

Result<NativeHistogram> to_native(const otlp::DataPoint& p) {
  if (p.scale < min_native_schema)
    return fail(Errc::invalid, "an exponential histogram of scale {}: native ones have at least {}", p.scale, min_native_schema);
  std::int32_t halvings = std::max(0, p.scale - max_native_schema);
  NativeHistogram out{.schema = p.scale - halvings,
                      .count = p.count,
                      .zero_count = p.zero_count,
                      .sum = p.has_sum ? p.sum : 0,
                      .zero_threshold = p.zero_threshold == 0 ? standard_zero_threshold : p.zero_threshold};
  out.positive = side_of(p.positive, halvings);
  out.negative = side_of(p.negative, halvings);
  return out;
}

Result<NativeHistogram> to_custom_buckets(const otlp::DataPoint& p) {
  NativeHistogram out{.schema = custom_buckets_schema, .count = 0, .sum = p.has_sum ? p.sum : 0};
  std::size_t bounds = p.explicit_bounds.size();
  if (bounds > 0 && std::isinf(p.explicit_bounds[bounds - 1])) --bounds;  // the last bucket is up to infinity anyway
  for (std::size_t i = 0; i < bounds; ++i) {
    if (!std::isfinite(p.explicit_bounds[i]) || (i > 0 && p.explicit_bounds[i] <= p.explicit_bounds[i - 1]))
      return fail(Errc::invalid, "bounds of a histogram that do not rise");
    out.custom_bounds.push_back(p.explicit_bounds[i]);
  }
  for (std::size_t i = 0; i <= bounds; ++i) {
    std::uint64_t count = i < p.bucket_counts.size() ? p.bucket_counts[i] : 0;
    if (i == bounds && p.count > out.count + count) count = p.count - out.count;  // what no bucket has is above all bounds
    if (count > 0) out.positive.add(static_cast<std::int64_t>(i), count);
    out.count += count;
  }
  return out;
}

Result<NativeRange> to_range(std::span<const NativeSpan> spans, std::span<const std::uint64_t> counts, std::size_t max) {
  NativeRange out;
  std::int64_t at = 0;
  std::size_t used = 0;
  bool first = true;
  for (auto& span : spans) {
    if (span.length > counts.size() - used) return fail(Errc::invalid, "spans of a native histogram have more buckets than there are counts");
    at += span.offset;
    if (!first && span.offset < 0) return fail(Errc::invalid, "spans of a native histogram overlap");
    if (at < INT32_MIN || at > INT32_MAX) return fail(Errc::invalid, "buckets of a native histogram are out of range");
    if (first && span.length > 0) {
      out.offset = static_cast<std::int32_t>(at);
      first = false;
    }
    if (span.length == 0) continue;
    auto size = static_cast<std::uint64_t>(at - out.offset) + span.length;
    if (size > max) return fail(Errc::invalid, "a native histogram over more than {} buckets", max);
    out.counts.resize(size - span.length);  // the gap
    for (std::uint32_t i = 0; i < span.length; ++i) out.counts.push_back(counts[used++]);
    at += span.length;
  }
  if (used != counts.size()) return fail(Errc::invalid, "a native histogram has more counts than its spans have buckets");
  return out;
}

}  // namespace weir::prometheus

#include "components/shared/metric_streams/streams.h"

#include <array>

namespace weir::metric_streams {

bool StreamCount::take(std::uint64_t metric, const Limits& limits) {
  if (all_.load(std::memory_order_relaxed) >= limits.all) return false;
  if (limits.per_metric > 0) {
    std::lock_guard lock(mutex_);
    auto& of_metric = by_metric_[metric];
    if (of_metric >= limits.per_metric) return false;
    ++of_metric;
  }
  all_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void StreamCount::give_back(std::uint64_t metric) {
  all_.fetch_sub(1, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  auto at = by_metric_.find(metric);
  if (at != by_metric_.end() && --at->second == 0) by_metric_.erase(at);
}

void Added::tell(const otlp::Metric& metric, const otlp::DataPoint& point) {
  std::array<series_churn::Label, 24> labels;
  std::size_t n = 0;
  for (auto& kv : point.attributes) {
    if (n == labels.size()) break;
    labels[n++] = {kv.key, hash_of(kv.value)};
  }
  churn_->added(metric.name, std::span(labels).first(n));
}

}  // namespace weir::metric_streams

#include "components/shared/metric_streams/stream_id.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>

namespace weir::metric_streams {
namespace {

StreamId hash(std::string_view bytes, std::uint64_t seed) {
  auto h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {h.high64, h.low64};
}

StreamId mixed(StreamId a, StreamId b) {
  std::uint64_t words[4] = {a.high, a.low, b.high, b.low};
  return hash({reinterpret_cast<const char*>(words), sizeof words}, 0);
}

// Independent of their order.
StreamId attributes_of(const otlp::Attributes& attributes) {
  StreamId sum;
  for (auto& kv : attributes) {
    StreamId key = hash(kv.key, static_cast<std::uint64_t>(kv.value.type));
    StreamId one;
    if (kv.value.is(otlp::ValueType::string))
      one = mixed(key, hash(kv.value.text, 1));
    else
      one = mixed(key, hash(otlp::to_text(kv.value), 1));
    sum.high += one.high;
    sum.low += one.low;
  }
  return sum;
}

}  // namespace

std::uint64_t hash_of(const otlp::Value& value) {
  return value.is(otlp::ValueType::string) ? hash(value.text, 1).low : hash(otlp::to_text(value), 1).low;
}

void StreamHasher::resource(const otlp::Resource& resource) { resource_ = attributes_of(resource.attributes); }

void StreamHasher::scope(const otlp::Scope& scope) {
  scope_ = mixed(resource_, mixed(attributes_of(scope.attributes), mixed(hash(scope.name, 2), hash(scope.version, 3))));
}

void StreamHasher::metric(const otlp::Metric& metric) {
  auto kind = static_cast<std::uint64_t>(metric.type) << 8 | static_cast<std::uint64_t>(metric.temporality) << 1 | metric.is_monotonic;
  metric_ = mixed(scope_, mixed(hash(metric.name, kind), hash(metric.unit, 4)));
  name_ = hash(metric.name, 0).low;
}

StreamId StreamHasher::point(const otlp::Attributes& attributes) const { return mixed(metric_, attributes_of(attributes)); }

}  // namespace weir::metric_streams

#include "components/exporters/loadbalancing/ring.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <tuple>

namespace weir::exporters::loadbalancing {
namespace {

// CRC-32 (IEEE); `crc` is that of what comes before.
std::uint32_t crc32(std::string_view bytes, std::uint32_t crc = 0) {
  return crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

struct Shape {
  std::uint32_t positions, points;
  std::size_t index_bytes;  // of a point's number, little endian, behind the endpoint
  std::uint32_t probes;     // positions tried after a taken one
  bool in_hash_order;       // whose turn it is to claim positions: by hash, or endpoint by endpoint
};

constexpr Shape shape_of(RingVersion version) {
  switch (version) {
    case RingVersion::v0_89: return {36'000, 100, 1, 0, false};
    case RingVersion::v0_131: return {36'000, 100, 4, 9, false};
    case RingVersion::v0_158: return {131'071, 200, 4, 9, true};
  }
  return {};
}

struct Candidate {
  std::uint32_t position, hash, endpoint;
};

std::vector<Candidate> candidates_for(const std::vector<std::string>& endpoints, const Shape& shape) {
  std::vector<Candidate> out;
  out.reserve(endpoints.size() * shape.points);
  for (std::uint32_t e = 0; e < endpoints.size(); ++e) {
    std::uint32_t prefix = crc32(endpoints[e]);
    for (std::uint32_t i = 0; i < shape.points; ++i) {
      const char number[4] = {static_cast<char>(i), static_cast<char>(i >> 8), 0, 0};
      std::uint32_t hash = crc32({number, shape.index_bytes}, prefix);
      out.push_back({hash % shape.positions, hash, e});
    }
  }
  return out;
}

}  // namespace

HashRing::HashRing(std::vector<std::string> endpoints, RingVersion version) : endpoints_(std::move(endpoints)) {
  std::sort(endpoints_.begin(), endpoints_.end());
  Shape shape = shape_of(version);
  positions_ = shape.positions;
  auto candidates = candidates_for(endpoints_, shape);
  auto order = [](const Candidate& c) { return std::tie(c.position, c.hash, c.endpoint); };
  if (shape.in_hash_order)
    std::sort(candidates.begin(), candidates.end(), [&](auto& a, auto& b) { return order(a) < order(b); });
  std::vector<bool> taken(positions_);
  for (auto& candidate : candidates) {
    std::uint32_t at = candidate.position, probed = 0;
    while (taken[at] && probed < shape.probes) at = (at + 1) % positions_, ++probed;
    if (taken[at]) continue;
    taken[at] = true;
    points_.push_back({at, candidate.endpoint});
  }
  std::sort(points_.begin(), points_.end());
}

std::uint32_t HashRing::position_of(std::string_view key) const { return crc32(key) % positions_; }

std::uint32_t HashRing::owner(std::string_view key) const {
  auto at = std::lower_bound(points_.begin(), points_.end(), Point{position_of(key), 0});
  return at == points_.end() ? points_.front().endpoint : at->endpoint;
}

}  // namespace weir::exporters::loadbalancing

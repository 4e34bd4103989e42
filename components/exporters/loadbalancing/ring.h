#pragma once
// The consistent hash ring of the Go exporter, bit by bit: collectors of both kinds in one layer must agree on who owns
// a key. Its construction changed twice, so there are three.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::exporters::loadbalancing {

// Named after the oldest collector known to build it like that.
enum class RingVersion : std::uint8_t {
  v0_89,   // 36,000 positions, 100 points each, a taken position is skipped
  v0_131,  // 36,000 positions, 100 points each, the next of ten free positions is taken
  v0_158,  // 131,071 positions, 200 points each, in an order that does not depend on the endpoints'
};

class HashRing {
 public:
  struct Point {
    std::uint32_t position;
    std::uint32_t endpoint;  // index
    auto operator<=>(const Point&) const = default;
  };

  // `endpoints` are hashed as they are written, and are sorted first.
  HashRing(std::vector<std::string> endpoints, RingVersion version);

  const std::vector<std::string>& endpoints() const { return endpoints_; }
  const std::vector<Point>& points() const { return points_; }
  bool empty() const { return points_.empty(); }
  std::uint32_t position_of(std::string_view key) const;
  // The index of the endpoint that owns the key. Not for an empty ring.
  std::uint32_t owner(std::string_view key) const;

 private:
  std::vector<std::string> endpoints_;
  std::vector<Point> points_;  // by position
  std::uint32_t positions_;
};

}  // namespace weir::exporters::loadbalancing

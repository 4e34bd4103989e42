#include "components/exporters/loadbalancing/ring.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace weir;
using namespace weir::exporters::loadbalancing;

namespace {

std::vector<std::string> hosts(std::string_view port) {
  std::vector<std::string> out;
  for (int i : {1, 0}) out.push_back(fmt::format("otel-collector-{}.otel-collector.otel.svc.cluster.local:{}", i, port));
  return out;
}

std::string bytes(std::string_view hex) {
  std::string out;
  REQUIRE(from_hex(hex, out));
  return out;
}

std::uint32_t owner_position(const HashRing& ring, std::string_view key) {
  for (auto& point : ring.points())
    if (point.position >= ring.position_of(key)) return point.position;
  return ring.points().front().position;
}

}  // namespace

TEST_CASE("the ring of old collectors: points, key positions and owners") {
  HashRing traces(hosts("4316"), RingVersion::v0_89), services(hosts("4317"), RingVersion::v0_89);
  CHECK(traces.points().size() == 199);  // one collision
  CHECK(traces.points().front() == HashRing::Point{366, 0});
  CHECK(traces.points().back() == HashRing::Point{35952, 1});
  CHECK(services.points().size() == 200);
  CHECK(services.points().front() == HashRing::Point{134, 0});
  CHECK(services.points().back() == HashRing::Point{35513, 1});
  struct {
    const HashRing& ring;
    std::string key;
    std::uint32_t position, owner_position, owner;
  } const rows[] = {
      {traces, bytes("000102030405060708090a0b0c0d0e0f"), 20904, 20951, 0},
      {traces, bytes("00000000000000000000000000000000"), 33493, 33652, 1},
      {traces, bytes("4bf92f3577b34da6a3ce929d0e0e4736"), 4869, 5065, 0},
      {traces, bytes("00112233445566778899aabbccddeeff"), 1371, 1376, 1},
      {services, "checkout", 6414, 6582, 1},
      {services, "shop/checkout", 11405, 11456, 0},
      {services, "otel/otel-collector", 4117, 4320, 1},
      {services, "", 0, 134, 0},
  };
  for (auto& row : rows) {
    CAPTURE(to_hex(row.key));
    CHECK(row.ring.position_of(row.key) == row.position);
    CHECK(owner_position(row.ring, row.key) == row.owner_position);
    CHECK(row.ring.owner(row.key) == row.owner);
  }
}

TEST_CASE("the ring of new collectors, as the Go exporter 0.158 builds it") {
  HashRing traces(hosts("4316"), RingVersion::v0_158), services(hosts("4317"), RingVersion::v0_158);
  CHECK(traces.points().size() == 400);
  CHECK(traces.points().front() == HashRing::Point{516, 1});
  CHECK(traces.points().back() == HashRing::Point{130374, 1});
  CHECK(services.points().front() == HashRing::Point{64, 0});
  CHECK(services.points().back() == HashRing::Point{130915, 1});
  CHECK(traces.owner(bytes("000102030405060708090a0b0c0d0e0f")) == 0);
  CHECK(traces.owner(bytes("00000000000000000000000000000000")) == 1);
  CHECK(services.owner("shop/checkout") == 0);
  CHECK(services.owner("service.name=shop/checkout|") == 1);
}

TEST_CASE("collisions are resolved as the Go exporter 0.158 does: 40 endpoints, every point of the ring in one sum") {
  std::vector<std::string> endpoints;
  for (int i = 39; i >= 0; --i) endpoints.push_back(fmt::format("10.0.0.{}:4317", i));
  HashRing ring(endpoints, RingVersion::v0_158);
  CHECK(ring.points().size() == 8000);
  std::uint64_t sum = 0;
  for (auto& point : ring.points()) {
    int number = std::stoi(ring.endpoints()[point.endpoint].substr(7));
    sum = sum * 1'000'003 + std::uint64_t{point.position} * 64 + static_cast<std::uint64_t>(number);
  }
  CHECK(sum == 11650428534092706360u);
}

TEST_CASE("a key past the last point wraps around, and an empty ring has no points") {
  HashRing ring({"a:1"}, RingVersion::v0_158);
  for (int i = 0; i < 1000; ++i) CHECK(ring.owner(std::to_string(i)) == 0);
  CHECK(HashRing({}, RingVersion::v0_158).empty());
}

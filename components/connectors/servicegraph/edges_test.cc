#include "components/connectors/servicegraph/edges.h"

#include <doctest/doctest.h>

#include <list>
#include <map>

using namespace weir;
using namespace weir::connectors::servicegraph;

namespace {

EdgeKey key(std::uint64_t n) {
  EdgeKey out;
  out.trace.bytes[0] = static_cast<unsigned char>(n);
  out.span.bytes[7] = static_cast<unsigned char>(n >> 8);
  return out;
}

}  // namespace

TEST_CASE("edges are found by key and leave from the oldest on, as a map and a list say") {
  Rng rng(1);
  Edges edges(1, rng);
  std::map<std::uint64_t, Edge*> known;
  std::list<std::uint64_t> order;
  std::size_t most = 0;
  auto remove = [&](std::uint64_t id) {
    edges.remove(*known.at(id));
    known.erase(id);
    order.remove(id);
  };
  for (int step = 0; step < 20'000; ++step) {
    std::uint64_t id = rng.below(1500);
    auto hashed = edges.hashed(key(id));
    edges.prefetch(hashed), edges.prefetch_known(hashed);
    Edge* found = edges.find(hashed);
    REQUIRE(found == (known.contains(id) ? known.at(id) : nullptr));
    if (found) {
      REQUIRE(found->client == std::to_string(id));
      if (rng.chance(0.7)) remove(id);
    } else {
      Edge& edge = edges.fresh(hashed, TimePoint(1s));
      REQUIRE(edge.client.empty());
      REQUIRE_FALSE(edge.dimensions[0].present);
      edge.client = std::to_string(id);
      edge.dimensions[0].present = true;
      if (rng.chance(0.1)) {
        edges.release(edge);
        continue;
      }
      edges.keep(edge);
      known[id] = &edge;
      order.push_back(id);
    }
    if (rng.chance(0.05) && !order.empty()) remove(order.front());
    Edge* oldest = edges.oldest();
    REQUIRE((oldest == nullptr) == order.empty());
    if (oldest) REQUIRE(oldest->client == std::to_string(order.front()));
    REQUIRE(edges.size() == known.size());
    most = std::max(most, known.size());
  }
  CHECK(edges.bytes() > most * sizeof(Edge));
  CHECK(edges.bytes() < (most + 1) * (sizeof(Edge) + 150));
}

TEST_CASE("long texts count as long as their edge may be used again") {
  Rng rng(1);
  Edges edges(1, rng);
  Edge& edge = edges.fresh(edges.hashed(key(1)), TimePoint(1s));
  edge.client = std::string(3000, 'x');
  edges.keep(edge);
  std::size_t with_client = edges.bytes();
  CHECK(with_client > 3000);
  edge.dimensions[1].text = std::string(4000, 'x');
  edges.remove(edge);
  CHECK(edges.bytes() > with_client + 3900);
  Edge& again = edges.fresh(edges.hashed(key(2)), TimePoint(1s));
  again.client = "short";
  std::size_t before = edges.bytes();
  edges.keep(again);
  CHECK(edges.bytes() == before);
}

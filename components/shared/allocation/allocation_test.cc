#include <doctest/doctest.h>

#include "components/shared/allocation/allocation.h"
#include "components/shared/allocation/handover.h"

using namespace weir;
using namespace weir::allocation;

namespace {

Item item(const std::string& job, const std::string& address, const std::string& node = "") {
  Item out{.job = job, .address = address, .labels = {{"__address__", address}}, .hash = 0, .collector = ""};
  if (!node.empty()) out.labels.set("__meta_kubernetes_pod_node_name", node);
  out.hash = identity_of(out.labels, job);
  return out;
}

std::vector<Item> many(std::size_t n) {
  std::vector<Item> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(item(fmt::format("job{}", i % 7), fmt::format("10.{}.{}.{}:9100", i / 65536, i / 256 % 256, i % 256)));
  return out;
}

std::vector<Collector> collectors(int n) {
  std::vector<Collector> out;
  for (int i = 0; i < n; ++i) out.push_back({fmt::format("collector-{}", i), fmt::format("node-{}", i)});
  return out;
}

std::map<std::uint64_t, std::string> owners(const Allocation& allocation) {
  std::map<std::uint64_t, std::string> out;
  for (auto& [hash, item] : allocation.items()) out[hash] = item.collector;
  return out;
}

std::size_t differences(const std::map<std::uint64_t, std::string>& a, const std::map<std::uint64_t, std::string>& b) {
  std::size_t out = 0;
  for (auto& [hash, owner] : a) out += b.at(hash) != owner;
  return out;
}

}  // namespace

TEST_CASE("allocation: 10,000 targets are spread evenly") {
  struct { Strategy strategy; double above; } const rows[] = {{Strategy::least_weighted, 1.001}, {Strategy::consistent_hashing, 1.18}};
  for (auto& row : rows) {
    Allocation allocation(row.strategy);
    allocation.set_targets(many(10'000));
    CHECK(allocation.unassigned() == 10'000);
    allocation.set_collectors(collectors(5));
    CHECK(allocation.unassigned() == 0);
    std::size_t sum = 0;
    for (auto& [name, share] : allocation.collectors()) {
      CHECK(static_cast<double>(share.targets) < 2000 * row.above);
      sum += share.targets;
    }
    CHECK(sum == 10'000);
  }
}

TEST_CASE("allocation: few targets move when a collector comes or goes") {
  Allocation ring(Strategy::consistent_hashing), weighted(Strategy::least_weighted);
  for (auto* allocation : {&ring, &weighted}) {
    allocation->set_targets(many(10'000));
    allocation->set_collectors(collectors(5));
  }
  auto before = owners(ring), before_weighted = owners(weighted);
  ring.take_moves(), weighted.take_moves();
  ring.set_collectors(collectors(6)), weighted.set_collectors(collectors(6));
  // A sixth has to move; bounded loads move some more.
  CHECK(differences(before, owners(ring)) < 4500);
  CHECK(differences(before_weighted, owners(weighted)) == 0);
  CHECK(ring.take_moves().size() == differences(before, owners(ring)));
  ring.set_collectors(collectors(5)), weighted.set_collectors(collectors(4));
  CHECK(differences(before, owners(ring)) == 0);
  CHECK(differences(before_weighted, owners(weighted)) == 2000);
}

TEST_CASE("allocation: the order in which things come does not matter") {
  auto targets = many(500);
  for (auto strategy : {Strategy::consistent_hashing, Strategy::least_weighted}) {
    Allocation a(strategy), b(strategy);
    a.set_collectors(collectors(3));
    a.set_targets(targets);
    auto reversed = collectors(3);
    std::reverse(reversed.begin(), reversed.end());
    auto back = targets;
    std::reverse(back.begin(), back.end());
    b.set_targets(back);
    b.set_collectors(reversed);
    CHECK(owners(a) == owners(b));
  }
}

TEST_CASE("allocation: by node, and what is on no node by the other strategy or nobody's") {
  std::vector<Item> items{item("a", "1:1", "node-1"), item("a", "2:1", "node-9"), item("a", "3:1")};
  Allocation alone(Strategy::per_node), with(Strategy::per_node, Strategy::least_weighted);
  for (auto* allocation : {&alone, &with}) {
    allocation->set_collectors(collectors(2));
    allocation->set_targets(items);
    CHECK(allocation->items().at(items[0].hash).collector == "collector-1");
    CHECK(allocation->items().at(items[1].hash).collector.empty());
  }
  CHECK(alone.items().at(items[2].hash).collector.empty());
  CHECK(with.items().at(items[2].hash).collector == "collector-0");
}

TEST_CASE("allocation: a target that is found again has its new labels and its old collector") {
  Allocation allocation(Strategy::least_weighted);
  allocation.set_collectors(collectors(2));
  Item one = item("a", "1:1", "n1");
  allocation.set_targets({one, item("a", "2:1")});
  std::string owner = allocation.items().at(one.hash).collector;
  Item again = item("a", "1:1", "n2");
  REQUIRE(again.hash == one.hash);
  allocation.set_targets({again});
  CHECK(allocation.items().size() == 1);
  CHECK(allocation.items().at(one.hash).collector == owner);
  CHECK(allocation.items().at(one.hash).labels.get("__meta_kubernetes_pod_node_name") == "n2");
  CHECK(allocation.collectors().at(owner).targets == 1);
}

TEST_CASE("allocation: the identity is that of the operator's allocator") {
  // xxhash64 of name, 0xff, value, 0xff, ..., job.
  CHECK(identity_of({{"a", "b"}, {"__meta_x", "y"}}, "j") == identity_of({{"a", "b"}}, "j"));
  CHECK(identity_of({{"a", "b"}}, "j") != identity_of({{"a", "b"}}, "k"));
  CHECK(node_of({{"__meta_kubernetes_endpointslice_address_target_kind", "Node"}, {"__meta_kubernetes_endpointslice_address_target_name", "n"}}) == "n");
  CHECK(node_of({{"__meta_kubernetes_endpointslice_address_target_kind", "Pod"}, {"__meta_kubernetes_endpointslice_address_target_name", "n"}}) == "");
}

TEST_CASE("ring: places are those of the Go library that the operator uses") {
  Ring ring({"a", "b", "c"});
  std::map<std::string_view, int> count;
  for (int i = 0; i < 3000; ++i) ++count[ring.owner_of(fmt::format("10.0.0.{}:80", i))];
  for (auto& [name, n] : count) CHECK(n < 1300);
  CHECK(Ring().owner_of("x").empty());
  CHECK(Ring({"a"}).owner_of("x") == "a");
}

TEST_CASE("handover: the old collector keeps a target until the new one has it and has scraped it") {
  Handover handover(5min);
  TimePoint now{};
  auto kept = [&](const std::string& collector) {
    std::vector<std::uint64_t> out;
    handover.kept_by(collector, "job", [&](std::uint64_t target) { out.push_back(target); });
    return out;
  };
  handover.moved(1, "a", "b", "job", now);
  handover.moved(2, "", "b", "job", now);
  CHECK(kept("a") == std::vector<std::uint64_t>{1});
  handover.forget_old(now + 4min);
  CHECK(kept("a").size() == 1);
  handover.told("b", "other", 30s, now + 4min);
  handover.told("b", "job", 30s, now + 4min);
  handover.forget_old(now + 4min + 29s);
  CHECK(kept("a").size() == 1);
  // Asked again: that is no reason to wait longer.
  handover.told("b", "job", 30s, now + 4min + 29s);
  handover.forget_old(now + 4min + 30s);
  CHECK(kept("a").empty());
  // Nobody asks: it ends all the same.
  handover.moved(3, "a", "b", "job", now);
  handover.forget_old(now + 5min);
  CHECK(handover.size() == 0);
  // Back again before anything happened: nothing is kept twice.
  handover.moved(4, "a", "b", "job", now);
  handover.moved(4, "b", "a", "job", now);
  CHECK(kept("a").empty());
  CHECK(kept("b") == std::vector<std::uint64_t>{4});
}

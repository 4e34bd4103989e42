#include "kube/cluster.h"

#include <doctest/doctest.h>

#include <set>

#include "io/simulation.h"
#include "kube/testing.h"

using namespace weir;
using namespace weir::kube;
using weir::kube::testing::FakeApi;

namespace {

const Resource& pods = resource_of(Kind::pod);

struct World {
  io::Simulation simulation{3, 7};
  Budget budget;
  telemetry::Registry metrics;
  std::shared_ptr<Cluster> cluster = std::make_shared<Cluster>();
  FakeApi* api = nullptr;
  std::shared_ptr<Home> home;

  void open() {
    auto made = std::make_unique<FakeApi>(simulation.core(0));
    api = made.get();
    home = std::make_shared<Home>(cluster, Home::Parts{std::move(made), simulation.core(0), budget, metrics, 1});
  }
};

struct Reader {
  std::set<std::string> names;
  bool synced = false;
  std::size_t firsts = 0;
  std::shared_ptr<void> token;

  void subscribe(World& world, std::size_t core, Query query = {.resource = pods}) {
    token = world.cluster->subscribe(std::move(query), world.simulation.core(core), [this, core](const News& news) {
      CHECK(io::current_core().value == core);
      if (news.first) names.clear();
      firsts += news.first;
      for (auto& change : news.changes) if (change.removed) names.erase(std::string(change.object->name)); else names.emplace(change.object->name);
      synced = synced || news.synced;
    });
  }
};

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("cluster: subscribers on all cores hear of one watch") {
  World world;
  Reader early;
  early.subscribe(world, 1);
  world.open();
  world.api->put(pods, "a", "one", "u1");
  world.home->run();
  Reader other;
  other.subscribe(world, 2);
  world.simulation.advance(1s);
  CHECK(early.names == Names{"one"});
  CHECK(other.names == Names{"one"});
  CHECK(early.synced);
  CHECK(world.api->asked.size() == 1);
  world.api->put(pods, "a", "two", "u2");
  world.api->remove(pods, "a", "one");
  world.simulation.advance(1s);
  CHECK(early.names == Names{"two"});
  CHECK(other.names == Names{"two"});
  Reader late;
  late.subscribe(world, 1);
  world.simulation.advance(1s);
  CHECK(late.names == Names{"two"});
  CHECK(late.synced);
  CHECK(late.firsts == 1);
  CHECK(world.home->synced());
  CHECK(world.api->asked.size() == 1);
}

TEST_CASE("cluster: a watch ends some time after its last subscriber") {
  World world;
  Reader reader;
  reader.subscribe(world, 1);
  world.open();
  world.home->run();
  world.simulation.advance(1s);
  CHECK(world.api->open() == 1);
  reader.token.reset();
  world.simulation.advance(15s);
  CHECK(world.api->open() == 0);
}

TEST_CASE("cluster: queries that differ have watches of their own; a new home tells all again") {
  World world;
  Reader all, some;
  all.subscribe(world, 0);
  some.subscribe(world, 1, {.resource = pods, .field_selector = "spec.nodeName=n"});
  world.open();
  world.home->run();
  world.simulation.advance(1s);
  CHECK(world.api->asked.size() == 2);
  world.home.reset();
  world.simulation.advance(1s);
  world.open();
  world.api->put(pods, "a", "new", "u");
  world.home->run();
  world.simulation.advance(1s);
  CHECK(all.names == Names{"new"});
  CHECK(all.firsts == 2);
}

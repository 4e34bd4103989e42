#include "components/exporters/loadbalancing/loadbalancing.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/testing.h"

using namespace weir;
using namespace weir::exporters::loadbalancing;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

// Backends under the test's control, by address.
struct Fleet {
  struct Backend {
    std::vector<std::size_t> got;
    std::set<std::string> traces;
    std::size_t attempts = 0;
  };
  std::map<std::string, Backend> backends;
  std::set<std::string> away;
  Duration delay = 1ms;

  std::size_t items(const std::string& address) {
    std::size_t n = 0;
    for (auto items : backends[address].got) n += items;
    return n;
  }
  std::size_t items() {
    std::size_t n = 0;
    for (auto& [address, backend] : backends) n += items(address);
    return n;
  }
};

class FleetSender : public exporting::Sender {
 public:
  FleetSender(Fleet& fleet, std::string address, io::Executor& executor) : fleet_(fleet), address_(std::move(address)), executor_(executor) {}
  void send(exporting::Payload payload, Duration, Done done) override {
    ++fleet_.backends[address_].attempts;
    executor_.at(executor_.now() + fleet_.delay, [this, payload = std::move(payload), done = std::move(done)]() mutable {
      if (fleet_.away.contains(address_)) return done(Error{Errc::retryable, "away", {}});
      fleet_.backends[address_].got.push_back(payload.items);
      std::string bytes;
      for (auto& piece : payload.pieces) bytes += piece.view();
      auto batch = otlp::Batch::parse(payload.signal, Bytes::take(std::move(bytes)));
      for (auto& group : batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) fleet_.backends[address_].traces.insert(std::string(otlp::peek_trace_id(payload.signal, item.raw).view()));
      done({});
    });
  }

 private:
  Fleet& fleet_;
  std::string address_;
  io::Executor& executor_;
};

// What a resolver finds is what the test posts.
struct TestConfig {
  Config config;
  Fleet* fleet;
  std::shared_ptr<Noticeboard> board = std::make_shared<Noticeboard>();
};

const engine::Factory test_factory{
    .kind = engine::Kind::exporter,
    .type = "lb",
    .signals = {Signal::traces},
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      auto& c = *static_cast<const TestConfig*>(config);
      auto make = [&c, context](const std::string& address) -> Result<std::unique_ptr<exporting::QueuedStage>> {
        exporting::Settings settings = c.config.protocol.otlp.exporting.settings();
        settings.endpoint = address;
        return exporting::make_stage(settings, std::make_unique<FleetSender>(*c.fleet, address, context.executor), context);
      };
      return std::make_unique<LoadBalancing>(c.config, RoutingKey::trace_id, LoadBalancing::Parts{nullptr, c.board, make}, context);
    }};

struct Fixture {
  explicit Fixture(Config config = {}, std::size_t cores = 1, bool on_disk = false) : setup(std::make_shared<TestConfig>(TestConfig{std::move(config), &fleet})), disk(on_disk), world(cores, 7) {
    if (!disk) world.host().directory = "";
    world.add(test_factory, "lb", setup);
    world.pipeline("traces", Signal::traces, {"source"}, {}, {"lb"});
    world.start();
  }
  void backends(const Endpoints& endpoints) {
    setup->board->post(endpoints);
    world.simulation().run_ready();
  }
  std::size_t push(int from, int to, std::size_t core = 0) {
    std::vector<SpanSpec> spans;
    for (int i = from; i < to; ++i) spans.push_back({.trace = static_cast<std::uint8_t>(i)});
    std::size_t pushed = world.push(make_traces(spans), core);
    if (disk) world.advance(11ms);  // it is written
    return pushed;
  }
  bool ok(std::size_t push) { return world.answer(push) && !*world.answer(push); }

  Fleet fleet;
  std::shared_ptr<TestConfig> setup;
  bool disk;
  World world;
};

}  // namespace

TEST_CASE("every trace arrives at the backend that owns it, once, from every core") {
  Fixture f({}, 4);
  f.backends({"b:1", "a:1", "c"});
  HashRing ring({"b:1", "a:1", "c"}, RingVersion::v0_158);
  for (std::size_t core = 0; core < 4; ++core) CHECK(f.ok(f.push(1, 200, core)));
  f.world.advance(1s);
  CHECK(f.fleet.items() == 4 * 199);
  for (auto& [address, backend] : f.fleet.backends) {
    CHECK(!backend.traces.empty());
    for (auto& trace : backend.traces) CHECK(address_of(ring.endpoints()[ring.owner(trace)]) == address);
  }
  f.world.stop();
}

TEST_CASE("what comes before the resolver's first answer waits for it; without backends it is refused") {
  Fixture f;
  auto early = f.push(1, 5);
  CHECK_FALSE(f.world.answer(early));
  f.backends({});
  REQUIRE(f.world.answer(early));
  CHECK((*f.world.answer(early))->code == Errc::retryable);
  f.backends({"a:1"});
  CHECK(f.ok(f.push(1, 5)));
  f.world.advance(1s);
  CHECK(f.fleet.items() == 4);
  f.world.stop();
}

TEST_CASE("the queue of a backend that is gone is delivered to those that took over") {
  for (bool disk : {false, true}) {
    CAPTURE(disk);
    Fixture f({}, 1, disk);
    f.backends({"a:1", "b:1"});
    f.fleet.away = {"b:1"};
    for (int i = 0; i < 30; ++i) CHECK(f.ok(f.push(1, 100)));
    f.world.advance(10s);
    std::size_t at_a = f.fleet.items("a:1");
    CHECK(at_a < 30 * 99);
    f.backends({"a:1", "c:1"});
    f.world.advance(1min);
    CHECK(f.fleet.items("b:1") == 0);
    CHECK(f.fleet.items("a:1") + f.fleet.items("c:1") == 30 * 99);
    auto attempts = f.fleet.backends["b:1"].attempts;
    f.world.advance(1min);
    CHECK(f.fleet.backends["b:1"].attempts == attempts);
    f.world.stop();
  }
}

TEST_CASE("a backend that is gone finishes what it is sending") {
  Fixture f;
  f.backends({"a:1", "b:1"});
  f.fleet.delay = 5s;
  f.push(1, 100);
  f.backends({"a:1"});
  f.world.advance(6s);
  CHECK(f.fleet.items("b:1") > 0);
  CHECK(f.fleet.items() == 99);
  f.world.stop();
}

TEST_CASE("backends that go away and come back, with faults: nothing is lost") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Config config;
    if (seed % 2) config.front.sending_queue.emplace();
    config.front.retry_on_failure.enabled = seed % 3 == 0;
    Fixture f(config, 1 + seed % 3, seed % 5 == 0);
    const Endpoints all = {"a:1", "b:1", "c:1", "d:1"};
    std::size_t taken = 0;
    for (int step = 0; step < 60; ++step) {
      Endpoints now, dead;
      for (auto& name : all) (rng.chance(0.6) ? now : dead).push_back(name);
      if (!now.empty() && rng.chance(0.3)) {
        f.fleet.away = {dead.begin(), dead.end()};
        f.backends(now);
      }
      auto number = f.push(0, 50, rng.below(1 + seed % 3));
      f.world.advance(std::chrono::milliseconds(rng.below(3000)));
      taken += f.ok(number) ? 50 : 0;
    }
    f.fleet.away.clear();
    f.backends(all);
    f.world.advance(2min);
    CHECK(f.fleet.items() >= taken);
    f.world.check_conservation();
    f.world.stop();
  }
}

TEST_CASE("queues on both levels: a full backend's share waits in front, the others go on") {
  Config config;
  config.front.sending_queue.emplace();
  config.front.retry_on_failure.enabled = true;
  config.front.retry_on_failure.initial_interval = 1s;
  config.protocol.otlp.exporting.sending_queue->queue_size = 2;
  config.protocol.otlp.exporting.sending_queue->num_consumers = 1;
  Fixture f(config);
  f.backends({"a:1", "b:1"});
  f.fleet.away = {"b:1"};
  for (int i = 0; i < 20; ++i) {
    CHECK(f.ok(f.push(1, 100)));
    f.world.advance(10ms);
  }
  f.world.advance(30s);
  std::size_t share = f.fleet.items("a:1");
  CHECK(share > 0);
  f.fleet.away.clear();
  f.world.advance(2min);
  CHECK(f.fleet.items("a:1") + f.fleet.items("b:1") == 20 * 99);
  CHECK(f.fleet.items("a:1") == share);
  f.world.stop();
}

TEST_CASE("without a queue in front, a full backend is heard by the sender") {
  Config config;
  config.protocol.otlp.exporting.sending_queue->queue_size = 1;
  config.protocol.otlp.exporting.sending_queue->num_consumers = 1;
  Fixture f(config);
  f.backends({"a:1", "b:1"});
  f.fleet.away = {"a:1", "b:1"};
  CHECK(f.ok(f.push(1, 100)));
  auto refused = f.push(1, 100);
  REQUIRE(f.world.answer(refused));
  CHECK((*f.world.answer(refused))->code == Errc::refused);
  f.world.stop(0s);
}

TEST_CASE("what is dialled for an endpoint") {
  struct {
    std::string in, out;
  } const rows[] = {{"host", "host:4317"}, {"host:1", "host:1"}, {"10.0.0.1", "10.0.0.1:4317"}, {"[::1]", "[::1]:4317"}, {"[::1]:5", "[::1]:5"}, {"fd00::1", "[fd00::1]:4317"}, {"https://host:1", "https://host:1"}};
  for (auto& row : rows) CHECK(address_of(row.in) == row.out);
}

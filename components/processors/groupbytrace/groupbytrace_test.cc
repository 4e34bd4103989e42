#include "components/processors/groupbytrace/groupbytrace.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::groupbytrace {
engine::Factory factory();
}

using namespace weir;
using namespace weir::processors::groupbytrace;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

struct Fixture {
  explicit Fixture(Config config, std::size_t cores = 1, bool on_disk = false, const io::MemoryFs* disk = nullptr) : world(cores, 1) {
    if (disk) world.host().fs() = disk->copy();
    if (!on_disk) world.host().directory = "";
    world.add(stage_factory, "groupbytrace", std::make_shared<Config>(config));
    world.pipeline("traces", Signal::traces, {"source"}, {"groupbytrace"}, {"sink"});
    world.start();
  }
  // "trace service.name" of what came out since the last call, sorted.
  std::vector<std::string> out() {
    std::vector<std::string> lines;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups()) {
        Arena& arena = arrived.batch->arena();
        const otlp::Value* service = group.resource.read(arena).attributes.find("service.name");
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& span = item.read<otlp::Span>(arena);
            lines.push_back(fmt::format("{} {}.{}", span.trace_id.bytes[15], service ? service->text : "", span.name));
          }
      }
    std::ranges::sort(lines);
    return lines;
  }
  double metric(std::string_view name) {
    for (auto& family : world.host().metrics().collect())
      if (family.name == fmt::format("otelcol_processor_groupbytrace_{}", name)) return family.samples.at(0).value;
    return -1;
  }

  engine::Factory stage_factory = factory();
  World world;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("groupbytrace: the spans of a trace go on together, a while after the first") {
  Fixture f({.wait_duration = 1s});
  f.world.push(make_traces({{.trace = 1, .name = "a"}, {.trace = 2, .name = "x"}}));
  f.world.advance(600ms);
  f.world.push(make_traces({{.trace = 1, .name = "b", .service = "cart"}, {.trace = 3, .name = "z"}}));
  CHECK(f.out().empty());
  CHECK(f.metric("num_traces_in_memory") == 3);
  f.world.check_conservation();
  f.world.advance(410ms);
  CHECK(f.out() == Lines{"1 cart.b", "1 shop.a", "2 shop.x"});
  f.world.advance(600ms);
  CHECK(f.out() == Lines{"3 shop.z"});
  CHECK(f.metric("traces_released") == 3);
  CHECK(f.metric("spans_released") == 4);
  CHECK(f.metric("num_traces_in_memory") == 0);
  f.world.stop();
}

TEST_CASE("groupbytrace: a large resource in front of many traces is held once") {
  Fixture f({.wait_duration = 1s});
  f.world.host().budget().set_limit(4'000'000);
  auto large = [](int traces) {
    std::vector<SpanSpec> spans;
    for (int i = 0; i < traces; ++i) spans.push_back({.trace = static_cast<std::uint8_t>(i + 1), .name = "a", .service = std::string(100'000, 's')});
    return make_traces(spans);
  };
  auto taken = f.world.push(large(200));  // 20 MB, if each had its own
  REQUIRE(f.world.answer(taken));
  CHECK_FALSE(*f.world.answer(taken));
  CHECK(f.world.host().budget().used() < 500'000);
  f.world.advance(2s);
  CHECK(f.out().size() == 200);
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("groupbytrace: a span that comes later waits anew") {
  Fixture f({.wait_duration = 1s});
  f.world.push(make_traces({{.trace = 1, .name = "a"}}));
  f.world.advance(1100ms);
  CHECK(f.out() == Lines{"1 shop.a"});
  f.world.push(make_traces({{.trace = 1, .name = "late"}}));
  f.world.advance(900ms);
  CHECK(f.out().empty());
  f.world.advance(110ms);
  CHECK(f.out() == Lines{"1 shop.late"});
  f.world.stop();
}

TEST_CASE("groupbytrace: when full, the oldest goes on early") {
  Fixture f({.wait_duration = 10s, .num_traces = 2});
  CHECK(f.metric("conf_num_traces") == 2);
  for (std::uint8_t trace : {1, 2, 1, 3}) f.world.push(make_traces({{.trace = trace, .name = "s"}}));
  CHECK(f.out() == Lines{"1 shop.s", "1 shop.s"});
  CHECK(f.metric("traces_evicted") == 1);
  f.world.push(make_traces({{.trace = 1, .name = "again"}}));
  CHECK(f.out() == Lines{"2 shop.s"});
  f.world.check_conservation();
  f.world.stop();
  CHECK(f.out() == Lines{"1 shop.again", "3 shop.s"});
}

TEST_CASE("groupbytrace: what is held is charged to the budget until it goes on") {
  Fixture f({.wait_duration = 1s});
  auto push = f.world.push(make_traces({{.trace = 1, .name = std::string(5000, 'n')}}));
  CHECK(f.world.host().budget().used() >= 5000);
  REQUIRE(f.world.answer(push).has_value());  // the sink is a queue in memory: nothing to wait for
  f.world.advance(1100ms);
  CHECK(f.out().size() == 1);
  CHECK(f.world.host().budget().used() == 0);
  f.world.stop();
}

TEST_CASE("groupbytrace: text that a processor before it cut between bytes of a character is repaired") {
  Fixture f({.wait_duration = 1s});
  otlp::Batch batch = make_traces({{.trace = 1, .name = "\xC3\xA9"}});
  Arena& arena = batch.arena();
  auto& name = batch.groups().at(0).scopes.at(0).items.at(0).edit<otlp::Span>(arena).name;
  name = name.substr(0, 1);
  f.world.push(std::move(batch));
  f.world.advance(1100ms);
  CHECK(f.out() == Lines{"1 shop.\xEF\xBF\xBD"});
  f.world.stop();
}

TEST_CASE("groupbytrace: any number of cores brings each trace together") {
  for (std::size_t cores : {1u, 2u, 4u}) {
    CAPTURE(cores);
    Fixture f({.wait_duration = 1s}, cores);
    for (std::size_t round = 0; round < 8; ++round) {
      std::vector<SpanSpec> spans;
      for (std::uint8_t trace = 0; trace < 40; ++trace) spans.push_back({.trace = trace, .span = static_cast<std::uint8_t>(round)});
      f.world.push(make_traces(spans), round % cores);
      f.world.advance(50ms);
    }
    f.world.advance(2s);
    std::size_t total = 0;
    for (auto& arrived : f.world.take()) {
      std::map<int, std::size_t> spans;
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) ++spans[item.read<otlp::Span>(arrived.batch->arena()).trace_id.bytes[15]];
      for (auto& [trace, count] : spans) CHECK(count == 8);
      total += arrived.batch->items();
    }
    CHECK(total == 320);
    f.world.stop();
  }
}

TEST_CASE("groupbytrace: settings") {
  for (std::string_view yaml : {"{store_on_disk: true}", "{discard_orphans: true}", "{num_traces: 0}", "{wait_duration: -1s}"}) {
    CAPTURE(yaml);
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    CHECK(factory().decode(&*value, problems) == nullptr);
  }
  config::Problems problems;
  auto value = config::parse_yaml("{num_workers: 4, wait_duration: 10s, store_on_disk: false}");
  CHECK(factory().decode(&*value, problems) != nullptr);
}

TEST_CASE("groupbytrace: on disk a sender hears OK long before the trace is complete, and a kill loses nothing") {
  io::MemoryFs disk;
  Fixture first({.wait_duration = 30s}, 2, true);
  auto push = first.world.push(make_traces({{.trace = 1, .name = "a"}, {.trace = 2, .name = "b"}}));
  first.world.advance(20ms);
  REQUIRE(first.world.answer(push));
  CHECK_FALSE(*first.world.answer(push));
  disk = first.world.host().fs().copy();
  Fixture second({.wait_duration = 30s}, 1, true, &disk);
  second.world.advance(1s);
  second.world.push(make_traces({{.trace = 1, .name = "c"}}));
  second.world.advance(31s);
  auto lines = second.out();
  std::ranges::sort(lines);
  CHECK(lines == Lines{"1 shop.a", "1 shop.c", "2 shop.b"});
  second.world.stop();
  first.world.stop();
}

TEST_CASE("groupbytrace: what a killed process had not synced survives a power cut once the next one runs, whatever that is for") {
  for (bool restarted : {true, false}) {
    Fixture first({.wait_duration = 30s}, 1, true);
    auto push = first.world.push(make_traces({{.trace = 1, .name = "a"}}));
    for (int i = 0; i < 1000 && !first.world.answer(push); ++i) first.world.advance(10us);
    REQUIRE(first.world.answer(push));
    io::MemoryFs disk = first.world.host().fs().copy();
    first.world.stop();
    if (restarted) {
      World other(1, 1);
      other.host().fs() = disk.copy();
      other.host().directory = first.world.host().directory;
      other.pipeline("traces", Signal::traces, {"source"}, {}, {"sink"});
      other.start();
      other.advance(100ms);
      disk = other.host().fs().copy();
      other.stop();
    }
    int there = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Rng rng(seed);
      io::MemoryFs left = disk.copy();
      left.cut_power(rng);
      Fixture last({.wait_duration = 1s}, 1, true, &left);
      last.world.advance(3s);
      there += static_cast<int>(last.out().size());
      last.world.stop();
    }
    if (restarted) CHECK(there == 20);
    if (!restarted) CHECK(there < 20);  // within the second that a power cut may cost
  }
}

TEST_CASE("groupbytrace: what waits on disk takes little memory, however long it waits, and leaves whole") {
  Fixture f({.wait_duration = 60s}, 2, true);
  f.world.host().limit_memory(8u << 20);
  auto batch_of = [](int first, const std::string& text) {
    std::vector<SpanSpec> specs(50);
    for (auto& spec : specs) spec.name = text;
    auto batch = make_traces(specs);
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) std::memcpy(item.edit<otlp::Span>(batch.arena()).trace_id.bytes.data(), &first, sizeof first), ++first;
    return batch;
  };
  std::size_t most = 0;
  for (int half : {0, 1})
    for (int i = 0; i < 10'000; i += 50) {
      auto push = f.world.push(batch_of(i, std::string(1000, half ? 'b' : 'a')), static_cast<std::size_t>(half));
      f.world.advance(11ms);
      REQUIRE(f.world.answer(push));
      CHECK_FALSE(*f.world.answer(push));
      most = std::max(most, f.world.host().budget().used());
    }
  CHECK(most < 7u << 20);  // of 20 MB
  f.world.check_conservation();
  std::map<int, std::size_t> spans;
  for (int second = 0; second < 65; ++second) {
    f.world.advance(1s);
    most = std::max(most, f.world.host().budget().used());
    for (auto& arrived : f.world.take()) {
      std::map<int, std::size_t> here;
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            int number = 0;
            std::memcpy(&number, item.read<otlp::Span>(arrived.batch->arena()).trace_id.bytes.data(), sizeof number);
            ++here[number];
          }
      for (auto& [number, count] : here) {
        CHECK(count == 2);
        spans[number] += count;
      }
    }
  }
  CHECK(spans.size() == 10'000);
  f.world.check_conservation();
  f.world.stop();
}

#include <doctest/doctest.h>

#include "components/connectors/spanmetrics/testing.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;
using namespace weir::connectors::spanmetrics::testing;

namespace {

// A process with a disk.
struct Process {
  Process(io::MemoryFs& left, std::size_t cores, Config config = {}) : disk(left), world(cores, 1) {
    static const engine::Factory connector = factory();
    world.host().fs() = disk.copy();
    world.simulation().advance(1min * ++started);  // every process begins at another time
    config.metrics_flush_interval = 10s;
    world.add(connector, "spanmetrics", std::make_shared<Config>(std::move(config)));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {}, {"spanmetrics"});
    world.pipeline("metrics", otlp::Signal::metrics, {"spanmetrics"}, {}, {"sink"});
    world.start();
  }
  void push(const std::string& service, int spans) {
    std::vector<SpanSpec> specs;
    for (int i = 0; i < spans; ++i) specs.push_back({.trace = static_cast<std::uint8_t>(i + 1), .service = service, .duration = 20ms});
    world.push(engine::testing::make_traces(specs));
  }
  Points flush() {
    world.advance(11s);
    return read(world.take());
  }
  Points stop() {
    world.check_conservation();
    world.stop();
    disk = world.host().fs().copy();
    return read(world.take());
  }
  void kill() { disk = world.host().fs().copy(); }
  double metric(std::string_view name) {
    double sum = 0;
    for (auto& family : world.host().metrics().collect())
      if (family.name == name)
        for (auto& sample : family.samples) sum += sample.value;
    return sum;
  }

  static inline int started = 0;
  io::MemoryFs& disk;
  World world;
};

const Point& calls(const Points& points, const std::string& service = "shop") { return points.at(service + " calls span.name=op"); }
const Point& duration(const Points& points, const std::string& service = "shop") { return points.at(service + " duration span.name=op"); }

Config exponential() {
  Config config;
  config.histogram.exponential = ExponentialHistogram{};
  return config;
}

}  // namespace

TEST_CASE("span metrics: counts go on after an orderly restart, on any number of cores") {
  for (const Config& config : {Config{}, exponential()})
    for (std::size_t cores : {1u, 2u, 3u}) {
      CAPTURE(cores);
      io::MemoryFs disk;
      UnixNanos start = 0;
      double sum = 0;
      std::vector<std::uint64_t> buckets;
      {
        Process first(disk, 2, config);
        for (const char* service : {"shop", "cart", "mail"}) first.push(service, 5);
        start = calls(first.flush()).start;
        first.push("shop", 2);
        auto last = first.stop();
        CHECK(calls(last).value == 7);
        sum = duration(last).sum;
        buckets = duration(last).buckets;
      }
      Process second(disk, cores, config);
      CHECK(second.flush().empty());
      second.push("shop", 1);
      auto points = second.flush();
      CHECK(calls(points).value == 8);
      CHECK(calls(points).start == start);
      CHECK(duration(points).value == 8);
      CHECK(duration(points).start == start);
      CHECK(duration(points).sum == doctest::Approx(sum * 8 / 7));
      CHECK(duration(points).buckets.size() == buckets.size());
      // What nobody sent yet is there after another restart as well.
      second.stop();
      Process third(disk, 1, config);
      third.push("cart", 1);
      third.push("shop", 1);
      points = third.flush();
      CHECK(calls(points, "cart").value == 6);
      CHECK(calls(points, "cart").start == start);
      CHECK(calls(points).value == 9);
      third.stop();
    }
}

TEST_CASE("span metrics: after a crash counts begin anew, with a new start time") {
  io::MemoryFs disk;
  UnixNanos start = 0;
  {
    Process first(disk, 1);
    first.push("shop", 5);
    start = calls(first.flush()).start;
    first.stop();
  }
  {
    Process second(disk, 1);
    second.push("shop", 1);
    CHECK(calls(second.flush()).value == 6);
    second.kill();
  }
  Process third(disk, 1);
  third.push("shop", 1);
  CHECK(calls(third.flush()).value == 0);  // where it begins
  auto points = third.flush();
  CHECK(calls(points).value == 1);
  CHECK(calls(points).start > start);
  third.stop();
}

TEST_CASE("span metrics: with other settings, or a state that is damaged anywhere, counts begin anew") {
  io::MemoryFs disk;
  {
    Process first(disk, 1);
    first.push("shop", 5);
    first.stop();
  }
  {
    io::MemoryFs same = disk.copy();
    Process other(same, 1, exponential());
    other.push("shop", 1);
    other.flush();
    CHECK(calls(other.flush()).value == 1);
    CHECK(other.metric("weir_kept_state_damaged") == 0);
    other.stop();
  }
  const std::string path = "/data/state/connector-spanmetrics";
  REQUIRE(disk.content(path) != nullptr);
  std::size_t bits = disk.content(path)->size() * 8;
  for (std::size_t bit = 0; bit < bits; bit += 61) {
    io::MemoryFs damaged = disk.copy();
    damaged.flip_bit(path, bit);
    Process next(damaged, 1);
    next.push("shop", 1);
    CHECK(calls(next.flush()).value == 0);
    CHECK(next.metric("weir_kept_state_damaged") == 1);
    next.stop();
  }
  io::MemoryFs cut = disk.copy();
  cut.cut(path, bits / 16);
  Process next(cut, 1);
  next.push("shop", 1);
  CHECK(calls(next.flush()).value == 0);
  next.stop();
}

TEST_CASE("span metrics: a state that cannot be written is said, and nothing old is left") {
  io::MemoryFs disk;
  Process first(disk, 1);
  first.push("shop", 5);
  first.world.host().fs().fault = [](std::string_view operation, const std::string&) { return operation == "sync" ? EIO : 0; };
  first.stop();
  CHECK(first.metric("weir_kept_state_failures") == 1);
  CHECK(disk.content("/data/state/connector-spanmetrics") == nullptr);
}

#include "components/shared/exporting/disk_queue.h"

#include <doctest/doctest.h>

#include <set>

#include "components/shared/exporting/exporting.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::exporting;
using namespace weir::engine::testing;
using engine::Reason;
using engine::Signal;

namespace {

// The names of the spans in a request: "op<number>.".
std::vector<int> numbers_in(std::string_view body) {
  std::vector<int> out;
  for (std::size_t at = body.find("op"); at != body.npos; at = body.find("op", at + 1)) {
    int number = std::atoi(std::string(body.substr(at + 2, 9)).c_str());
    if (number > 0) out.push_back(number);
  }
  return out;
}

// Outlives processes, as backends and disks do.
struct Surroundings {
  std::function<Outcome(const Payload&)> rule;
  Duration delay = 1ms;
  std::vector<int> got;
  std::size_t attempts = 0;
  io::MemoryFs disk;

  std::set<int> distinct() const { return {got.begin(), got.end()}; }
};

class TestSender : public Sender {
 public:
  TestSender(Surroundings& around, io::Executor& executor) : around_(around), executor_(executor) {}
  bool sends_protobuf() const override { return true; }
  using Sender::send;
  void send(Payload payload, Duration, Done done) override {
    ++around_.attempts;
    executor_.at(executor_.now() + around_.delay, [this, payload = std::move(payload), done = std::move(done)]() mutable {
      Outcome outcome = around_.rule ? around_.rule(payload) : std::nullopt;
      std::string body;
      for (auto& piece : payload.pieces) body += piece.view();
      if (!outcome)
        for (int number : numbers_in(body)) around_.got.push_back(number);
      done(std::move(outcome));
    });
  }

 private:
  Surroundings& around_;
  io::Executor& executor_;
};

struct TestConfig {
  Settings settings;
  Surroundings* around;
};

const engine::Factory exporter_factory{
    .kind = engine::Kind::exporter,
    .type = "test",
    .signals = {Signal::traces},
    .durability = [](const void* config, const engine::StorageInfo& storage) { return durability(static_cast<const TestConfig*>(config)->settings, storage); },
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      auto& c = *static_cast<const TestConfig*>(config);
      return make_stage(c.settings, std::make_unique<TestSender>(*c.around, context.executor), context);
    }};

Outcome away(const Payload&) { return Error{Errc::retryable, "away", {}}; }

// One process. kill() leaves on the disk what was there at that moment.
struct Process {
  Process(Surroundings& surroundings, Settings settings = {}, std::size_t cores = 1, std::uint64_t seed = 1) : around(surroundings), world(cores, seed) {
    world.host().fs() = around.disk.copy();
    world.add(exporter_factory, "test", std::make_shared<TestConfig>(TestConfig{settings, &around}));
    world.pipeline("traces", Signal::traces, {"source"}, {}, {"test"});
    world.start();
  }
  ~Process() { world.host().fs().fault = nullptr; }
  std::size_t push_only(int number, std::size_t core = 0) { return world.push(make_traces({{.name = fmt::format("op{:06}.", number)}}), core); }
  // And lets the disk do its part.
  std::size_t push(int number, std::size_t core = 0) {
    std::size_t push = push_only(number, core);
    world.advance(11ms);
    return push;
  }
  bool ok(std::size_t number) { return world.answer(number) && !*world.answer(number); }
  void kill() {
    around.disk = world.host().fs().copy();
    around.rule = away;  // what the dead one does from now on nobody sees
  }
  void stop(Duration patience = 30s) {
    world.stop(patience);
    around.disk = world.host().fs().copy();
  }
  std::uint64_t dropped(Reason reason) {
    std::uint64_t n = 0;
    for (auto& row : world.engine().ledger(true)) n += row.dropped[static_cast<std::size_t>(reason)];
    return n;
  }

  Surroundings& around;
  World world;
};

std::set<int> upto(int last) {
  std::set<int> out;
  for (int i = 1; i <= last; ++i) out.insert(i);
  return out;
}

}  // namespace

TEST_CASE("stored requests: facts and body come back, anything else is an error") {
  auto context = std::make_shared<otlp::Context>();  // shared as by the batches of one request
  context->peer = "10.0.0.7", context->metadata = {{"x-scope", {"a", "b"}}}, context->auth = {{"subject", "me"}};
  Bytes facts = encode_facts({Signal::logs, context, "no"});
  auto got = decode_request(Bytes::take(std::string(facts.view()) + "body"));
  REQUIRE(got.has_value());
  CHECK(got->facts.signal == Signal::logs);
  CHECK(got->facts.error == "no");
  CHECK(got->facts.context->peer == "10.0.0.7");
  CHECK(got->facts.context->metadata.at("x-scope") == std::vector<std::string>{"a", "b"});
  CHECK(got->facts.context->auth.at("subject") == "me");
  CHECK(got->body.view() == "body");
  for (std::size_t size = 0; size < facts.size(); ++size) CHECK_FALSE(decode_request(Bytes::take(std::string(facts.view().substr(0, size)))).has_value());
  CHECK(queue_directory_name("otlp/a b", Signal::traces, "h:1") == "otlp%2Fa%20b-traces-h%3A1");
}

TEST_CASE("a killed process loses nothing that it answered; the next one delivers it on any number of cores") {
  for (std::size_t cores : {1u, 3u}) {
    Surroundings around;
    around.rule = away;
    {
      Process first(around, {}, 2);
      for (int i = 1; i <= 50; ++i) CHECK(first.ok(first.push(i, static_cast<std::size_t>(i) % 2)));
      first.world.advance(1s);
      first.kill();
    }
    CHECK(around.got.empty());
    around.rule = nullptr;
    Process second(around, {}, cores);
    second.world.advance(10s);
    CHECK(around.distinct() == upto(50));
    CHECK(around.got.size() == 50);
    second.stop();
    CHECK(std::ranges::none_of(around.disk.paths(), [](auto& path) { return path.find(".seg") != path.npos; }));
  }
}

TEST_CASE("an answer comes when the request is written, not before; a full disk refuses and takes again") {
  Surroundings around;
  around.rule = away;
  Process process(around);
  process.world.host().fs().room = 50;
  auto refused = process.push(1);
  REQUIRE(process.world.answer(refused));
  CHECK((*process.world.answer(refused))->code == Errc::refused);
  process.world.host().fs().room = 100'000;
  CHECK(process.ok(process.push(2)));
  process.kill();
  around.rule = nullptr;
  Process next(around);
  next.world.advance(1s);
  CHECK(around.got == std::vector<int>{2});
  next.stop();
}

TEST_CASE("a backlog is on disk, not in memory, and is delivered once and in order when the backend is back") {
  Surroundings around;
  around.rule = away;
  Process process(around);
  process.world.host().limit_memory(1 << 20);
  for (int i = 1; i <= 3000; ++i) REQUIRE(process.ok(process.push(i)));
  CHECK(process.world.host().budget().used() < 200'000);
  around.rule = nullptr;
  process.world.advance(60s);
  CHECK(around.got.size() == 3000);
  CHECK(around.distinct() == upto(3000));
  process.world.check_conservation();
  process.stop();
}

TEST_CASE("an end with a dead backend is quick and loses nothing") {
  Surroundings around;
  around.rule = away;
  {
    Process process(around);
    for (int i = 1; i <= 20; ++i) process.push(i);
    process.world.advance(1min);
    TimePoint begun = process.world.simulation().clock().now();
    process.stop();
    CHECK(process.world.simulation().clock().now() - begun < 1s);
  }
  around.rule = nullptr;
  Process next(around);
  next.world.advance(10s);
  CHECK(around.distinct() == upto(20));
  next.stop();
}

TEST_CASE("what the backend refuses for good is put aside with its words") {
  Surroundings around;
  around.rule = [](const Payload&) { return Error{Errc::permanent, "no such tenant", {}}; };
  Process process(around);
  process.push(7);
  process.world.advance(1s);
  CHECK(process.dropped(Reason::permanent_error) == 1);
  process.stop();
  bool found = false;
  for (auto& path : around.disk.paths())
    if (path.find("/dead/") != path.npos) found |= around.disk.content(path)->find("no such tenant") != std::string::npos && numbers_in(*around.disk.content(path)) == std::vector<int>{7};
  CHECK(found);
}

TEST_CASE("wait_for_result works on disk: senders hear the backend, and a kill in between loses nothing") {
  Surroundings around;
  around.rule = away;
  Settings settings;
  settings.queue.wait_for_result = true;
  {
    Process process(around, settings);
    auto push = process.push(1);
    process.world.advance(1s);
    CHECK_FALSE(process.world.answer(push));
    process.kill();
  }
  around.rule = nullptr;
  Process next(around, settings);
  auto push = next.push(2);
  next.world.advance(1s);
  CHECK(next.ok(push));
  CHECK(around.distinct() == upto(2));
  next.stop();
}

TEST_CASE("a backlog behind many empty files is there soon") {
  Surroundings around;
  around.rule = away;
  Settings settings;
  settings.queue.newest_first = true;
  {
    Process process(around, settings);
    process.push(1);
    process.world.advance(100ms);
    process.kill();
  }
  REQUIRE(around.disk.paths().size() > 0);
  std::string first = around.disk.paths().front();
  for (auto& path : around.disk.paths())
    if (path.ends_with(".seg")) first = path;
  std::string directory = first.substr(0, first.rfind('/'));
  for (int i = 0; i < 500; ++i) REQUIRE(around.disk.open(fmt::format("{}/{:016x}-{:016x}.seg", directory, 1000 + i, i), io::OpenMode::append));
  around.rule = nullptr;
  Process next(around, settings);
  next.world.advance(3s);
  CHECK(around.distinct() == upto(1));
  next.stop();
}

TEST_CASE("what happens at the quota is chosen") {
  struct {
    Overflow overflow;
    std::set<int> delivered;
    std::uint64_t dropped;
  } rows[] = {{Overflow::refuse, {1, 2, 3}, 0}, {Overflow::drop_newest, {1, 2, 3}, 2}, {Overflow::drop_oldest, {1, 4, 5}, 2}};
  for (auto& row : rows) {
    Surroundings around;
    around.rule = away;
    Settings settings;
    settings.queue.overflow = row.overflow;
    settings.queue.queue_size = 3;
    settings.queue.num_consumers = 1;
    Process process(around, settings);
    for (int i = 1; i <= 5; ++i) CHECK(process.ok(process.push(i)) == (i <= 3 || row.overflow != Overflow::refuse));
    CHECK(process.dropped(Reason::queue_full) == row.dropped);
    around.rule = nullptr;
    process.world.advance(1min);
    CHECK(around.distinct() == row.delivered);
    process.stop();
  }
}

TEST_CASE("a disk quota holds: the oldest segments go, and it is counted") {
  Surroundings around;
  around.rule = away;
  Settings settings;
  settings.queue.overflow = Overflow::drop_oldest;
  settings.queue.max_disk_bytes = 1024 * 1024;
  Process process(around, settings);
  process.world.host().limit_memory(1 << 20);
  for (int i = 1; i <= 20'000; ++i) process.push(i);
  std::uint64_t on_disk = 0;
  for (auto& path : process.world.host().fs().paths()) on_disk += process.world.host().fs().content(path)->size();
  CHECK(on_disk < 1024 * 1024 + 256 * 1024);
  CHECK(process.dropped(Reason::queue_full) > 0);
  process.world.check_conservation();
  std::uint64_t lost = process.dropped(Reason::queue_full);
  around.rule = nullptr;
  process.world.advance(5min);
  CHECK(around.distinct().size() == 20'000 - lost);
  process.stop();
}

TEST_CASE("a request that can never fit is refused at once and for good, also by a queue that blocks") {
  for (bool disk : {false, true}) {
    Surroundings around;
    Settings settings;
    settings.queue.durable = disk;
    settings.queue.block_on_overflow = true;
    settings.queue.sizer = Sizer::items;
    settings.queue.queue_size = 2;
    Process process(around, settings);
    auto push = process.world.push(make_traces(std::vector<SpanSpec>(3)));
    REQUIRE(process.world.answer(push));
    CHECK((*process.world.answer(push))->code == Errc::permanent);
    process.stop();
  }
}

TEST_CASE("batch in the queue: a record goes when the last part of it is delivered") {
  Surroundings around;
  Settings settings;
  settings.queue.batch = QueueBatchSettings{.flush_timeout = 200ms, .min_size = 10, .max_size = 10};
  int until = 2;
  around.rule = [&](const Payload&) { return until-- > 0 ? Outcome() : Outcome(Error{Errc::retryable, "away", {}}); };
  {
    Process process(around, settings);
    for (int i = 0; i < 7; ++i) {
      std::vector<SpanSpec> spans;
      for (int j = 1; j <= 4; ++j) spans.push_back({.name = fmt::format("op{:06}.", 4 * i + j)});
      process.world.push(make_traces(spans));
    }
    process.world.advance(1s);
    process.kill();
  }
  CHECK(around.got.size() == 20);
  around.rule = nullptr;
  Process next(around, settings);
  next.world.advance(10s);
  CHECK(around.distinct() == upto(28));
  CHECK(around.got.size() <= 28 + 4);  // the request that was cut comes again
  next.stop();
}

TEST_CASE("order holds over reloads that change the exporter") {
  for (bool durable : {false, true})
    for (bool away_meanwhile : {false, true}) {
      CAPTURE(durable);
      CAPTURE(away_meanwhile);
      Surroundings around;
      around.delay = 300ms;
      if (away_meanwhile) around.rule = away;
      Settings settings;
      settings.queue.in_order = true;
      settings.queue.durable = durable;
      settings.retry.initial_interval = 100ms;
      Process process(around, settings, 2);
      int number = 0;
      auto push = [&](int count) {
        for (int i = 0; i < count; ++i) {
          ++number;
          CHECK(process.ok(process.push(number, static_cast<std::size_t>(number % 2))));
        }
      };
      for (int reload = 0; reload < 3; ++reload) {
        push(8);
        settings.retry.max_interval = std::chrono::seconds(1 + reload);
        process.world.add(exporter_factory, "test", std::make_shared<TestConfig>(TestConfig{settings, &around}));
        REQUIRE(process.world.reload());
        push(6);
        process.world.advance(away_meanwhile ? 5s : 500ms);
      }
      around.rule = nullptr;
      process.world.advance(60s);
      CHECK(around.distinct() == upto(number));
      CHECK(around.got.size() == around.distinct().size());
      // Each core has every other number.
      int latest[2] = {0, 0};
      for (int n : around.got) {
        CHECK(n > latest[n % 2]);
        latest[n % 2] = n;
      }
      process.stop();
    }
}

TEST_CASE("random deaths, faults and disks: nothing answered OK is lost, over many restarts") {
  int worlds = std::getenv("WEIR_NIGHTLY") ? 2'000 : 60;
  for (int seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    Rng rng(static_cast<std::uint64_t>(seed));
    Surroundings around;
    Settings settings;
    settings.queue.num_consumers = 1 + rng.below(4);
    settings.queue.newest_first = rng.chance(0.3);
    settings.queue.wait_for_result = rng.chance(0.2);
    settings.queue.sync = storage::Sync::always;
    if (rng.chance(0.4)) settings.queue.batch = QueueBatchSettings{.flush_timeout = 200ms, .min_size = 1 + rng.below(20), .max_size = rng.chance(0.5) ? 20u : 0u};
    std::set<int> answered, refused;
    int number = 0;
    for (std::uint64_t process = rng.below(4) + 2; process-- > 0;) {
      double failures = rng.unit();
      around.rule = [&, failures](const Payload&) -> Outcome {
        if (rng.chance(failures)) return Error{Errc::retryable, "away", {}};
        return {};
      };
      around.delay = Duration(static_cast<std::int64_t>(rng.below(50'000'000)));
      std::size_t cores = 1 + rng.below(3);
      Process now(around, settings, cores, rng.next());
      if (rng.chance(0.5)) now.world.host().limit_memory(1 << 20);
      auto& fs = now.world.host().fs();
      double trouble = rng.chance(0.5) ? 0.1 : 0;
      fs.fault = [&, trouble](std::string_view operation, const std::string& path) {
        if (operation == "open" && path.ends_with(".ack")) return 0;
        return (operation == "write" || operation == "sync") && rng.chance(trouble) ? 28 : 0;
      };
      std::map<int, std::size_t> pushes;
      for (std::uint64_t i = rng.below(60); i-- > 0;) {
        ++number;
        pushes[number] = now.push_only(number, rng.below(cores));
        if (rng.chance(0.3)) now.world.advance(Duration(static_cast<std::int64_t>(rng.below(1'000'000'000))));
      }
      now.world.check_conservation();
      for (auto& [n, push] : pushes)
        if (now.ok(push)) answered.insert(n);
      fs.fault = nullptr;
      if (rng.chance(0.3)) {
        now.stop(5s);
      } else {
        now.kill();
        if (rng.chance(0.5)) around.disk.cut_power(rng);
      }
    }
    around.rule = nullptr;
    Process last(around, settings, 1 + rng.below(3), rng.next());
    last.world.advance(2min);
    last.stop();
    auto got = around.distinct();
    for (int n : answered) REQUIRE_MESSAGE(got.contains(n), n, " is lost");
  }
}

#include "components/shared/exporting/exporting.h"

#include <doctest/doctest.h>

#include "components/shared/exporting/config.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::exporting;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

// A backend under the test's control: keeps what it got, answers by rule after a delay.
struct Backend {
  std::function<Outcome(const Payload&)> rule = [](const Payload&) { return Outcome{}; };
  Duration delay = 1ms;
  PartialSuccess partial;  // said beside each OK
  bool opens = false;  // its encoding needs every span decoded
  std::vector<std::size_t> got;    // items of each request it took
  std::vector<std::size_t> sizes;  // and its bytes
  std::size_t attempts = 0, open = 0, most_open = 0;
};

class FakeSender : public Sender {
 public:
  FakeSender(Backend& backend, io::Executor& executor) : backend_(backend), executor_(executor) {}
  std::vector<Bytes> encode(otlp::Batch& batch) override {
    if (backend_.opens)
      for (auto& group : batch.groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) item.read<otlp::Span>(batch.arena());
    return batch.encode();
  }
  void send(Payload payload, Duration, Done done) override {
    ++backend_.attempts;
    backend_.most_open = std::max(backend_.most_open, ++backend_.open);
    executor_.at(executor_.now() + backend_.delay, [this, payload = std::move(payload), done = std::move(done)]() mutable {
      --backend_.open;
      Outcome outcome = backend_.rule(payload);
      if (!outcome) {
        backend_.got.push_back(payload.items);
        auto& bytes = backend_.sizes.emplace_back();
        for (auto& piece : payload.pieces) bytes += piece.size();
      }
      done(outcome ? Sent(std::move(outcome)) : Sent(backend_.partial));
    });
  }

 private:
  Backend& backend_;
  io::Executor& executor_;
};

struct TestConfig {
  Settings settings;
  Backend* backend;
};

const engine::Factory exporter_factory{
    .kind = engine::Kind::exporter,
    .type = "test",
    .signals = {Signal::traces},
    .durability = [](const void* config, const engine::StorageInfo& storage) { return durability(static_cast<const TestConfig*>(config)->settings, storage); },
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      auto& c = *static_cast<const TestConfig*>(config);
      return make_stage(c.settings, std::make_unique<FakeSender>(*c.backend, context.executor), context);
    }};

struct Fixture {
  // In memory; disk_queue_test.cc has the others.
  explicit Fixture(Settings settings, std::uint64_t seed = 1) : world(1, seed) {
    settings.queue.durable = false;
    world.add(exporter_factory, "test", std::make_shared<TestConfig>(TestConfig{settings, &backend}));
    world.pipeline("traces", Signal::traces, {"source"}, {}, {"test"});
    world.start();
  }
  std::size_t push(int spans) {
    std::vector<SpanSpec> specs(static_cast<std::size_t>(spans));
    return world.push(make_traces(specs));
  }
  bool ok(std::size_t number) { return world.answer(number) && !*world.answer(number); }
  std::size_t arrived() const {
    std::size_t n = 0;
    for (auto items : backend.got) n += items;
    return n;
  }
  Backend backend;
  World world;
};

}  // namespace

TEST_CASE("the queue answers at once; the backend gets everything") {
  Fixture f({});
  auto push = f.push(3);
  CHECK(f.ok(push));
  f.world.advance(1s);
  CHECK(f.arrived() == 3);
  f.world.stop();
}

TEST_CASE("what a backend throws away though it says OK is counted as dropped") {
  Fixture f({});
  f.backend.partial = {2, "names are too long"};
  f.push(5);
  f.push(1);
  f.world.advance(1s);
  std::uint64_t delivered = 0, dropped = 0;
  for (auto& row : f.world.engine().ledger(true)) delivered += row.delivered, dropped += row.dropped[static_cast<std::size_t>(engine::Reason::permanent_error)];
  CHECK(delivered == 3);
  CHECK(dropped == 3);  // of the second request no more than it had
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("without a queue, or with wait_for_result, the answer is the backend's") {
  for (bool queue : {false, true}) {
    CAPTURE(queue);
    Settings settings;
    settings.queue.enabled = queue;
    settings.queue.wait_for_result = true;
    settings.retry.enabled = false;
    Fixture f(settings);
    f.backend.rule = [](const Payload& p) { return p.items == 2 ? Outcome(Error{Errc::permanent, "no", {}}) : std::nullopt; };
    auto good = f.push(1), bad = f.push(2);
    CHECK_FALSE(f.world.answer(good));
    f.world.advance(1s);
    CHECK(f.ok(good));
    REQUIRE(f.world.answer(bad));
    CHECK((*f.world.answer(bad))->what == "no");
    f.world.stop();
  }
}

TEST_CASE("a full queue refuses whoever can be refused, with a retryable error") {
  Settings settings;
  settings.queue.queue_size = 2;
  settings.queue.num_consumers = 1;
  Fixture f(settings);
  f.backend.delay = 10s;
  auto first = f.push(1), second = f.push(1), third = f.push(1);
  CHECK(f.ok(first));
  CHECK(f.ok(second));
  REQUIRE(f.world.answer(third));
  CHECK((*f.world.answer(third))->code == Errc::refused);
  f.world.advance(10s);
  CHECK(f.ok(f.push(1)));
  f.world.stop();
  CHECK(f.arrived() == 3);
}

TEST_CASE("block_on_overflow lets the sender wait instead") {
  Settings settings;
  settings.queue.queue_size = 1;
  settings.queue.num_consumers = 1;
  settings.queue.block_on_overflow = true;
  Fixture f(settings);
  f.backend.delay = 1s;
  auto first = f.push(1), second = f.push(1);
  CHECK(f.ok(first));
  CHECK_FALSE(f.world.answer(second));
  f.world.advance(1s);
  CHECK(f.ok(second));
  f.world.advance(1s);
  CHECK(f.arrived() == 2);
  f.world.stop();
}

TEST_CASE("retryable errors are tried again until max_elapsed_time, then counted as dropped") {
  Fixture f({});
  f.backend.rule = [](const Payload&) { return Error{Errc::retryable, "away", {}}; };
  f.push(4);
  f.world.advance(10min);
  CHECK(f.backend.attempts > 5);
  std::uint64_t dropped = 0;
  for (auto& row : f.world.engine().ledger(true)) dropped += row.dropped[static_cast<std::size_t>(engine::Reason::retries_exhausted)];
  CHECK(dropped == 4);
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("what the backend asks for is the least wait") {
  Rng rng(1);
  RetrySettings settings;
  CHECK(backoff(settings, 1, rng, 40s) == 40s);
  for (unsigned attempt = 1; attempt < 20; ++attempt) {
    Duration wait = backoff(settings, attempt, rng, 0s);
    CHECK(wait >= 2500ms);
    CHECK(wait <= 45s);
  }
}

TEST_CASE("stopping waits for a slow backend and loses nothing") {
  Fixture f({});
  int refusals = 3;
  f.backend.rule = [&](const Payload&) { return refusals-- > 0 ? Outcome(Error{Errc::retryable, "away", {}}) : std::nullopt; };
  for (int i = 0; i < 5; ++i) f.push(2);
  f.world.stop(120s);
  CHECK(f.arrived() == 10);
}

TEST_CASE("batch in the queue joins small requests and cuts large ones exactly") {
  Settings settings;
  settings.queue.batch = QueueBatchSettings{.flush_timeout = 200ms, .min_size = 10, .max_size = 10};
  settings.queue.queue_size = 1000;
  Fixture f(settings);
  for (int i = 0; i < 7; ++i) f.push(3);
  f.world.advance(100ms);
  CHECK(f.backend.got == std::vector<std::size_t>{10, 10});
  f.world.advance(200ms);
  CHECK(f.backend.got == std::vector<std::size_t>{10, 10, 1});
  f.push(25);
  f.world.advance(1s);
  CHECK(f.arrived() == 46);
  f.world.stop();
}

TEST_CASE("what waits for a backend that is away is not held decoded") {
  Settings settings;
  settings.queue.num_consumers = 10;
  settings.retry.max_elapsed_time = 0s;
  Fixture f(settings);
  f.backend.opens = true;
  f.backend.rule = [](const Payload&) { return Outcome(Error{Errc::retryable, "away", {}}); };
  otlp::Writer items;
  for (int i = 0; i < 20'000; ++i) items.close(2, items.size());
  std::size_t scope = 0;
  items.close(2, scope);
  items.close(1, scope);
  Bytes request = items.finish();
  Budget& budget = f.world.host().budget();
  for (int i = 0; i < 5; ++i) f.world.push(*otlp::Batch::parse(Signal::traces, request, budget.charge_unchecked(request.size())));
  f.world.advance(100ms);
  CHECK(f.backend.attempts == 5);
  CHECK(budget.used() < 5 * 3 * request.size());
  f.backend.rule = [](const Payload&) { return Outcome{}; };
  f.world.advance(1min);
  CHECK(f.arrived() == 100'000);
  f.world.stop();
}

TEST_CASE("max_size in bytes is kept with the bytes of resources, and an item above it goes alone") {
  Settings settings;
  settings.queue.batch = QueueBatchSettings{.flush_timeout = 100ms, .sizer = Sizer::bytes, .min_size = 1, .max_size = 300};
  Fixture f(settings);
  std::string long_text(150, 'r'), longer(1000, 'x');
  std::vector<SpanSpec> specs(20);
  for (std::size_t i = 0; i < specs.size(); ++i) specs[i] = {.name = i == 7 ? longer : "op", .service = long_text + std::to_string(i % 5)};
  f.world.push(make_traces(specs));
  f.world.advance(1s);
  CHECK(f.arrived() == 20);
  std::size_t too_large = 0;
  for (std::size_t i = 0; i < f.backend.got.size(); ++i) {
    CHECK(f.backend.got[i] > 0);
    if (f.backend.sizes[i] <= 300) continue;
    ++too_large;
    CHECK(f.backend.got[i] == 1);
  }
  CHECK(too_large == 1);
  f.world.stop();
}

TEST_CASE("requests of different senders are not joined where batch::partition tells them apart") {
  Settings settings;
  settings.queue.batch = QueueBatchSettings{.flush_timeout = 100ms, .min_size = 4, .metadata_keys = {"tenant"}};
  settings.queue.num_consumers = 1;
  Fixture f(settings);
  auto push = [&](std::size_t spans, const char* tenant) {
    otlp::Batch batch = make_traces(std::vector<SpanSpec>(spans));
    auto context = std::make_shared<otlp::Context>();
    if (tenant) context->metadata["tenant"] = {tenant};
    batch.context = std::move(context);
    f.world.push(std::move(batch));
  };
  for (int i = 0; i < 2; ++i) {
    push(1, "a");
    push(2, "b");
    push(1, nullptr);
  }
  f.world.advance(10ms);
  CHECK(f.backend.got == std::vector<std::size_t>{4});  // only b has enough
  f.world.advance(200ms);
  CHECK(f.backend.got == std::vector<std::size_t>{4, 2, 2});
  f.world.stop();
}

TEST_CASE("the unit of a batch is the queue's where only that one is set") {
  CHECK(QueueBatchConfig{}.settings({}).sizer == Sizer::items);
  CHECK(QueueBatchConfig{}.settings(Sizer::bytes).sizer == Sizer::bytes);
  CHECK(QueueBatchConfig{.sizer = Sizer::items}.settings(Sizer::bytes).sizer == Sizer::items);
  CHECK_FALSE(QueueConfig{.sizer = Sizer::requests, .batch = QueueBatchConfig{}}.validate());
  CHECK(QueueConfig{.batch = QueueBatchConfig{}}.validate());
  CHECK_FALSE(PartitionConfig{{"A", "a"}}.validate());
}

TEST_CASE("random faults: nothing answered OK is lost without being counted") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Settings settings;
    settings.queue.queue_size = 8;
    settings.queue.num_consumers = 3;
    settings.queue.block_on_overflow = seed % 2;
    settings.queue.wait_for_result = seed % 3 == 0;
    Fixture f(settings, seed);
    Rng& rng = f.world.simulation().rng();
    f.backend.rule = [&](const Payload&) -> Outcome {
      if (rng.chance(0.3)) return Error{Errc::retryable, "away", {}};
      if (rng.chance(0.05)) return Error{Errc::permanent, "no", {}};
      return {};
    };
    for (int i = 0; i < 100; ++i) {
      f.push(1 + static_cast<int>(rng.below(5)));
      f.world.advance(Duration{static_cast<std::int64_t>(rng.below(2'000'000'000))});
    }
    f.world.check_conservation();
    f.world.stop(10min);
  }
}

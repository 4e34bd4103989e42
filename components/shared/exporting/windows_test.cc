#include "components/shared/exporting/windows.h"

#include <doctest/doctest.h>

#include <numeric>

#include "components/shared/exporting/rest.h"

#include "engine/testing.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::exporting;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

// Spans of one resource of so many bytes.
otlp::Batch spans(std::size_t n, std::size_t resource) {
  std::vector<SpanSpec> specs(n);
  for (std::size_t i = 0; i < n; ++i) specs[i] = {.trace = static_cast<std::uint8_t>(1 + i % 200), .span = static_cast<std::uint8_t>(i), .name = "x"};
  auto batch = make_traces(specs);
  Arena& arena = batch.arena();
  for (auto& group : batch.groups()) group.resource.edit(arena).attributes.set(arena, "big", otlp::Value::of(arena.copy(std::string(resource, 'x'))));
  batch.compact();
  return batch;
}

// Answers each batch by rule, at once.
class FakeSender final : public Sender {
 public:
  using Rule = std::function<Sent(std::size_t number, otlp::Batch&)>;
  FakeSender(Rule rule, std::vector<std::size_t>& got) : rule_(std::move(rule)), got_(got) {}
  void send(Payload, Duration, Done done) override { done(Error{Errc::internal, "batches only", {}}); }
  void send(otlp::Batch& batch, Duration, Done done) override {
    got_.push_back(batch.items());
    done(rule_(got_.size() - 1, batch));
  }

 private:
  Rule rule_;
  std::vector<std::size_t>& got_;
};

struct Attempt {
  std::vector<std::size_t> got;  // items of each batch that the sender got
  std::optional<Sent> sent;

  void run(otlp::Batch& batch, FakeSender::Rule rule, Repeats repeats = [](otlp::Batch&) { return true; }) {
    io::Simulation simulation(1, 1);
    TestHost host;
    Rng rng(1);
    engine::StageContext context{.id = {"test", ""}, .signal = Signal::traces, .executor = simulation.core(0), .rng = rng, .host = host};
    auto sender = in_windows(std::make_unique<FakeSender>(std::move(rule), got), context, std::move(repeats));
    sender->send(batch, 1s, [&](Sent outcome) { sent = std::move(outcome); });
    simulation.run_until([&] { return sent.has_value(); }, 10s);
    REQUIRE(sent);
  }
};

Sent good(std::size_t, otlp::Batch&) { return {}; }

std::size_t sum(const std::vector<std::size_t>& items) { return std::accumulate(items.begin(), items.end(), std::size_t{0}); }

constexpr std::size_t large = 100'000;  // 8 MiB are 41 of them, twice each

}  // namespace

TEST_CASE("windows: a batch that becomes little goes as it is") {
  auto batch = spans(400, 100);
  Attempt attempt;
  attempt.run(batch, [&](std::size_t, otlp::Batch& got) {
    CHECK(&got == &batch);
    return Sent();
  });
  CHECK(attempt.got == std::vector<std::size_t>{400});
  batch.settle({});
}

TEST_CASE("windows: so does one that does not repeat its resource") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, good, [](otlp::Batch&) { return false; });
  CHECK(attempt.got == std::vector<std::size_t>{400});
  batch.settle({});
}

TEST_CASE("windows: a batch whose resource is repeated goes in pieces, all of it once") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, good);
  CHECK(attempt.got.size() == 10);
  CHECK(sum(attempt.got) == 400);
  CHECK(*std::ranges::max_element(attempt.got) == 41);
  CHECK_FALSE(attempt.sent->error);
  CHECK(attempt.sent->rejected == 0);
  batch.settle({});
}

TEST_CASE("windows: what would become more than the bound is given up, and counted") {
  auto batch = spans(400, 2'000'000);
  std::size_t most = most_growth * batch.bytes() + room_to_grow, each = 4'000'000;
  Attempt attempt;
  attempt.run(batch, good);
  CHECK(sum(attempt.got) < most / each + 2);
  CHECK(sum(attempt.got) > 10);
  CHECK(sum(attempt.got) + attempt.sent->rejected == 400);
  batch.settle({});
}

TEST_CASE("windows: after an error that may pass the rest is left for another try") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, [](std::size_t number, otlp::Batch& got) {
    if (number == 0) return Sent();
    std::vector<bool> unsent(got.items(), false);
    unsent[3] = true;
    return Sent(Error{Errc::retryable, "busy", {}}, rest_of(got, unsent));
  });
  CHECK(attempt.got == std::vector<std::size_t>{41, 41});
  REQUIRE(attempt.sent->error);
  CHECK(attempt.sent->error->what == "busy");
  REQUIRE(attempt.sent->left);
  CHECK(attempt.sent->left->items() == 1 + 400 - 82);
  batch.settle({});
}

TEST_CASE("windows: what is left has its resource once") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, [](std::size_t number, otlp::Batch&) { return number == 0 ? Sent() : Sent(Error{Errc::retryable, "busy", {}}); });
  REQUIRE(attempt.sent->left);
  CHECK(attempt.sent->left->items() == 400 - 41);
  std::size_t bytes = 0;
  for (auto& piece : attempt.sent->left->encode()) bytes += piece.size();
  CHECK(bytes < 2 * large);
  batch.settle({});
}

TEST_CASE("windows: metrics are counted by their points") {
  std::string metrics;
  for (int i = 0; i < 100; ++i)
    metrics += fmt::format(R"({}{{"name":"m{}","gauge":{{"dataPoints":[{{"asInt":"1"}},{{"asInt":"2"}}]}}}})", i ? "," : "", i);
  auto body = otlp::json_to_protobuf(Signal::metrics, fmt::format(R"({{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}},"scopeMetrics":[{{"metrics":[{}]}}]}}]}})",
                                                                  std::string(large, 'x'), metrics));
  REQUIRE(body);
  auto batch = otlp::Batch::parse(Signal::metrics, *body);
  REQUIRE(batch);
  Attempt attempt;
  attempt.run(*batch, [](std::size_t number, otlp::Batch&) { return number == 0 ? Sent() : Sent(Error{Errc::retryable, "busy", {}}); });
  CHECK(attempt.got == std::vector<std::size_t>{40, 40});  // of 20 metrics
  REQUIRE(attempt.sent->left);
  CHECK(attempt.sent->left->items() == 160);
  batch->settle({});
}

TEST_CASE("windows: a metric whose name would be repeated for each of many points is given up") {
  std::string points;
  for (int i = 0; i < 10'000; ++i) points += fmt::format("{}{{\"asInt\":\"{}\"}}", i ? "," : "", i);
  auto bytes = otlp::json_to_protobuf(Signal::metrics, fmt::format(R"({{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"{}","gauge":{{"dataPoints":[{}]}}}}]}}]}}]}})", std::string(large, 'n'), points));
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(Signal::metrics, std::move(*bytes));
  REQUIRE(batch);
  CHECK(windows_of(*batch).given_up == 10'000);
}

TEST_CASE("windows: when nothing was taken the batch itself is what is left") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, [](std::size_t, otlp::Batch&) { return Sent(Error{Errc::retryable, "busy", {}}); });
  CHECK(attempt.got == std::vector<std::size_t>{41});
  CHECK(attempt.sent->error);
  CHECK_FALSE(attempt.sent->left);
  batch.settle({});
}

TEST_CASE("windows: what is refused for good is counted, and the others are sent") {
  auto batch = spans(400, large);
  Attempt attempt;
  attempt.run(batch, [](std::size_t number, otlp::Batch&) { return number == 2 ? Sent(Error{Errc::permanent, "bad", {}}) : Sent(); });
  CHECK(sum(attempt.got) == 400);
  CHECK_FALSE(attempt.sent->error);
  CHECK(attempt.sent->rejected == 41);
  Attempt all;
  all.run(batch, [](std::size_t, otlp::Batch&) { return Sent(Error{Errc::permanent, "bad", {}}); });
  REQUIRE(all.sent->error);
  CHECK(all.sent->error->what == "bad");
  CHECK(all.sent->rejected == 0);
  batch.settle({});
}

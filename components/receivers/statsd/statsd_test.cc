#include <doctest/doctest.h>

#include "components/receivers/statsd/aggregator.h"

using namespace weir;
using namespace weir::receivers::statsd;

namespace {

std::string error_of(std::string_view line, bool simple = false) {
  Message message;
  auto parsed = parse_message(line, simple, message);
  return parsed ? "" : parsed.error().what;
}

struct Case {
  Budget budget;
  Aggregator aggregator;

  explicit Case(Config config = {}) : aggregator(make(config, budget)) {}
  static Aggregator make(const Config& config, Budget& budget) {
    auto made = Aggregator::make(config, budget, 1'000'000'000, 1);
    REQUIRE(made);
    return std::move(*made);
  }
  void add(std::string_view line, std::string_view sender = "10.0.0.1:5") {
    auto added = aggregator.add(line, sender, 1'500'000'000);
    CHECK_MESSAGE(added, (added ? "" : added.error().what));
  }
  // One line for each point.
  std::vector<std::string> flush() {
    std::vector<std::string> out;
    for (auto& batch : aggregator.flush(2'000'000'000)) {
      for (auto& group : batch.groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& metric = item.read<otlp::Metric>(batch.arena());
            for (auto& p : metric.points) out.push_back(describe(metric, p));
          }
      batch.settle({});
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string describe(const otlp::Metric& metric, const otlp::DataPoint& p) {
    std::string out(metric.name);
    for (auto& [key, value] : p.attributes) out += fmt::format(" {}={}", key, otlp::to_text(value));
    if (metric.type == otlp::MetricType::sum) out += p.type == otlp::NumberType::integer ? fmt::format(" sum {}", p.integer) : fmt::format(" sum {}", p.real);
    if (metric.type == otlp::MetricType::gauge) out += fmt::format(" gauge {}", p.real);
    if (metric.type >= otlp::MetricType::histogram) out += fmt::format(" count {} sum {}", p.count, p.sum);
    for (auto& q : p.quantiles) out += fmt::format(" {}:{}", q.quantile, q.value);
    for (auto n : p.bucket_counts) out += fmt::format(" {}", n);
    return out + fmt::format(" @{}", p.time_unix_nano / 1'000'000);
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("statsd: what lines say") {
  Message m;
  REQUIRE(parse_message("a.b:-4.5|g|@0.5|#x:1,y:a:b,x:2|c:abc|T17", false, m));
  CHECK(m.name == "a.b");
  CHECK(m.type == Type::gauge);
  CHECK(m.value == -4.5);
  CHECK(m.addition);
  CHECK(m.weight() == 2);
  CHECK(m.timestamp == 17);
  CHECK(m.tags == decltype(m.tags){{"container.id", "abc"}, {"x", "2"}, {"y", "a:b"}});
  CHECK(error_of("a:1|c|#simple", true) == "");
}

TEST_CASE("statsd: lines that are none") {
  for (std::string_view bad : {"", "a", "a:1", ":1|c", "a:|c", "a|c", "a:x|c", "a:1|x", "a:1|c|@x", "a:1|c|#x", "a:1|c|#:x", "a:1|ms|T1", "a:1|c|Tx", "a:1|c|z", "a:NaN|g", "a:inf|c", "\xff:1|c", "a:1|c|#x:\xff"}) {
    CAPTURE(bad);
    CHECK(error_of(bad) != "");
  }
}

TEST_CASE("statsd: counters add up, gauges keep the last value or take a change") {
  Case c;
  for (auto line : {"n:1|c|#x:y", "n:2|c|@0.1|#x:y", "n:1|c", "g:5|g", "g:+2|g", "g:-1|g", "h:7|g", "h:8|g"}) c.add(line);
  CHECK(c.flush() == Lines{"g gauge 6 @1500", "h gauge 8 @1500", "n sum 1 @2000", "n x=y sum 21 @2000"});
  CHECK(c.flush() == Lines{});
  CHECK(c.budget.used() == 0);
}

TEST_CASE("statsd: senders are kept apart, or not") {
  for (auto [ip_only, ignore, results] : {std::tuple(false, false, 3), std::tuple(true, false, 2), std::tuple(false, true, 1)}) {
    Case c({.enable_ip_only_aggregation = ip_only, .ignore_host = ignore});
    c.add("n:1|c", "10.0.0.1:5");
    c.add("n:1|c", "10.0.0.1:6");
    c.add("n:1|c", "10.0.0.2:5");
    CHECK(c.flush().size() == static_cast<std::size_t>(results));
  }
}

TEST_CASE("statsd: timers as gauges, summaries and histograms") {
  auto mapped = [](Mapping mapping) {
    Case c({.timer_histogram_mapping = {std::move(mapping)}});
    for (auto line : {"t:1|ms", "t:3|ms|@0.5", "t:10|ms"}) c.add(line);
    return c.flush();
  };
  CHECK(mapped({.statsd_type = "timing", .observer_type = Observer::gauge}) == Lines{"t gauge 1 @2000", "t gauge 10 @2000", "t gauge 3 @2000"});
  CHECK(mapped({.statsd_type = "histogram", .observer_type = Observer::gauge}) == Lines{});
  CHECK(mapped({.statsd_type = "timer", .observer_type = Observer::summary, .summary = {{50, 100}}}) == Lines{"t count 4 sum 17 0.5:3 1:10 @2000"});
  CHECK(mapped({.statsd_type = "timing", .observer_type = Observer::histogram}) == Lines{"t count 4 sum 17 @2000"});
  CHECK(mapped({.statsd_type = "timing", .observer_type = Observer::histogram, .histogram = {.explicit_buckets = {{"^t", {1, 5}}}}}) == Lines{"t count 4 sum 17 1 2 1 @2000"});
  CHECK(mapped({.statsd_type = "timing", .observer_type = Observer::disabled}) == Lines{});
}

TEST_CASE("statsd: an exponential histogram takes values below zero") {
  Case c({.timer_histogram_mapping = {{.statsd_type = "histogram", .observer_type = Observer::histogram}}});
  for (auto line : {"h:-4|h", "h:4|h", "h:-1|h|@0.5"}) c.add(line);
  CHECK(c.flush() == Lines{"h count 4 sum -2 @2000"});
}

TEST_CASE("statsd: a counter beyond all numbers wraps around") {
  Case c;
  for (int i = 0; i < 2; ++i) c.add("a:-1e300|c");
  CHECK(c.flush() == Lines{"a sum 0 @2000"});
}

TEST_CASE("statsd: the first line of a counter says its time") {
  Case c;
  for (auto line : {"a:1|c", "a:1|c|T5", "b:1|c|T5", "b:1|c|T7"}) c.add(line);
  CHECK(c.flush() == Lines{"a sum 2 @2000", "b sum 2 @5000"});
}

TEST_CASE("statsd: no room is an answer, not growth") {
  Budget budget(4096);
  auto made = Aggregator::make({}, budget, 0, 1);
  REQUIRE(made);
  std::size_t refused = 0;
  for (int i = 0; i < 100; ++i)
    if (auto added = made->add(fmt::format("n{}:1|c", i), "a:1", 1); !added) refused += added.error().code == Errc::refused;
  CHECK(refused > 50);
  CHECK(budget.used() <= 4096);
  for (auto& batch : made->flush(2)) batch.settle({});
}

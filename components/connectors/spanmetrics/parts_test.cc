#include <doctest/doctest.h>

#include <cmath>

#include "components/connectors/spanmetrics/adjusted_count.h"
#include "components/connectors/spanmetrics/exponential.h"
#include "components/connectors/spanmetrics/glob.h"
#include "components/connectors/spanmetrics/meeting.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;

TEST_CASE("exponential histogram: buckets end at powers of the base, inclusive") {
  Exponential one(160);
  one.record(8.5, 1);
  CHECK(one.scale() == 20);
  CHECK(one.offset() == 3237439);
  CHECK(one.counts() == std::vector<std::uint64_t>{1});
  Exponential quarter(160);
  quarter.record(0.25, 1);
  CHECK(quarter.offset() == -2097153);  // (…, 2^-2]
}

TEST_CASE("exponential histogram: a wide range takes a coarse scale, and nothing is lost on the way") {
  struct {
    std::vector<double> values;
    std::int32_t size, scale, offset;
    std::vector<std::uint64_t> counts;
  } const rows[] = {
      {{1, 2, 4}, 4, 0, -1, {1, 1, 1}},
      {{4, 4, 4, 2, 16, 1}, 4, -1, -1, {1, 4, 1}},
      {{2, 4, 1, 8}, 2, -2, -1, {1, 3}},
      {{1, 1024}, 2, -4, -1, {1, 1}},
  };
  for (auto& row : rows) {
    Exponential h(row.size);
    for (double v : row.values) h.record(v, 1);
    CAPTURE(row.values.size());
    CHECK(h.scale() == row.scale);
    CHECK(h.offset() == row.offset);
    CHECK(h.counts() == row.counts);
  }
  Rng rng(1);
  for (std::int32_t size : {2, 7, 160}) {
    Exponential h(size);
    double sum = 0, least = 1e300, most = 0;
    for (int i = 0; i < 2000; ++i) {
      double v = std::exp(rng.unit() * 40 - 20);
      h.record(v, 2);
      sum += 2 * v, least = std::min(least, v), most = std::max(most, v);
    }
    std::uint64_t counted = 0;
    for (auto n : h.counts()) counted += n;
    CHECK(counted == 4000);
    CHECK(h.counts().size() <= static_cast<std::size_t>(size));
    CHECK(h.counts().front() > 0);
    CHECK(h.counts().back() > 0);
    double base = std::exp2(std::exp2(-h.scale()));
    CHECK(std::pow(base, h.offset()) <= least);
    CHECK(std::pow(base, h.offset() + static_cast<std::int32_t>(h.counts().size())) >= most * (1 - 1e-9));
    CHECK(h.sum() == doctest::Approx(sum));
    CHECK(h.min() == least);
    CHECK(h.max() == most);
  }
}

TEST_CASE("exponential histogram: zeros are counted apart") {
  Exponential h(160);
  h.record(0, 3);
  CHECK(h.scale() == 0);
  CHECK(h.counts().empty());
  CHECK(h.zero_count() == 3);
  h.record(1, 1);
  CHECK(h.count() == 4);
  CHECK(h.min() == 0);
  h.clear();
  CHECK(h.count() == 0);
  CHECK(h.zero_count() == 0);
}

TEST_CASE("sampling threshold: from well-formed trace states only") {
  constexpr std::uint64_t half = std::uint64_t{1} << 55;
  struct {
    std::string_view state;
    std::optional<std::uint64_t> threshold;
  } const rows[] = {
      {"ot=th:8", half},
      {"vendor=x, ot=rv:00000000000001;th:8 ,other@sys=y", half},
      {"ot=th:0", 0},
      {"ot=th:00000000000001", 1},
      {"ot=th:000000000000001", std::nullopt},
      {"ot=th:", std::nullopt},
      {"ot=th:xyz", std::nullopt},
      {"ot=rv:12;th:8", std::nullopt},
      {"ot=th:8;", std::nullopt},
      {"ot=rv:00000000000001", std::nullopt},
      {"VENDOR=x,ot=th:8", std::nullopt},
      {"broken,ot=th:8", std::nullopt},
      {"not=th:8", std::nullopt},
      {"", std::nullopt},
  };
  for (auto& row : rows) {
    CAPTURE(row.state);
    CHECK(sampling_threshold(row.state) == row.threshold);
  }
}

TEST_CASE("adjusted counts: whole ones always, others right on average") {
  Rng rng(7);
  AdjustedCounts counts;
  CHECK(counts.of("", rng).spans == 1);
  CHECK(!counts.of("vendor=x", rng).adjusted);
  CHECK(counts.of("ot=th:c", rng).spans == 4);
  CHECK(counts.of("ot=th:0", rng).spans == 1);
  CHECK(counts.of("ot=th:0", rng).adjusted);
  double sum = 0;
  for (int i = 0; i < 30'000; ++i) sum += static_cast<double>(counts.of("ot=th:6", rng).spans);  // 1 / (1 - 6/16) = 1.6
  CHECK(sum / 30'000 == doctest::Approx(1.6).epsilon(0.01));
}

TEST_CASE("globs: a star stays within a part of the name, two cross") {
  struct {
    std::string_view pattern, name;
    bool matches;
  } const rows[] = {
      {"http.*", "http.method", true},      {"http.*", "http.request.method", false}, {"http.**", "http.request.method", true},
      {"*.method", "http.method", true},    {"http.?x", "http.ax", true},             {"http.?x", "http..x", false},
      {"a[bc]d", "acd", true},              {"a[!bc]d", "acd", false},                {"a[a-c]", "ab", true},
      {"{http,rpc}.*", "rpc.method", true}, {"{http,rpc}.*", "db.method", false},     {"a\\*", "a*", true},
      {"a\\*", "ab", false},                {"http", "https", false},                 {"a+b(c)", "a+b(c)", true},
  };
  for (auto& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    auto glob = compile_glob(row.pattern);
    REQUIRE(glob);
    CHECK(glob->matches_all(row.name) == row.matches);
  }
  for (std::string_view broken : {"a[", "a[]", "{a,b", "a\\"}) CHECK(!compile_glob(broken));
}

namespace {

std::vector<otlp::Batch> bodies(std::size_t n) {
  std::vector<otlp::Batch> out;
  for (std::size_t i = 0; i < n; ++i) out.emplace_back(otlp::Signal::metrics);
  return out;
}

}  // namespace

TEST_CASE("meeting: whoever comes last takes all") {
  Meeting meeting;
  TimePoint start(5s);
  CHECK(meeting.join(0, 3, start) == start);
  CHECK(meeting.join(2, 3, start + 1s) == start);
  CHECK(meeting.join(1, 3, start + 2s) == start);
  CHECK(meeting.bring(0, bodies(1), false).empty());
  CHECK(meeting.bring(1, bodies(0), false).empty());
  CHECK(meeting.bring(2, bodies(2), false).size() == 3);
  // One that is held up delays the others by one round.
  CHECK(meeting.bring(0, bodies(1), false).empty());
  CHECK(meeting.bring(1, bodies(1), false).empty());
  CHECK(meeting.bring(0, bodies(4), false).size() == 2);
  CHECK(meeting.bring(2, bodies(1), false).size() == 0);
  // Those that left are not waited for.
  CHECK(meeting.bring(1, bodies(1), true).size() == 6);
  CHECK(meeting.bring(0, bodies(1), true).empty());
  CHECK(meeting.bring(2, bodies(1), true).size() == 2);
}

#include <doctest/doctest.h>

#include "components/connectors/spanmetrics/adjusted_count.h"
#include "components/connectors/spanmetrics/glob.h"
#include "components/connectors/spanmetrics/meeting.h"
#include "otlp/trace_state.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;

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
    CHECK(otlp::sampling_threshold(row.state) == row.threshold);
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

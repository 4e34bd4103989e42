#include "base/time.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("durations: what users write") {
  struct {
    std::string_view in;
    Duration out;
  } const rows[] = {{"10s", 10s},   {"1m30s", 90s}, {"250ms", 250ms},   {"0", 0s},
                    {"1.5h", 90min}, {"-2s", -2s},   {"1h2m", 62min}, {"100us", 100us}, {".5s", 500ms}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(parse_duration(row.in) == row.out);
  }
  CHECK(parse_duration("10 parsecs").error().what == "unknown unit ' parsecs' in '10 parsecs'");
  CHECK(parse_duration("10").error().what == "missing unit in duration '10'");
  CHECK_FALSE(parse_duration(""));
  CHECK_FALSE(parse_duration("s"));
  CHECK_FALSE(parse_duration("9999999999h"));
}

TEST_CASE("durations are printed as Go prints them") {
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(3600s) == "1h0m0s");
  CHECK(format_duration(1500us) == "1.5ms");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(-2s) == "-2s");
}

TEST_CASE("wall times are printed as RFC 3339") {
  CHECK(format_rfc3339(1'700'000'000'000'000'000) == "2023-11-14T22:13:20Z");
  CHECK(format_rfc3339(1'700'000'000'500'000'000) == "2023-11-14T22:13:20.5Z");
}

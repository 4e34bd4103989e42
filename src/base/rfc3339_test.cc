#include "base/rfc3339.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("rfc3339: times with offsets and fractions, and texts that are none") {
  struct {
    std::string_view in;
    std::optional<std::int64_t> out;
  } const rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T01:00:01.25+01:00", 1'250'000'000},
      {"1969-12-31t23:59:59z", -1'000'000'000},
      {"2023-11-14T22:13:20.000000001Z", 1'700'000'000'000'000'001},
      {"2023-11-14T22:13:20.Z", {}},
      {"2023-11-14T22:13:20", {}},
      {"2023-11-14 22:13:20Z", {}},
      {"2023-02-30T00:00:00Z", {}},
      {"2023-11-14T22-13-20Z", {}},
      {"2023-11-14T22:13:20+0100", {}},
      {"", {}},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(parse_rfc3339(row.in) == row.out);
  }
}

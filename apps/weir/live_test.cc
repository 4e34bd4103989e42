#include "weir/live.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::app;
using engine::LedgerRow;
using Role = engine::PlanNode::Role;

TEST_CASE("a live line says what came since the last one, and only when something did") {
  LiveLines live;
  constexpr UnixNanos noon = 1'700'049'600'000'000'000;
  std::vector<LedgerRow> rows{{.component = "otlp", .role = Role::receiver, .signal = otlp::Signal::traces},
                              {.component = "otlp", .role = Role::receiver, .signal = otlp::Signal::logs},
                              {.component = "file", .role = Role::exporter, .signal = otlp::Signal::logs}};
  CHECK(live.next(rows, noon) == "");
  rows[0].out = 1'234'567;
  CHECK(live.next(rows, noon) == "12:00:00  traces   +1,234,567 spans, 1,234,567 in all\n");
  CHECK(live.next(rows, noon) == "");
  rows[0].out += 3;
  rows[1].out = 5, rows[1].refused = 2, rows[2].dropped[0] = 1;
  CHECK(live.next(rows, noon + 61'000'000'000) ==
        "12:01:01  traces   +3 spans, 1,234,570 in all\n"
        "12:01:01  logs     +5 log records, 5 in all, 2 refused, 1 dropped\n");
}

TEST_CASE("a reload starts the counts anew") {
  LiveLines live;
  std::vector<LedgerRow> rows{{.component = "otlp", .role = Role::receiver, .signal = otlp::Signal::traces, .out = 10}};
  live.next(rows, 0);
  rows[0].out = 4;
  CHECK(live.next(rows, 0) == "00:00:00  traces   +4 spans, 4 in all\n");
}

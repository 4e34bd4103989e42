#pragma once
// The metrics of all scrapers.
#include "components/receivers/hostmetrics/config.h"

namespace weir::receivers::hostmetrics {

points::Table table();

// Made on a worker thread, taken over by the core.
class Points : public points::Points {
 public:
  Points(UnixNanos now, UnixNanos start) : points::Points(table(), now, start) {}
  // What follows is of this scraper ("cpu"), with these switches.
  void scraper(std::string_view name, const MetricSwitches& switches) {
    scope(fmt::format("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/{}scraper", name), switches, "https://opentelemetry.io/schemas/1.9.0");
  }
};

}  // namespace weir::receivers::hostmetrics

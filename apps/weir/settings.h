#pragma once
// A configuration that has been read, checked and bound to components.
#include "base/log.h"
#include "config/value.h"
#include "engine/plan.h"
#include "telemetry/metrics.h"

namespace weir::app {

// Where own metrics can be scraped.
struct PrometheusEndpoint {
  std::string endpoint;        // host:port
  bool type_suffixes = false;  // _total at the end of counters' names
  bool units = false;          // _seconds and the like at the end of names
  telemetry::Labels constant;  // on each series
};

// A reader or processor that sends own telemetry away, and the exporter that does it.
struct Feed {
  otlp::Signal signal{};
  Duration interval{};
  std::size_t max_batch = 512, max_waiting = 2048;  // logs and spans
  bool delta = false;                               // metrics
  engine::ComponentSpec exporter;
};

// What service::telemetry asks for.
struct OwnTelemetry {
  std::vector<PrometheusEndpoint> prometheus;
  std::vector<std::pair<std::string, std::string>> resource;  // service.name, service.version, service.instance.id, ...
  log::Options logs;
  bool detailed = false;  // metrics::level
  std::vector<Feed> feeds;
  double span_share = 1;  // of own spans that are recorded
  std::string settings;   // equal for equal settings
};

// service.name -> service_name
std::string label_name(std::string_view key);

struct Loaded {
  engine::PlanSpec spec;
  OwnTelemetry own;
  config::Value tree;  // after merging and expansion, for print-config
  std::vector<std::string> notes;  // worth a log line at start
};

}  // namespace weir::app

#pragma once
// The metrics, and a place to collect their points.
#include "components/receivers/hostmetrics/config.h"
#include "otlp/batch.h"

namespace weir::receivers::hostmetrics {

struct MetricInfo {
  std::string_view name, unit, description;
  bool sum, monotonic, integer, enabled;
};
// Null when there is none of that name.
const MetricInfo* find_metric(std::string_view name);

struct Attribute {
  std::string_view key, value;
};

// Points of one collection. Made on a worker thread, taken over by the core.
class Points {
 public:
  Points(UnixNanos now, UnixNanos start) : batch_(otlp::Signal::metrics), now_(now), start_(start) {}

  // What follows is of this scraper ("cpu"), with these switches.
  void scraper(std::string_view name, const MetricSwitches& switches);
  // A resource of its own for what follows, until the next scraper().
  void resource(std::initializer_list<std::pair<std::string_view, otlp::Value>> attributes);
  bool wants(std::string_view metric) const;
  // Nothing happens for metrics that are not wanted.
  void add(std::string_view metric, double value, std::initializer_list<Attribute> attributes = {});
  void add(std::string_view metric, std::int64_t value, std::initializer_list<Attribute> attributes = {});
  void set_start(UnixNanos start) { start_ = start; }

  otlp::Batch take();
  Arena& arena() { return batch_.arena(); }

 private:
  otlp::DataPoint* point(std::string_view metric, std::initializer_list<Attribute> attributes, bool integer);

  otlp::Batch batch_;
  UnixNanos now_, start_;
  std::string_view scraper_;
  const MetricSwitches* switches_ = nullptr;
  std::vector<std::pair<const MetricInfo*, otlp::Metric*>> open_;  // of the current scope
  bool fresh_ = true;
  otlp::Resource* resource_ = nullptr;
};

}  // namespace weir::receivers::hostmetrics

#pragma once
// A table of metrics, and a place to collect their points.
#include <span>

#include "config/field.h"
#include "otlp/batch.h"

namespace weir::points {

struct MetricInfo {
  std::string_view name, unit, description;
  bool sum, monotonic, integer, enabled;
};
using Table = std::span<const MetricInfo>;
// Null when there is none of that name.
const MetricInfo* find_metric(Table table, std::string_view name);

struct MetricSwitch {
  bool enabled = true;
  static std::span<const config::FieldInfo> fields();
};
using MetricSwitches = std::map<std::string, MetricSwitch>;
// Names that are not in the table.
Result<> check_switches(Table table, const MetricSwitches& switches);

struct Attribute {
  std::string_view key, value;
};
using ResourceAttribute = std::pair<std::string_view, otlp::Value>;

// Points of one look. May be made on a worker thread and taken over by the core.
class Points {
 public:
  Points(Table table, UnixNanos now, UnixNanos start) : batch_(otlp::Signal::metrics), table_(table), now_(now), start_(start) {}

  // What follows is of this scope, with these switches, and of no particular resource.
  void scope(std::string name, const MetricSwitches& switches);
  // A resource of its own for what follows. Texts that are empty are left out.
  void resource(std::span<const ResourceAttribute> attributes);
  void resource(std::initializer_list<ResourceAttribute> attributes) { resource(std::span(attributes.begin(), attributes.size())); }
  bool wants(std::string_view metric) const;
  // Nothing happens for metrics that are not wanted.
  void add(std::string_view metric, double value, std::initializer_list<Attribute> attributes = {});
  void add(std::string_view metric, std::int64_t value, std::initializer_list<Attribute> attributes = {});
  // A metric that has no row.
  void add(const MetricInfo& metric, double value);
  void add(const MetricInfo& metric, std::int64_t value);
  void set_start(UnixNanos start) { start_ = start; }

  otlp::Batch take();
  Arena& arena() { return batch_.arena(); }

 private:
  otlp::DataPoint* point(const MetricInfo* info, std::initializer_list<Attribute> attributes);
  const MetricInfo* wanted(std::string_view metric) const;

  otlp::Batch batch_;
  Table table_;
  UnixNanos now_, start_;
  std::string scope_;
  const MetricSwitches* switches_ = nullptr;
  std::vector<std::pair<std::string_view, otlp::Metric*>> open_;  // of the current resource, by name
  bool fresh_ = true;
  otlp::Resource* resource_ = nullptr;
};

}  // namespace weir::points

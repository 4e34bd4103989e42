#pragma once
// A table of metrics, and a place to collect their points.
#include <span>
#include <unordered_map>

#include "config/field.h"
#include "otlp/batch.h"

namespace weir::points {

struct MetricInfo {
  std::string_view name, unit, description;
  bool sum, monotonic, integer, enabled;
  // Names between commas, those in parentheses only if they are asked for; "": not known, all are told.
  std::string_view attributes = {};
};
using Table = std::span<const MetricInfo>;
// Null when there is none of that name.
const MetricInfo* find_metric(Table table, std::string_view name);

enum class Strategy : std::uint8_t { standard, sum, average, minimum, maximum };
std::span<const config::Choice> choices_of(Strategy);

struct MetricSwitch {
  bool enabled = true;
  Strategy aggregation_strategy = Strategy::standard;  // sums are added, gauges averaged
  std::optional<std::vector<std::string>> attributes;
  static std::span<const config::FieldInfo> fields();
};
using MetricSwitches = std::map<std::string, MetricSwitch>;
// Names that are not in the table, or attributes that a metric does not have.
Result<> check_switches(Table table, const MetricSwitches& switches);

struct Attribute {
  std::string_view key, value = {};
  std::optional<std::int64_t> number = {};  // instead of a text
};
using ResourceAttribute = std::pair<std::string_view, otlp::Value>;

// Points of one look. May be made on a worker thread and taken over by the core.
class Points {
 public:
  Points(Table table, UnixNanos now, UnixNanos start) : batch_(otlp::Signal::metrics), table_(table), now_(now), start_(start) {}

  // What follows is of this scope, with these switches, and of no particular resource.
  void scope(std::string name, const MetricSwitches& switches, std::string_view resource_schema = {});
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
  // A metric of the table in the current scope.
  struct Row {
    const MetricInfo* info = nullptr;
    bool on = false;
    Strategy strategy = Strategy::standard;
    bool filters = false;                 // not all attributes are told
    std::vector<std::string_view> names;  // those that are
  };
  // A metric of the current resource.
  struct Open {
    otlp::Metric* metric;
    std::vector<std::uint32_t> counts;  // of what each point was put together from
  };

  const Row& row_of(std::string_view metric) const;
  template <class T>
  void put(const Row& row, T value, std::span<const Attribute> attributes);
  Open& open(const MetricInfo& info);
  void close();
  otlp::DataPoint& add_point(otlp::Metric& metric, otlp::Attributes attributes);

  otlp::Batch batch_;
  Table table_;
  UnixNanos now_, start_;
  std::string scope_;
  std::string_view schema_;
  const MetricSwitches* switches_ = nullptr;
  mutable std::unordered_map<std::string_view, Row> rows_;   // of the scope, as they are asked for
  std::unordered_map<std::string_view, Open> open_;          // of the current resource, by name
  bool fresh_ = true;
  otlp::Resource* resource_ = nullptr;
};

}  // namespace weir::points

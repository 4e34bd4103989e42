#pragma once
// Which metrics and points a transform is about.
#include "base/regex.h"
#include "components/processors/metricstransform/config.h"
#include "otlp/model.h"

namespace weir::processors::metricstransform {

class Selector {
 public:
  static Result<Selector> make(const Transform& transform);

  bool names(std::string_view metric) const { return regex_ ? regex_->matches(metric) : metric == include_; }
  bool selects(const otlp::Attributes& attributes) const;
  std::size_t count(const otlp::Metric& metric) const;
  // By name, and at least one point; a metric without points too.
  bool selects(const otlp::Metric& metric) const { return names(metric.name) && (metric.points.empty() || count(metric) > 0); }
  // new_name with the parts of the old name in it. "" when there is no pattern.
  std::string expand(std::string_view pattern, std::string_view name) const;
  // What the groups of the expression have found, as labels: by the group's name or $1.
  std::vector<std::pair<std::string, std::string_view>> parts(std::string_view name) const;

 private:
  struct Label {
    std::string key, value;
    std::optional<Regex> regex;
    bool matches(std::string_view text) const { return regex ? regex->matches(text) : text == value; }
  };
  std::string include_;
  std::optional<Regex> regex_;
  std::vector<std::string> groups_;  // names of groups 1 to n
  std::vector<Label> labels_;
};

}  // namespace weir::processors::metricstransform

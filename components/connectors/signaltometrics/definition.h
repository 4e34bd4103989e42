#pragma once
// One metric that is made, compiled; and what it adds up.
#include "components/connectors/signaltometrics/config.h"
#include "components/shared/histograms/exponential.h"
#include "otlp/batch.h"
#include "ottl/ottl.h"

namespace weir::connectors::signaltometrics {

// Points of one metric with the same attributes.
struct Series {
  otlp::Attributes attributes;
  bool real = false;  // sum, gauge
  std::int64_t integer = 0;
  double number = 0, sum = 0;
  std::uint64_t count = 0;
  std::vector<std::uint64_t> counts;  // histogram
  std::optional<histograms::Exponential> exponential;
};

// Belongs to one core.
class Definition {
 public:
  static Result<Definition> make(const Metric& metric, ottl::ContextId context);

  // Whether the item that `c` stands on counts, by its attributes and the conditions.
  Result<bool> matches(ottl::EvalContext& c, const otlp::Attributes& item) const;
  Result<otlp::Attributes> attributes_of(ottl::EvalContext& c, const otlp::Attributes& item, Arena& into) const;
  Result<otlp::Attributes> resource_of(ottl::EvalContext& c, const otlp::Attributes& resource, Arena& into) const;
  // False: there is nothing to add.
  Result<bool> evaluate(ottl::EvalContext& c);
  // What evaluate() found last.
  Result<> add_to(Series& series) const;
  // A metric without points.
  otlp::Metric* empty_metric(Arena& into) const;
  void write(const Series& series, UnixNanos now, Arena& into, otlp::Metric& metric) const;
  const std::string& name() const { return name_; }

 private:
  struct Source {
    std::string key;
    bool optional = false;
    otlp::Value standard;
    std::optional<ottl::Expression> keys;  // instead of key: a list of keys
  };
  static Result<std::vector<Source>> sources(const std::vector<Attribute>& attributes, ottl::ContextId context, Arena& constants);
  static Result<otlp::Attributes> pick(const std::vector<Source>& sources, ottl::EvalContext& c, const otlp::Attributes& from, Arena& into);

  std::string name_, description_, unit_;
  std::unique_ptr<Arena> constants_ = std::make_unique<Arena>();  // texts of defaults
  std::vector<Source> attributes_, resource_;
  ottl::Conditions conditions_;
  otlp::MetricType type_ = otlp::MetricType::sum;
  bool monotonic_ = false;
  std::vector<double> bounds_;
  std::uint32_t max_size_ = 0;
  ottl::Expression value_;
  std::optional<ottl::Expression> count_;
  ottl::Value found_;
  std::int64_t times_ = 1;
};

}  // namespace weir::connectors::signaltometrics

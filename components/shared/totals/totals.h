#pragma once
// Totals of the items of one context that lie in one resource.
#include "components/shared/totals/definition.h"
#include "otlp/batch.h"
#include "ottl/ottl.h"

namespace weir::totals {

// Owned by the stage of one core and used for one resource after another. What it adds up lives in the batch that it is
// written to; the number of series is bounded by the number of items in a batch.
class Totals {
 public:
  static Result<Totals> make(ottl::ContextId context, const Definitions& definitions);

  // For the next resource. Texts of values must live as long as the batch that is being counted, or `into`.
  void begin() {
    for (auto& metric : metrics_) metric.series.clear();
    first_ = last_ = 0;
  }
  // One item, on which `c` stands; its attributes, then its scope's, then its resource's are looked into. Errc::too_large when the items
  // of a batch have gigabytes of these in common.
  Result<> add(ottl::EvalContext& c, const otlp::Attributes* item, Arena& into);
  // The span of time in which the items lie; zeros are passed over.
  void at(std::uint64_t time);
  bool empty() const;
  // Adds a metric for each definition that has something.
  void write(Arena& into, UnixNanos now, std::vector<otlp::Item>& out) const;

 private:
  struct Series {
    otlp::Attributes attributes;
    std::int64_t count = 0;
    double sum = 0;
  };
  struct Metric {
    std::string name, description, source;
    ottl::Conditions conditions;
    std::vector<std::pair<std::string, otlp::Value>> attributes;  // key and default; an empty one is none
    std::map<std::string, Series, std::less<>> series;            // by their attributes, encoded
  };

  Result<bool> find_attributes(const Metric& metric, ottl::EvalContext& c, const otlp::Attributes* item);

  std::unique_ptr<Arena> constants_ = std::make_unique<Arena>();  // texts of defaults
  std::vector<Metric> metrics_;
  std::uint64_t first_ = 0, last_ = 0;
  otlp::Writer key_;                       // scratch
  std::vector<const otlp::Value*> found_;  // of an item, as metric.attributes
};

}  // namespace weir::totals

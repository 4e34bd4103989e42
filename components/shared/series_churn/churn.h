#pragma once
// Which metrics new series are of, and which of their labels have many values.
#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/metrics.h"

namespace weir::engine {
class Host;
}

namespace weir::series_churn {

// How many different hashes it was told, about (HyperLogLog).
class Distinct {
 public:
  void add(std::uint64_t hash);
  double estimate() const;

 private:
  std::array<std::uint8_t, 64> most_zeros_{};
};

struct Label {
  std::string_view name;
  std::uint64_t value_hash = 0;
};

// Of one component, all cores. Its own metrics are there as long as it is.
class Churn {
 public:
  // `component` is a label of its metrics: processor, receiver, ...
  Churn(telemetry::Registry& registry, telemetry::Labels component);
  Churn(const Churn&) = delete;
  static std::shared_ptr<Churn> of(engine::Host& host, std::string_view kind, const std::string& id);

  // A series that was not there before.
  void added(std::string_view metric, std::span<const Label> labels);

 private:
  struct LabelCount {
    std::string name;
    Distinct values;
  };
  struct MetricCount {
    std::string name;
    std::uint64_t series = 0;
    std::vector<LabelCount> labels;
  };
  MetricCount& slot(std::string_view metric);
  void tell(std::vector<telemetry::Family>& out) const;

  telemetry::Labels component_;
  mutable std::mutex mutex_;  // new series are few; guards what is below
  std::uint64_t all_ = 0;
  std::vector<MetricCount> metrics_;
  std::shared_ptr<void> source_;  // the registry's token; last, so that it goes first
};

}  // namespace weir::series_churn

#pragma once
// A gauge that goes with its owner: after a reload the values of stages that are no more must not be added to those of the new ones.
#include "telemetry/metrics.h"

namespace weir::telemetry {

// Written by one core. Copies are the same gauge, which goes with the last of them; one that no registry made shows nothing.
class OwnedGauge {
 public:
  OwnedGauge() : value_(std::make_shared<Gauge>()) {}
  OwnedGauge(Registry& registry, std::string_view name, std::string_view help, Labels labels);

  void set(double v) { value_->set(v); }
  double value() const { return value_->value(); }

 private:
  std::shared_ptr<Gauge> value_;  // shared with the source, which may be asked on another core
  std::shared_ptr<void> source_;  // the registry's token
};

}  // namespace weir::telemetry

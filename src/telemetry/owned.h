#pragma once
// Series that go with their owner. Gauges: after a reload the values of stages that are no more must not be added to those of the new
// ones. Counters and histograms with a label whose values come and go, like a backend's address: otherwise there would be ever more of them.
#include "telemetry/metrics.h"

namespace weir::telemetry {

// Written by one core. Copies are the same series, which goes with the last of them; one that no registry made shows nothing.
template <class Cell>
class Owned {
 public:
  Cell& operator*() const { return *cell_; }
  Cell* operator->() const { return cell_.get(); }

 protected:
  explicit Owned(std::shared_ptr<Cell> cell) : cell_(std::move(cell)) {}
  void show(Registry& registry, std::string_view name, std::string_view help, Labels labels);

  std::shared_ptr<Cell> cell_;    // shared with the source, which may be asked on another core
  std::shared_ptr<void> source_;  // the registry's token
};

class OwnedGauge : public Owned<Gauge> {
 public:
  OwnedGauge() : Owned(std::make_shared<Gauge>()) {}
  OwnedGauge(Registry& registry, std::string_view name, std::string_view help, Labels labels) : OwnedGauge() {
    show(registry, name, help, std::move(labels));
  }
  void set(double v) { cell_->set(v); }
  double value() const { return cell_->value(); }
};

class OwnedCounter : public Owned<Counter> {
 public:
  OwnedCounter(Registry& registry, std::string_view name, std::string_view help, Labels labels) : Owned(std::make_shared<Counter>()) {
    show(registry, name, help, std::move(labels));
  }
};

class OwnedHistogram : public Owned<Histogram> {
 public:
  OwnedHistogram(Registry& registry, std::string_view name, std::string_view help, std::span<const double> bounds, Labels labels)
      : Owned(std::make_shared<Histogram>(bounds)) {
    show(registry, name, help, std::move(labels));
  }
};

}  // namespace weir::telemetry

#pragma once
// One exporter stage for each backend, with its own queue and connections. On one core.
#include "components/shared/exporting/exporting.h"

namespace weir::exporters::loadbalancing {

class Backends {
 public:
  using Make = std::function<Result<std::unique_ptr<exporting::QueuedStage>>(const std::string& address)>;
  using Again = std::function<void(otlp::Batch)>;

  // `again` takes what a backend that is gone had not delivered; it may come at any time until that one is idle.
  Backends(Make make, Again again) : make_(std::move(make)), again_(std::move(again)) {}

  // From now on there are these, by the order of `addresses`. New ones are made; on an error nothing has changed. Those
  // that are gone finish what they are sending and hand back the rest, so they want at() to be right already.
  Result<> update(const std::vector<std::string>& addresses, engine::Out& out);
  exporting::QueuedStage& at(std::size_t i) { return *now_[i]; }

  void tick(TimePoint now, engine::Out& out);
  void drain(engine::Out& out);
  void abandon(engine::Out& out);
  bool idle() const;
  bool congested() const;
  std::size_t held() const;

 private:
  using Stage = std::unique_ptr<exporting::QueuedStage>;
  template <class F>
  void each(F f) const;
  void forget_idle();

  Make make_;
  Again again_;
  std::map<std::string, Stage> stages_;  // by address
  std::vector<exporting::QueuedStage*> now_;
  std::vector<Stage> leaving_;
};

}  // namespace weir::exporters::loadbalancing

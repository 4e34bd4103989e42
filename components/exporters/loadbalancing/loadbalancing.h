#pragma once
// Sends every item to the backend that owns its key.
#include <deque>

#include "components/exporters/loadbalancing/backends.h"
#include "components/exporters/loadbalancing/noticeboard.h"
#include "components/exporters/loadbalancing/routing.h"

namespace weir::exporters::loadbalancing {

//   front queue ─▶ ring ─┬─▶ queue of backend a ─▶ a
//                        └─▶ queue of backend b ─▶ b
// The front queue is there when the exporter's own sending_queue is set; without it batches are cut at once. A backend
// that is gone finishes what it is sending; the rest of its queue is cut anew.
class LoadBalancing : public engine::Stage, private exporting::Relay {
 public:
  struct Parts {
    std::unique_ptr<Resolver> resolver;        // on the first core only
    std::shared_ptr<Noticeboard> noticeboard;  // shared by all cores
    Backends::Make make_backend;
  };
  LoadBalancing(const Config& config, RoutingKey key, Parts parts, const engine::StageContext& context);

  Result<> start(engine::Out& out) override;
  void process(otlp::Batch batch, engine::Out& out) override;
  void tick(TimePoint now, engine::Out& out) override;
  void drain(engine::Out& out) override;
  bool idle() const override { return early_.empty() && front_->idle() && backends_.idle(); }
  void abandon(engine::Out& out) override;
  std::size_t held() const override;
  bool keeps() const override { return true; }
  bool congested() const override { return front_->congested() || backends_.congested(); }

 private:
  Outcome forward(otlp::Batch& batch, engine::Out& out) override;
  void found(const Endpoints& endpoints);

  Config config_;
  engine::Signal signal_;
  std::string id_;
  Rng& rng_;
  Parts parts_;
  Router router_;
  telemetry::Counter& nameless_;
  Backends backends_;
  std::unique_ptr<exporting::QueuedStage> front_;
  engine::Out* out_ = nullptr;
  std::optional<HashRing> ring_;  // none: no answer from the resolver yet
  std::deque<otlp::Batch> early_;  // came before that; charged to the memory budget
  std::shared_ptr<void> subscription_;
};


}  // namespace weir::exporters::loadbalancing

#include "components/shared/points/periodic.h"

#include "base/log.h"

namespace weir::points {

void Periodic::start(Duration delay, std::function<void()> look) {
  look_ = std::move(look);
  next_ = context_.executor.now() + delay;
  again();
}

void Periodic::again() {
  timer_ = context_.executor.at(next_, [this] {
    next_ += interval_;
    if (TimePoint now = context_.executor.now(); next_ <= now) next_ = now + interval_;
    again();
    look_();
  });
}

void Periodic::push(otlp::Batch batch) {
  if (batch.empty()) return batch.settle({});
  std::size_t items = batch.items();
  if (!context_.host.budget().try_charge(batch.bytes(), batch.charge)) {
    batch.settle({});
    return context_.intake.refused(engine::Signal::metrics, "", items);
  }
  context_.intake.push(std::move(batch), "", [id = context_.id.to_string()](Outcome outcome) {
    static log::RateLimit lines;
    if (long long more = 0; outcome && lines.allow(more)) log::error("metrics were not taken", {{"receiver", id}, {"error", outcome->what}, {"suppressed", more}});
  });
}

}  // namespace weir::points

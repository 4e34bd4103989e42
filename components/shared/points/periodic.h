#pragma once
// Something that a receiver does in an interval, and how its batches go on.
#include "engine/component.h"
#include "otlp/batch.h"

namespace weir::points {

// One core.
class Periodic {
 public:
  Periodic(engine::ReceiverContext& context, Duration interval) : context_(context), interval_(interval) {}
  ~Periodic() { stop(); }
  void start(Duration delay, std::function<void()> look);
  void stop() { context_.executor.cancel(std::exchange(timer_, 0)); }
  // Charges the batch and pushes it; says so when it is not taken.
  void push(otlp::Batch batch);

 private:
  void again();

  engine::ReceiverContext context_;
  Duration interval_;
  std::function<void()> look_;
  TimePoint next_{};
  io::TimerId timer_ = 0;
};

}  // namespace weir::points

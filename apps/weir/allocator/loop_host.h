#pragma once
// What shared code of components needs of its host, for a role of the program that runs on one loop.
#include <map>

#include "engine/component.h"
#include "io/fs.h"
#include "io/workers.h"

namespace weir::app {

class LoopHost final : public engine::Host {
 public:
  explicit LoopHost(std::size_t memory) : budget_(memory) {}

  engine::Extension* extension(const config::ComponentId&) override { return nullptr; }
  telemetry::Registry& metrics() override { return metrics_; }
  Budget& budget() override { return budget_; }
  io::Workers& workers() override { return workers_; }
  io::Fs& fs() override { return io::system_fs(); }
  void limit_memory(std::size_t) override {}
  std::string describe_plan() override { return "{}"; }
  std::shared_ptr<void> shared(std::string_view key, const std::function<std::shared_ptr<void>()>& make) override {
    auto& slot = shared_[std::string(key)];
    auto there = slot.lock();
    if (there == nullptr) slot = there = make();
    return there;
  }
  void request_shutdown(const Error&) override {}

 private:
  telemetry::Registry metrics_;
  Budget budget_;
  std::map<std::string, std::weak_ptr<void>> shared_;  // as long as somebody uses it
  io::WorkerThreads workers_{2};
};

}  // namespace weir::app

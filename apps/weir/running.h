#pragma once
// What a service runs, and how spans of its own find the way out.
#include "engine/engine.h"
#include "weir/own_metrics.h"
#include "weir/own_pipelines.h"
#include "weir/service.h"

namespace weir::app {

// An extension that runs.
struct HostedExtension {
  engine::ComponentSpec spec;
  std::uint32_t life = 0;  // tells it from the same extension with other settings
  std::unique_ptr<engine::Extension> extension;
};

// What exists between a start and the stop. On the first core, but for the extensions (Service::extensions_mutex_).
struct Service::Running {
  std::shared_ptr<const Loaded> loaded;  // null until the start is through
  std::vector<HostedExtension> extensions;
  std::unique_ptr<OwnPipelines> own;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<OwnMetricsServer> metrics_server;
  std::shared_ptr<void> ledger_source;
  std::uint32_t last_life = 0;
};

// Stages keep this sink for as long as they live; where its spans go may change with a reload. From any core.
class Service::SpanRelay final : public telemetry::SpanSink {
 public:
  void record(telemetry::OwnSpan span) override {
    std::lock_guard lock(mutex_);
    if (to_ != nullptr) to_->record(std::move(span));
  }
  void lead_to(telemetry::SpanSink* to) {
    std::lock_guard lock(mutex_);
    to_ = to;
  }
  // Whether stages that are made now are to make spans.
  void set_wanted(bool wanted) { wanted_ = wanted; }
  bool wanted() const { return wanted_; }

 private:
  std::mutex mutex_;  // guards to_
  telemetry::SpanSink* to_ = nullptr;
  std::atomic<bool> wanted_{false};
};

}  // namespace weir::app

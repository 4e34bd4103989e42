#pragma once
// weir's own telemetry on its way out: a small engine beside the big one, with one pipeline for each reader or processor of
// service::telemetry, so that queues, retries and TLS are those of the ordinary exporters. What these do is not measured
// itself, or telemetry would cause telemetry without end.
#include <mutex>

#include "engine/engine.h"
#include "engine/shared_states.h"
#include "io/fs.h"
#include "io/loop.h"
#include "io/workers.h"
#include "weir/settings.h"

namespace weir::app {

class OwnSource;

// On the first core, but for record().
class OwnPipelines final : public engine::Host, private telemetry::SpanSink {
 public:
  // `measured`: where own metrics are read. All arguments outlive this.
  OwnPipelines(io::Loop& loop, io::Workers& workers, Budget& budget, telemetry::Registry& measured);
  ~OwnPipelines();

  void start(const OwnTelemetry& own, std::move_only_function<void(Result<>)> done);
  // From now on, and no more, log lines come here. There is one such place in the process.
  void listen();
  void leave_off();
  // Sends what is there, for as long as `patience` lasts.
  void stop(Duration patience, io::Task done);

  // Null when nobody wants own spans.
  telemetry::SpanSink* spans() { return wants_spans_ ? this : nullptr; }

 private:
  friend class OwnSource;

  void record(telemetry::OwnSpan span) override;
  void take(log::Record record);

  engine::Extension* extension(const config::ComponentId&) override { return nullptr; }
  telemetry::Registry& metrics() override { return unread_; }
  Budget& budget() override { return budget_; }
  io::Workers& workers() override { return workers_; }
  io::Fs& fs() override { return io::system_fs(); }
  void limit_memory(std::size_t) override {}
  std::string describe_plan() override { return {}; }
  std::shared_ptr<void> shared(std::string_view key, const std::function<std::shared_ptr<void>()>& make) override {
    return states_.get(key, make);
  }
  void request_shutdown(const Error&) override {}

  io::Loop& loop_;
  io::Workers& workers_;
  Budget& budget_;
  telemetry::Registry& measured_;
  telemetry::Registry unread_;
  engine::SharedStates states_;
  std::vector<std::pair<std::string, std::string>> resource_;
  UnixNanos since_ = 0;
  double span_share_ = 1;
  bool wants_spans_ = false, wants_logs_ = false, listens_ = false;
  std::mutex mutex_;                  // guards sources_ and rng_
  std::vector<OwnSource*> sources_;   // that run
  Rng rng_ = Rng::from_system();
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace weir::app

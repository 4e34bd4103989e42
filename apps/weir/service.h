#pragma once
// The running process: cores, the plan on them, memory watch, own telemetry, reload and shutdown.
#include <future>
#include <list>
#include <mutex>

#include "engine/engine.h"
#include "engine/shared_states.h"
#include "io/fs.h"
#include "io/team.h"
#include "io/workers.h"
#include "weir/data_directory.h"
#include "weir/memory_watch.h"
#include "weir/settings.h"

namespace weir::app {

class Change;

class Service : public engine::Host {
 public:
  explicit Service(std::size_t cores, io::Team::Threads threads = io::Team::Threads::follow_load);
  ~Service();

  // Before start(): where components keep what has to survive.
  void use(DataDirectory data) { data_ = std::move(data); }
  // Starts everything; returns when data can come in, or with the reason why not (nothing runs then).
  Result<> start(Loaded loaded);
  // New plan for old: what is unchanged goes on, the rest is made beside what it replaces, which then finishes behind it.
  // Returns when the new plan serves; after an error the old one serves as before.
  Result<> reload(Loaded loaded);
  // Drains and stops: connections are refused from now on, what is under way is finished. At the end false when something
  // had to be dropped. Ask the future, then finish_stop().
  std::future<void> begin_stop(Duration patience);
  // Time is up: what is not delivered yet is given up.
  void hurry();
  bool finish_stop();

  // What every component has counted so far. From the thread that starts and stops.
  std::vector<engine::LedgerRow> ledger() const;
  // True after request_shutdown().
  bool failed() const { return failed_; }

  // Host
  engine::Extension* extension(const config::ComponentId& id) override;
  telemetry::Registry& metrics() override { return metrics_; }
  Budget& budget() override { return budget_; }
  io::Workers& workers() override { return workers_; }
  io::Fs& fs() override { return io::system_fs(); }
  std::string data_directory() override { return data_.path; }
  telemetry::SpanSink* own_spans() override;
  void limit_memory(std::size_t bytes) override;
  std::string describe_plan() override;
  const engine::Plan* plan() override;
  std::shared_ptr<void> shared(std::string_view key, const std::function<std::shared_ptr<void>()>& make) override {
    return states_.get(key, make);
  }
  void request_shutdown(const Error& reason) override;

 private:
  // The way to another configuration, one for a start or reload: see change.h.
  friend class Change;
  struct Running;
  class SpanRelay;

  static constexpr Duration reload_patience = 30s;
  static constexpr Duration own_patience = 5s;  // for the last of own telemetry
  Result<> change_to(Loaded loaded);
  void wait_for_changes(io::Task done);
  void set_changing(const Change* change);
  void halt(Duration patience);
  void begin_halt(Duration patience, io::Task done);
  void end_halt();
  void watch_memory();
  // Runs on the first core and waits for it.
  void on_first_core(std::function<void(io::Task done)> work);

  DataDirectory data_;  // first: given up last
  telemetry::Registry metrics_;
  Budget budget_;
  MemoryWatch memory_{budget_, metrics_};
  engine::SharedStates states_;
  std::vector<std::unique_ptr<io::Loop>> cores_;
  io::WorkerThreads workers_;  // posts to the cores, so it goes before them
  std::shared_ptr<void> process_metrics_;
  std::unique_ptr<SpanRelay> spans_;
  std::unique_ptr<Running> running_;
  std::mutex extensions_mutex_;      // which extensions there are: changed on the first core, asked from all
  const Change* changing_ = nullptr; // whose extensions are found first; with the mutex held
  std::list<std::unique_ptr<Change>> changes_;  // under way, or waiting for what they replaced to be gone; first core
  std::shared_ptr<void> listeners_;  // keeps the sockets' registry alive between plans
  std::vector<engine::LedgerRow> last_ledger_;
  std::map<std::string, std::uint64_t> lost_before_stop_;  // items by component
  std::atomic<bool> failed_{false};
  std::unique_ptr<io::Team> team_;  // last: nothing runs any more when the rest goes
};

}  // namespace weir::app

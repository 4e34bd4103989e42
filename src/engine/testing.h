#pragma once
// For tests of stages and plans: a whole engine on virtual cores, fed and emptied by the test, with the conservation
// oracle. Linked into tests and `weir test` only.
#include <deque>

#include "engine/engine.h"
#include "engine/shared_states.h"
#include "io/fs.h"
#include "io/simulation.h"

namespace weir::engine::testing {

class TestHost : public Host {
 public:
  Extension* extension(const config::ComponentId& id) override;
  telemetry::Registry& metrics() override { return metrics_; }
  Budget& budget() override { return budget_; }
  io::Workers& workers() override { return *workers_; }
  io::MemoryFs& fs() override { return fs_; }
  std::string data_directory() override { return directory; }
  void limit_memory(std::size_t bytes) override { budget_.set_limit(bytes); }
  std::string describe_plan() override { return {}; }
  std::shared_ptr<void> shared(std::string_view key, const std::function<std::shared_ptr<void>()>& make) override {
    return shared_.get(key, make);
  }
  void request_shutdown(const Error& reason) override { shutdown_reason = reason.what; }

  std::map<std::string, Extension*> extensions;
  std::string shutdown_reason;
  std::string directory = "/data";  // empty: nothing survives
  // Instead of running jobs at once.
  void use(std::unique_ptr<io::Workers> workers) { workers_ = std::move(workers); }

 private:
  io::MemoryFs fs_;
  std::unique_ptr<io::Workers> workers_ = std::make_unique<io::InlineWorkers>();
  telemetry::Registry metrics_;
  Budget budget_;
  SharedStates shared_;
};

// What arrived at a sink, one entry for each batch, in order of arrival.
struct Arrived {
  std::uint16_t shard;
  UnixNanos at;
  std::shared_ptr<Batch> batch;  // shared so that tests can keep it; settled already
};

// How a sink treats what arrives. Returning an error refuses the batch.
using SinkRule = std::function<Outcome(const Batch&)>;

// An engine on virtual cores. Pipelines read from receiver "source" and write to exporter "sink" (or sink/<name>).
class World {
 public:
  World(std::size_t cores, std::uint64_t seed);
  ~World();

  // Adds a component of the given factory and config, in place of one with that id. `yaml_free` config objects come from the factory's decode(nullptr)
  // or from the test.
  void add(const Factory& factory, std::string_view id, Factory::Config config);
  void pipeline(std::string id, Signal signal, std::vector<std::string> receivers, std::vector<std::string> processors,
                std::vector<std::string> exporters);
  // Takes over a whole configuration: its receivers become sources and its exporters sinks, under their ids.
  void use(PlanSpec spec);
  // Builds and starts; fails the test on errors.
  void start();
  Result<> try_start();

  // Feeds a batch into the receiver "source" on a core; the outcome is kept under the returned number.
  std::size_t push(Batch batch, std::size_t core = 0) { return push_to("source", std::move(batch), core); }
  std::size_t push_to(std::string_view receiver, Batch batch, std::size_t core = 0);
  // What a receiver on the first core is to look for when it checks a request.
  std::shared_ptr<const otlp::Sought> sought(std::string_view receiver, Signal signal) const;
  // Feeds `count` batches before any of them is worked on.
  std::vector<std::size_t> push_all(std::size_t count, const std::function<Batch()>& make, std::size_t core = 0);
  // nullopt: not answered yet.
  const std::optional<Outcome>& answer(std::size_t push) const { return answers_[push]; }
  void advance(Duration d) { simulation_.advance(d); }
  // Before a reload with others. Components stay known.
  void clear_pipelines() { spec_.pipelines.clear(); }
  // Goes over to what was added, in place of what was there. What leaves has `patience`. Runs until the new plan serves, or says why not.
  Result<> reload(Duration patience = 30s);
  // The same in two steps, for what is to happen meanwhile.
  void begin_reload(Duration patience = 30s);
  Result<> finish_reload();
  // Drains and stops.
  void stop(Duration patience = 30s);

  // Empties the inbox of a sink.
  std::vector<Arrived> take(std::string_view sink = "sink");
  void rule(std::string_view sink, SinkRule rule) { rules_[std::string(sink)] = std::move(rule); }

  // The oracle: every row balanced, and what the source made equals what sinks got, dropped, refused and held.
  void check_conservation();

  io::Simulation& simulation() { return simulation_; }
  TestHost& host() { return host_; }
  Engine& engine() { return *engine_; }

 private:
  friend struct WorldAccess;
  std::size_t post(std::string_view receiver, Batch batch, std::size_t core);
  io::Simulation simulation_;
  TestHost host_;
  PlanSpec spec_;
  std::optional<Result<>> reloaded_;  // empty while a reload is under way
  std::unique_ptr<Engine> engine_;
  std::map<std::string, std::vector<Intake*>, std::less<>> intakes_;  // by receiver, for each core
  std::vector<std::optional<Outcome>> answers_;
  std::map<std::string, std::vector<Arrived>, std::less<>> inbox_;
  std::map<std::string, SinkRule, std::less<>> rules_;
};

// A small trace request. All fields that matter to sampling and metrics can be set.
struct SpanSpec {
  std::uint8_t trace = 1, span = 1, parent = 0;
  std::string name = "op";
  std::string service = "shop";
  std::int32_t kind = 2, status = 0;
  UnixNanos start = 1'700'000'000'000'000'000;
  Duration duration = 10ms;
  std::vector<std::pair<std::string, std::string>> attributes;
};
Batch make_traces(const std::vector<SpanSpec>& spans);

}  // namespace weir::engine::testing

#pragma once
// A pipeline with the processor in a simulated world. Tests only.
#include "components/processors/tail_sampling/tail_sampling.h"
#include "engine/testing.h"

namespace weir::processors::tail_sampling {

engine::Factory factory();

namespace testing {

using namespace engine::testing;

inline Policy errors() { return {.name = "errors", .type = "status_code", .status_code = {{"ERROR"}}}; }
inline Policy everything() { return {.name = "everything", .type = "always_sample"}; }
inline Policy share(double percent) { return {.name = "share", .type = "probabilistic", .probabilistic = {.sampling_percentage = percent}}; }

// Whether share(percent) keeps the trace.
inline bool lucky(std::uint8_t trace, double percent) {
  otlp::TraceId id;
  id.bytes[15] = trace;
  return trace_hash("default-hash-seed", id) <= static_cast<std::uint64_t>(static_cast<long double>(std::numeric_limits<std::uint64_t>::max()) * percent / 100);
}

using Counts = std::map<int, int>;  // trace → spans

struct Fixture {
  // Gives to the exporter `exporter`, which a test may have added in `prepare`.
  explicit Fixture(Config config, std::size_t cores = 1, std::uint64_t seed = 1, const std::function<std::string(World&)>& prepare = {}) : world(cores, seed) {
    static const engine::Factory tail = factory();
    world.host().directory = "";  // in memory; hold_test.cc has the others
    world.add(tail, "tail_sampling", std::make_shared<Config>(std::move(config)));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling"}, {prepare ? prepare(world) : "sink"});
    world.start();
  }
  // What came out since the last call.
  Counts out() {
    Counts counts;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) ++counts[item.read<otlp::Span>(arrived.batch->arena()).trace_id.bytes[15]];
    return counts;
  }
  std::uint64_t dropped(engine::Reason reason) {
    std::uint64_t n = 0;
    for (auto& row : world.engine().ledger(true)) n += row.dropped[static_cast<std::size_t>(reason)];
    return n;
  }
  // Sum of the samples that have all of these labels.
  double metric(std::string_view name, const telemetry::Labels& labels = {}) {
    double sum = 0;
    for (auto& family : world.host().metrics().collect()) {
      if (family.name != fmt::format("otelcol_processor_tail_sampling_{}", name)) continue;
      for (auto& sample : family.samples) {
        bool all = std::all_of(labels.begin(), labels.end(), [&](auto& label) { return std::find(sample.labels.begin(), sample.labels.end(), label) != sample.labels.end(); });
        if (!all) continue;
        sum += sample.value;
        for (auto count : sample.counts) sum += static_cast<double>(count);
      }
    }
    return sum;
  }
  World world;
};

}  // namespace testing
}  // namespace weir::processors::tail_sampling

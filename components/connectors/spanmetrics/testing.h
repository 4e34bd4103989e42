#pragma once
// For tests: a world with span metrics in it, and its output as flat points.
#include "components/connectors/spanmetrics/spanmetrics.h"
#include "engine/testing.h"

namespace weir::connectors::spanmetrics {
engine::Factory factory();
}

namespace weir::connectors::spanmetrics::testing {

using engine::testing::SpanSpec;
using engine::testing::World;

struct Point {
  std::int64_t value = 0;  // of a sum, or the count of a histogram
  double sum = 0;
  std::vector<std::uint64_t> buckets;
  UnixNanos start = 0, time = 0;
  std::vector<int> exemplars;  // last byte of trace ids
  otlp::Temporality temporality{};
  std::string unit;
};

// "shop calls span.name=op,span.kind=..." → point. Attributes in order, without those in `hidden`.
using Points = std::map<std::string, Point>;

inline const std::vector<std::string_view> usually_hidden = {"service.name", "collector.instance.id", "span.kind", "status.code"};

inline Point read_point(const otlp::Metric& metric, const otlp::DataPoint& point) {
  Point out{.start = point.start_time_unix_nano, .time = point.time_unix_nano, .temporality = metric.temporality, .unit = std::string(metric.unit)};
  out.value = metric.type == otlp::MetricType::sum ? point.integer : static_cast<std::int64_t>(point.count);
  out.sum = point.sum;
  auto& counts = metric.type == otlp::MetricType::exponential_histogram ? point.positive.counts : point.bucket_counts;
  out.buckets.assign(counts.begin(), counts.end());
  for (auto& exemplar : point.exemplars) out.exemplars.push_back(exemplar.trace_id.bytes[15]);
  return out;
}

// The newest point of each series in what arrived.
inline Points read(std::vector<engine::testing::Arrived> arrived, const std::vector<std::string_view>& hidden = usually_hidden) {
  Points out;
  for (auto& request : arrived) {
    Arena& arena = request.batch->arena();
    for (auto& group : request.batch->groups()) {
      auto* service = group.resource.read(arena).attributes.find("service.name");
      std::string prefix = service ? to_text(*service) : "-";
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          auto& metric = item.read<otlp::Metric>(arena);
          for (auto& point : metric.points) {
            std::string key = fmt::format("{} {}", prefix, metric.name.substr(metric.name.rfind('.') + 1));
            for (auto& kv : point.attributes)
              if (std::find(hidden.begin(), hidden.end(), kv.key) == hidden.end()) key += fmt::format(" {}={}", kv.key, to_text(kv.value));
            out[key] = read_point(metric, point);
          }
        }
    }
  }
  return out;
}

struct Fixture {
  explicit Fixture(Config config, std::size_t cores = 1, std::uint64_t seed = 1) : world(cores, seed) {
    static const engine::Factory connector = factory();
    world.add(connector, "spanmetrics", std::make_shared<Config>(std::move(config)));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {}, {"spanmetrics"});
    world.pipeline("metrics", otlp::Signal::metrics, {"spanmetrics"}, {}, {"sink"});
    world.start();
  }
  void push(const std::vector<SpanSpec>& spans, std::size_t core = 0) { world.push(engine::testing::make_traces(spans), core); }
  // With resource attributes beside service.name.
  void push(const std::vector<std::pair<std::string, std::string>>& resource, const std::vector<SpanSpec>& spans) {
    otlp::Batch batch = engine::testing::make_traces(spans);
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& [key, value] : resource)
        group.resource.edit(arena).attributes.set(arena, arena.copy(key), otlp::Value::of(arena.copy(value)));
    world.push(std::move(batch));
  }
  Points points(const std::vector<std::string_view>& hidden = usually_hidden) { return read(world.take(), hidden); }
  Points flushed(const std::vector<std::string_view>& hidden = usually_hidden) {
    world.advance(60s);
    return points(hidden);
  }
  std::uint64_t dropped(engine::Reason reason) {
    std::uint64_t n = 0;
    for (auto& row : world.engine().ledger(true)) n += row.dropped[static_cast<std::size_t>(reason)];
    return n;
  }
  World world;
};

}  // namespace weir::connectors::spanmetrics::testing

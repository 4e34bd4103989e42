// Delta sums as rates: nothing is kept, a point has all it takes.
#include "components/shared/metric_streams/edit_points.h"
#include "engine/decode.h"

namespace weir::processors::deltatorate {

struct Config {
  std::vector<std::string> metrics;
  static std::span<const config::FieldInfo> fields();
};

namespace {

using otlp::MetricType;
using otlp::NumberType;

class DeltaToRate : public engine::Stage {
 public:
  explicit DeltaToRate(const Config& config) : names_(config.metrics) { std::ranges::sort(names_); }

  void process(engine::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items)
          if (wants(item.read<otlp::Metric>(arena))) convert(item.edit<otlp::Metric>(arena), arena);
    out.push(std::move(batch));
  }

 private:
  bool wants(const otlp::Metric& m) const {
    return m.type == MetricType::sum && m.temporality == otlp::Temporality::delta && std::ranges::binary_search(names_, m.name);
  }

  static void convert(otlp::Metric& m, Arena& arena) {
    for (auto& p : m.points) {
      double value = p.type == NumberType::integer ? static_cast<double>(p.integer) : p.real;
      bool later = p.time_unix_nano > p.start_time_unix_nano;
      p.real = later ? value / (static_cast<double>(p.time_unix_nano - p.start_time_unix_nano) / 1e9) : 0;
      p.type = NumberType::real;
    }
    m.type = MetricType::gauge;
    m.temporality = otlp::Temporality::unspecified;
    m.is_monotonic = false;
    if (!m.unit.empty()) m.unit = arena.copy(std::string(m.unit) + "/s");
  }

  std::vector<std::string> names_;  // sorted
};

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      config::field<&Config::metrics>("metrics", "Names of the delta sums to convert.", {.required = true}),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "deltatorate",
          .aliases = {"delta_to_rate"},
          .summary = "Turns delta sums into rates for each second.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<DeltaToRate>(*static_cast<const Config*>(config));
          }};
}

}  // namespace weir::processors::deltatorate

// Hands each batch to the next of the pipelines behind.
#include "config/field.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::connectors::roundrobin {
namespace {

struct Config {
  static std::span<const config::FieldInfo> fields() { return {}; }
};

class RoundRobin final : public engine::Stage {
 public:
  // Cores begin at different pipelines.
  explicit RoundRobin(const engine::StageContext& context) : ports_(context.output_pipelines.size()), next_(context.shard) {}

  bool opens() const override { return false; }
  void process(otlp::Batch batch, engine::Out& out) override { out.push_to(next_++ % ports_, std::move(batch)); }

 private:
  std::size_t ports_, next_;
};

std::vector<engine::Conversion> same_signal() {
  std::vector<engine::Conversion> out;
  for (otlp::Signal signal : otlp::all_signals) out.push_back({signal, signal});
  return out;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::connector,
          .type = "roundrobin",
          .aliases = {"round_robin"},
          .summary = "Hands each batch to the next of the pipelines behind.",
          .conversions = same_signal(),
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void*, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<RoundRobin>(context);
          }};
}

}  // namespace weir::connectors::roundrobin

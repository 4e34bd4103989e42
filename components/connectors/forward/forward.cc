// Joins pipelines of one signal: everything that comes in goes to every pipeline behind.
#include "config/field.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::connectors::forward {
namespace {

struct Config {
  static std::span<const config::FieldInfo> fields() { return {}; }
};

class Forward : public engine::Stage {
 public:
  bool opens() const override { return false; }
  void process(otlp::Batch batch, engine::Out& out) override { out.push(std::move(batch)); }
};

std::vector<engine::Conversion> same_signal() {
  std::vector<engine::Conversion> out;
  for (otlp::Signal signal : otlp::all_signals) out.push_back({signal, signal});
  return out;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::connector,
          .type = "forward",
          .summary = "Joins pipelines of one signal.",
          .conversions = same_signal(),
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void*, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<Forward>();
          }};
}

}  // namespace weir::connectors::forward

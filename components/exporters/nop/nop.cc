// Takes everything and keeps nothing.
#include "config/field.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::exporters::nop {
namespace {

struct Config {
  static std::span<const config::FieldInfo> fields() { return {}; }
};

class NopExporter : public engine::Stage {
 public:
  bool opens() const override { return false; }
  void process(otlp::Batch batch, engine::Out& out) override { out.delivered(std::move(batch)); }
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "nop",
          .summary = "Takes everything and keeps nothing.",
          .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void*, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<NopExporter>();
          }};
}

}  // namespace weir::exporters::nop

// Receives nothing: for pipelines that need no source, as in examples and checks.
#include "config/field.h"
#include "engine/decode.h"

namespace weir::receivers::nop {
namespace {

struct Config {
  static std::span<const config::FieldInfo> fields() { return {}; }
};

class NopReceiver : public engine::Receiver {
 public:
  Result<> start() override { return {}; }
  void stop(io::Task done) override { done(); }
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "nop",
          .summary = "Receives nothing.",
          .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void*, engine::ReceiverContext&) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<NopReceiver>();
          }};
}

}  // namespace weir::receivers::nop

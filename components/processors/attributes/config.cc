#include "components/processors/attributes/config.h"

#include "components/processors/attributes/attributes.h"
#include "engine/decode.h"

namespace weir::processors::attributes {
namespace {

Result<> check(const void* config, otlp::Signal signal) {
  auto& c = *static_cast<const Config*>(config);
  if (c.include) WEIR_TRY(c.include->check(signal));
  if (c.exclude) WEIR_TRY(c.exclude->check(signal));
  return {};
}

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::actions>("actions", "What to do with the attributes of each item, in this order.", {.required = true}),
      field<&Config::include>("include", "Only items that match this."),
      field<&Config::exclude>("exclude", "Not items that match this, even when they are included."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "attributes",
          .summary = "Changes attributes of spans, log records and data points.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = check,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context.signal);
          }};
}

}  // namespace weir::processors::attributes

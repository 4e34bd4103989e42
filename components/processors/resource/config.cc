#include "components/processors/resource/config.h"

#include "components/processors/resource/resource.h"
#include "engine/decode.h"

namespace weir::processors::resource {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::attributes>("attributes", "Actions on the attributes of each resource, in this order.", {.required = true}),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "resource",
          .summary = "Changes attributes of resources.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .make_stage = [](const void* config, engine::StageContext&) { return make_stage(*static_cast<const Config*>(config)); }};
}

}  // namespace weir::processors::resource

#include "components/extensions/zpages/config.h"

#include "components/extensions/zpages/zpages.h"
#include "engine/decode.h"

namespace weir::extensions::zpages {

std::span<const config::FieldInfo> Expvar::fields() {
  using config::field;
  static const std::array rows{field<&Expvar::enabled>("enabled", "Serve /debug/expvarz.")};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      config::embedded<&Config::server>(),
      field<&Config::expvar>("expvar", "Own counters and memory as JSON."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (server.endpoint.empty()) context.error_at("endpoint", "\"endpoint\" is required when using the \"zpages\" extension");
}

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "zpages",
          .summary = "Pages that show what runs.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return std::make_unique<ZPages>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::extensions::zpages

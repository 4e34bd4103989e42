#include "components/extensions/pprof/config.h"

#include "components/extensions/pprof/pprof.h"
#include "engine/decode.h"

namespace weir::extensions::pprof {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::endpoint>("endpoint", "Address to listen on."),
      field<&Config::save_to_file>("save_to_file", "Profile the CPU from start to stop, and write that to this file."),
      config::ignored("block_profile_fraction", "there are no goroutines that could block"),
      config::ignored("mutex_profile_fraction", "cores share nothing that they would wait for"),
      config::ignored("dialer", "nothing is dialled"),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "pprof",
          .summary = "Profiles of CPU and memory for pprof.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return std::make_unique<Pprof>(*static_cast<const Config*>(config), context, context.host.fs());
          }};
}

}  // namespace weir::extensions::pprof

// Accepted for the sake of old configurations: it made Go's garbage collector run less often, and there is none here.
#include "base/log.h"
#include "engine/decode.h"

namespace weir::extensions::memory_ballast {
namespace {

struct Config {
  std::uint64_t size_mib = 0;
  std::uint64_t size_in_percentage = 0;

  static std::span<const config::FieldInfo> fields() {
    using config::field;
    static const std::array rows{
        field<&Config::size_mib>("size_mib", "Accepted, without effect."),
        field<&Config::size_in_percentage>("size_in_percentage", "Accepted, without effect.", {.max = 100}),
    };
    return rows;
  }
};

class MemoryBallast : public engine::Extension {
 public:
  Result<> start() override {
    log::warn("memory_ballast has no effect: there is no garbage collector. It can be removed from the configuration.");
    return {};
  }
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "memory_ballast",
          .summary = "Accepted for old configurations; does nothing.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_extension = [](const void*, engine::ExtensionContext&) -> Result<std::unique_ptr<engine::Extension>> {
            return std::make_unique<MemoryBallast>();
          }};
}

}  // namespace weir::extensions::memory_ballast

#include "components/shared/otlp_grpc/config.h"

namespace weir::otlp_grpc {

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{config::embedded<&Config::client>(), config::embedded<&Config::exporting>()};
  return rows;
}

}  // namespace weir::otlp_grpc

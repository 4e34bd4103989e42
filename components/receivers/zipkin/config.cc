#include "components/receivers/zipkin/config.h"

namespace weir::receivers::zipkin {

std::span<const config::FieldInfo> Config::fields() {
  static const std::vector rows = [] {
    auto base = net_config::HttpServer::fields();
    std::vector all(base.begin(), base.end());
    all.push_back(config::field<&Config::parse_string_tags>("parse_string_tags", "Tags that look like a number or a boolean become one."));
    return all;
  }();
  return rows;
}

}  // namespace weir::receivers::zipkin

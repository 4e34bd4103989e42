#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"
#include "components/shared/zipkin/span_writer.h"

namespace weir::exporters::zipkin {

struct Config {
  exporting::Config exporting;
  net_config::HttpClient client;
  std::string format = "json";
  std::string default_service_name;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  weir::zipkin::Format list_format() const { return format == "proto" ? weir::zipkin::Format::proto : weir::zipkin::Format::json; }
};

}  // namespace weir::exporters::zipkin

#pragma once
#include "components/exporters/otlphttp/http_sender.h"
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::exporters::otlphttp {

std::span<const config::Choice> choices_of(Encoding);

struct Config {
  Config() { exporting.timeout = 30s; }
  exporting::Config exporting;
  net_config::HttpClient client;
  std::string traces_endpoint, metrics_endpoint, logs_endpoint, profiles_endpoint;
  Encoding encoding = Encoding::proto;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  Target target() const;
};

}  // namespace weir::exporters::otlphttp

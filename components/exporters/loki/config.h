#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::exporters::loki {

struct DefaultLabels {
  bool exporter = true, job = true, instance = true, level = true;
};

struct Config {
  Config();
  exporting::Config exporting;
  net_config::HttpClient client;
  std::map<std::string, bool> default_labels_enabled;
  std::vector<std::string> structured_metadata;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  DefaultLabels default_labels() const;
};

}  // namespace weir::exporters::loki

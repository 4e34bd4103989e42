#pragma once
// kubernetes_sd_configs as Prometheus has them.
#include "components/shared/scrape/config/http_config.h"
#include "kube/connection.h"

namespace weir::kubernetes_sd {

enum class Role : std::uint8_t { node, pod, service, endpoints, endpoint_slice, ingress };

struct Selector {
  Role role = Role::pod;
  std::string label, field_;
  static std::span<const config::FieldInfo> fields();
};

struct Namespaces {
  bool own_namespace = false;
  std::vector<std::string> names;
  static std::span<const config::FieldInfo> fields();
};

struct AttachMetadata {
  bool node = false, name_space = false;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Role role = Role::pod;
  std::string api_server, kubeconfig_file;
  scrape::HttpConfig http;  // for api_server
  Namespaces namespaces;
  std::vector<Selector> selectors;
  AttachMetadata attach_metadata;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
  // To api_server.
  Result<kube::Connection> connection() const;
};

}  // namespace weir::kubernetes_sd

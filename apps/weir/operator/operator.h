#pragma once
// `weir operator`: the webhook that instruments pods, and collectors that resources ask for.
#include <array>
#include <string>

namespace weir::app {

struct OperatorOptions {
  std::string listen = "0.0.0.0:9443", health = "0.0.0.0:8081";
  std::string kubeconfig;  // a file; without it the pod's own account
  std::string name_space, service = "weir-operator", url;
  std::string collector_image = "weir:latest";
  bool several_languages = true, collectors = true, restarts = false;
  std::array<bool, 7> languages = {true, true, true, true, false, true, false};  // java, nodejs, python, dotnet, go, apache-httpd, nginx
};

int run_operator(const OperatorOptions& options);

}  // namespace weir::app

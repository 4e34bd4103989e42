#pragma once
// `weir operator`: the webhook that instruments pods, and collectors that resources ask for.
#include <string>

namespace weir::app {

struct OperatorOptions {
  std::string listen = "0.0.0.0:9443", health = "0.0.0.0:8081";
  std::string kubeconfig;  // a file; without it the pod's own account
  std::string name_space, service = "weir-operator", url;
  std::string collector_image = "weir:latest";
  bool go = false, several_languages = true, collectors = true, restarts = false;
};

int run_operator(const OperatorOptions& options);

}  // namespace weir::app

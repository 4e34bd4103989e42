#pragma once
// `weir allocator`: finds targets and says which collector scrapes which, over the API of the operator's target allocator.
#include <optional>
#include <string>

namespace weir::app {

// What the command line says wins over the file.
struct AllocatorOptions {
  std::string config_file = "/conf/targetallocator.yaml";
  std::string listen, kubeconfig, listen_https, ca_file, cert_file, key_file;
  bool monitors = false, https = false, insecure_secrets = false;
};

int run_allocator(const AllocatorOptions& options);

}  // namespace weir::app

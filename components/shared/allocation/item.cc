#include "components/shared/allocation/item.h"

#include <xxhash.h>

namespace weir::allocation {

std::uint64_t identity_of(const scrape::Labels& relabeled, std::string_view job) {
  std::string text;
  for (auto& label : relabeled) {
    if (label.name.starts_with(scrape::meta_prefix)) continue;
    text += label.name;
    text += '\xff';
    text += label.value;
    text += '\xff';
  }
  text += job;
  return XXH64(text.data(), text.size(), 0);
}

std::string_view node_of(const scrape::Labels& labels) {
  for (std::string_view name : {"__meta_kubernetes_pod_node_name", "__meta_kubernetes_node_name", "__meta_kubernetes_endpoint_node_name"})
    if (labels.has(name)) return labels.get(name);
  if (labels.get("__meta_kubernetes_endpointslice_address_target_kind") != "Node") return {};
  return labels.get("__meta_kubernetes_endpointslice_address_target_name");
}

}  // namespace weir::allocation

#pragma once
// Targets of a cluster's objects, with the meta labels that Prometheus gives them. Pure: objects in, labels out.
#include <map>

#include "components/shared/kubernetes_sd/config.h"
#include "components/shared/scrape/labels.h"
#include "kube/object.h"

namespace weir::kubernetes_sd {

using scrape::Labels;

struct Group {
  std::string source;           // "pod/shop/web-0"
  Labels labels;                // of all its targets
  std::vector<Labels> targets;  // at least __address__ each
};

// Objects by "namespace/name".
using Objects = std::map<std::string, kube::ObjectPtr, std::less<>>;

// What is known, by what it is; only those that the role needs are filled.
struct Known {
  Objects nodes, pods, services, namespaces;
  Objects endpoints, slices, ingresses;
};

// One group for each object of the role.
std::vector<Group> make_groups(const Config& config, const Known& known);

}  // namespace weir::kubernetes_sd

#include "components/shared/kubernetes_sd/config.h"

namespace weir::kubernetes_sd {

using config::Choice;
using config::field;
using config::FieldInfo;

std::span<const Choice> choices_of(Role) {
  static constexpr std::array choices{Choice("node", Role::node), Choice("pod", Role::pod), Choice("service", Role::service), Choice("endpoints", Role::endpoints),
                                      Choice("endpointslice", Role::endpoint_slice), Choice("ingress", Role::ingress)};
  return choices;
}

std::span<const FieldInfo> Selector::fields() {
  using T = Selector;
  static const std::array rows{
      field<&T::role>("role", "Which objects it is about: the role's own, or pods, services and nodes that the role looks at.", {.required = true}),
      field<&T::label>("label", "Label selector, as kubectl takes it."),
      field<&T::field_>("field", "Field selector."),
  };
  return rows;
}

std::span<const FieldInfo> Namespaces::fields() {
  using T = Namespaces;
  static const std::array rows{
      field<&T::own_namespace>("own_namespace", "The namespace that we run in, besides the names."),
      field<&T::names>("names", "Only these namespaces; empty: all."),
  };
  return rows;
}

std::span<const FieldInfo> AttachMetadata::fields() {
  using T = AttachMetadata;
  static const std::array rows{
      field<&T::node>("node", "Labels and annotations of the node, for pods and endpoints."),
      field<&T::name_space>("namespace", "Labels and annotations of the namespace."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::role>("role", "What targets are made of: node, pod, service, endpoints, endpointslice or ingress.", {.required = true}),
      field<&T::kubeconfig_file>("kubeconfig_file", "How to reach the API server; without it as the pod that we are, or by KUBECONFIG."),
      field<&T::namespaces>("namespaces", "Where to look."),
      field<&T::selectors>("selectors", "Which objects to look at."),
      field<&T::attach_metadata>("attach_metadata", "Labels of other objects that targets get."),
  };
  return rows;
}

Result<> Config::validate() const {
  auto allowed = [&](Role other) {
    bool endpoints = role == Role::endpoints || role == Role::endpoint_slice;
    if (other == role) return true;
    if (endpoints) return other == Role::pod || other == Role::service || (attach_metadata.node && other == Role::node);
    return role == Role::pod && other == Role::node && attach_metadata.node;
  };
  std::vector<Role> seen;
  for (auto& selector : selectors) {
    if (std::find(seen.begin(), seen.end(), selector.role) != seen.end()) return fail(Errc::config, "duplicated selector role");
    seen.push_back(selector.role);
    if (!allowed(selector.role)) return fail(Errc::config, "a selector's role is not one that this role looks at");
  }
  return {};
}

}  // namespace weir::kubernetes_sd

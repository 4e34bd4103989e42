#include "components/receivers/k8sobjects/config.h"

#include <algorithm>

namespace weir::receivers::k8sobjects {

using config::field;
using config::FieldInfo;

std::span<const config::Choice> choices_of(Mode) {
  static constexpr std::array choices{config::Choice("pull", Mode::pull), config::Choice("watch", Mode::watch), config::Choice("", Mode::pull)};
  return choices;
}

namespace {

struct BuiltIn {
  std::string_view group, version;
  std::string_view names;  // with a blank around each
};
constexpr std::array<BuiltIn, 11> built_in = {{
    {"", "v1",
     " configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets "
     "serviceaccounts services "},
    {"apps", "v1", " controllerrevisions daemonsets deployments replicasets statefulsets "},
    {"batch", "v1", " cronjobs jobs "},
    {"autoscaling", "v2", " horizontalpodautoscalers "},
    {"discovery.k8s.io", "v1", " endpointslices "},
    {"events.k8s.io", "v1", " events "},
    {"networking.k8s.io", "v1", " ingressclasses ingresses networkpolicies "},
    {"policy", "v1", " poddisruptionbudgets "},
    {"rbac.authorization.k8s.io", "v1", " clusterrolebindings clusterroles rolebindings roles "},
    {"storage.k8s.io", "v1", " storageclasses volumeattachments csidrivers csinodes "},
    {"coordination.k8s.io", "v1", " leases "},
}};

}  // namespace

Result<kube::Resource> resource_of(const Objects& objects) {
  std::string word = " " + objects.name + " ";
  for (auto& known : built_in) {
    bool same_group = objects.group.empty() ? known.names.find(word) != known.names.npos : known.group == objects.group;
    if (!same_group) continue;
    std::string_view version = objects.version.empty() ? known.version : std::string_view(objects.version);
    std::string api = known.group.empty() ? fmt::format("/api/{}", version) : fmt::format("/apis/{}/{}", known.group, version);
    return kube::Resource{std::move(api), objects.name, kube::Kind::other};
  }
  if (objects.group.empty()) return fail(Errc::config, "resource {} is not built into Kubernetes: it needs its group", objects.name);
  return kube::Resource{fmt::format("/apis/{}/{}", objects.group, objects.version.empty() ? "v1" : objects.version), objects.name, kube::Kind::other};
}

std::span<const FieldInfo> Objects::fields() {
  using T = Objects;
  static const std::array rows{
      field<&T::name>("name", "The resource, in the plural: pods, events.", {.required = true}),
      field<&T::group>("group", "Its API group; found by itself for what is built into Kubernetes."),
      field<&T::version>("version", "The version of a group that is not built in. Default: v1."),
      field<&T::mode>("mode", "pull: all objects at intervals. watch: each change."),
      field<&T::label_selector>("label_selector", "Only objects with these labels."),
      field<&T::field_selector>("field_selector", "Only objects with these fields."),
      field<&T::interval>("interval", "pull: the time between two.", {.min = 1s}),
      field<&T::resource_version>("resource_version", "Accepted, without effect: a watch begins now."),
      field<&T::namespaces>("namespaces", "Only these namespaces; empty: all."),
      field<&T::exclude_watch_type>("exclude_watch_type", "watch: changes that are left out: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."),
  };
  return rows;
}

Result<> Objects::validate() const {
  WEIR_TRY(resource_of(*this));
  for (auto& type : exclude_watch_type)
    if (type != "ADDED" && type != "MODIFIED" && type != "DELETED" && type != "BOOKMARK" && type != "ERROR") return fail(Errc::config, "'{}' is no type of a watch event", type);
  if (mode == Mode::pull && !exclude_watch_type.empty()) return fail(Errc::config, "the Exclude config can only be used with watch mode");
  return {};
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      config::embedded<&Config::api>(),
      field<&Config::objects>("objects", "What is taken.", {.required = true}),
      field<&Config::include_initial_state>("include_initial_state", "watch: what is there at the start comes too, as ADDED."),
  };
  return rows;
}

}  // namespace weir::receivers::k8sobjects

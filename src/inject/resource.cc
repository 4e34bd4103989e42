#include "inject/resource.h"

#include <set>

#include "base/text.h"

namespace weir::inject {
namespace {

constexpr std::string_view annotation_word = "resource.opentelemetry.io/";
constexpr std::string_view attributes_variable = "OTEL_RESOURCE_ATTRIBUTES";

bool uses_labels(const Instrumentation& instrumentation) { return text_at(instrumentation.spec, "defaults::useLabelsForResourceAttributes") == "true"; }

// An annotation of the pod, otherwise one of its labels when those count.
std::string said_by_pod(const Subject& s, std::string_view attribute, std::initializer_list<std::string_view> labels) {
  std::string out = entry_of(s.pod, "metadata::annotations", fmt::format("{}{}", annotation_word, attribute));
  if (!out.empty() || !uses_labels(s.instrumentation)) return out;
  for (auto label : labels)
    if (out = entry_of(s.pod, "metadata::labels", label); !out.empty()) return out;
  return out;
}

std::set<std::string, std::less<>> given_keys(const Value& container) {
  std::set<std::string, std::less<>> out;
  std::string text = env_text(container, attributes_variable);
  for (auto pair : split(text, ',')) {
    pair = trim(pair);
    std::size_t equals = pair.find('=');
    if (equals != pair.npos && pair.find('=', equals + 1) == pair.npos) out.emplace(pair.substr(0, equals));
  }
  return out;
}

void add_owners(const Subject& s, const Value* owners, Attributes& out, int depth) {
  constexpr std::array<std::string_view, 6> kinds = {"replicaset", "deployment", "statefulset", "daemonset", "job", "cronjob"};
  bool uids = text_at(s.instrumentation.spec, "resource::addK8sUIDAttributes") == "true";
  if (owners == nullptr || depth > 3) return;
  for (auto& owner : owners->items()) {
    std::string kind = to_lower(text_at(owner, "kind")), name = text_at(owner, "name");
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    out[fmt::format("k8s.{}.name", kind)] = name;
    if (uids) out[fmt::format("k8s.{}.uid", kind)] = text_at(owner, "uid");
    if (kind == "replicaset" || kind == "job") add_owners(s, s.cluster.owners(kind, s.name_space, name), out, depth + 1);
  }
}

}  // namespace

Attributes attributes_of(const Subject& s, const Value& container) {
  auto given = given_keys(container);
  Attributes out;
  auto set = [&](const std::string& key, const std::string& value) {
    if (!given.contains(key) && !value.empty()) out[key] = value;
  };
  if (const Value* listed = s.instrumentation.spec.find("resource::resourceAttributes"))
    for (auto& entry : listed->entries()) set(entry.key, entry.value.text());
  Attributes known = {{"k8s.namespace.name", s.name_space},
                      {"k8s.container.name", text_at(container, "name")},
                      {"k8s.pod.name", text_at(s.pod, "metadata::name")},
                      {"k8s.pod.uid", text_at(s.pod, "metadata::uid")},
                      {"k8s.node.name", text_at(s.pod, "spec::nodeName")}};
  std::string instance = entry_of(s.pod, "metadata::annotations", fmt::format("{}service.instance.id", annotation_word));
  known["service.instance.id"] = instance.empty() ? fmt::format("{}.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).{}", s.name_space, text_at(container, "name")) : instance;
  add_owners(s, s.pod.find("metadata::ownerReferences"), known, 0);
  for (auto& [key, value] : known) set(key, value);
  if (const Value* annotations = s.pod.find("metadata::annotations"))
    for (auto& entry : annotations->entries())
      if (std::string_view key = entry.key; key.starts_with(annotation_word) && key != "resource.opentelemetry.io/service.name")
        set(std::string(key.substr(annotation_word.size())), entry.value.text());
  std::string name_space = said_by_pod(s, "service.namespace", {});
  set("service.namespace", name_space.empty() ? s.name_space : name_space);
  return out;
}

std::string service_name_of(const Subject& s, const Attributes& attributes, const Value& container) {
  std::string said = said_by_pod(s, "service.name", {"app.kubernetes.io/instance", "app.kubernetes.io/name"});
  if (!said.empty()) return said;
  for (auto kind : {"deployment", "replicaset", "statefulset", "daemonset", "cronjob", "job", "pod"})
    if (auto at = attributes.find(fmt::format("k8s.{}.name", kind)); at != attributes.end()) return at->second;
  return text_at(container, "name");
}

std::string service_version_of(const Subject& s, const Value& container, const kube::ImageReader& images) {
  std::string said = said_by_pod(s, "service.version", {"app.kubernetes.io/version"});
  if (!said.empty()) return said;
  std::string reference = text_at(container, "image");
  auto image = images.read(reference);
  if (!image) return "";
  if (image->tag.empty() || image->digest.empty()) return std::string(image->tag.empty() ? image->digest : image->tag);
  return fmt::format("{}@{}", image->tag, image->digest);
}

std::string to_text(const Attributes& attributes) {
  std::string out;
  for (auto& [key, value] : attributes) out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
  return out;
}

}  // namespace weir::inject

#include "components/processors/k8sattributes/config.h"

#include <cstdlib>

#include "base/gates.h"
#include "base/regex.h"
#include "components/processors/k8sattributes/k8sattributes.h"
#include "components/processors/k8sattributes/rules.h"
#include "engine/decode.h"

namespace weir::processors::k8sattributes {

using config::Choice;
using config::field;
using config::FieldInfo;

std::span<const Choice> choices_of(From) {
  static constexpr std::array choices{Choice("pod", From::pod), Choice("namespace", From::name_space), Choice("node", From::node),
                                      Choice("deployment", From::deployment), Choice("statefulset", From::stateful_set),
                                      Choice("daemonset", From::daemon_set), Choice("job", From::job), Choice("", From::pod)};
  return choices;
}

std::span<const Choice> choices_of(Operator) {
  static constexpr std::array choices{Choice("equals", Operator::equals), Choice("not-equals", Operator::not_equals), Choice("exists", Operator::exists),
                                      Choice("does-not-exist", Operator::does_not_exist), Choice("", Operator::equals)};
  return choices;
}

std::span<const Choice> choices_of(Source) {
  static constexpr std::array choices{Choice("resource_attribute", Source::resource_attribute), Choice("connection", Source::connection)};
  return choices;
}

std::span<const FieldInfo> FieldRule::fields() {
  using T = FieldRule;
  static const std::array rows{
      field<&T::tag_name>("tag_name", "The attribute. Default: k8s.pod.labels.KEY and the like. With key_regex it may refer to groups: $$1, $${name}."),
      field<&T::key>("key", "The label or annotation."),
      field<&T::key_regex>("key_regex", "Those whose whole key matches; instead of key."),
      field<&T::from>("from", "The object whose labels or annotations are meant; of the pod's owners where it is one of those."),
      field<&T::regex>("regex", "With one group named value: only that part of the value is taken.", {.deprecated = "newer collectors do not have it"}),
  };
  return rows;
}

Result<> FieldRule::validate() const {
  if (!key.empty() && !key_regex.empty())
    return fail(Errc::config, "Out of Key or KeyRegex only one option is expected to be configured at a time, currently Key:{} and KeyRegex:{}", key, key_regex);
  if (!key_regex.empty()) WEIR_TRY(Regex::compile(key_regex));
  if (regex.empty()) return {};
  WEIR_ASSIGN(Regex compiled, Regex::compile(regex));
  if (compiled.group_names() != std::vector<std::string>{"value"}) return fail(Errc::config, "regex must contain exactly one named submatch (value)");
  return {};
}

Extract::Extract() {
  Names names = Names::by_gates();
  metadata = {"container.image.name"};
  if (names.old_ones) metadata.emplace_back("container.image.tag");
  if (names.new_ones) metadata.emplace_back("container.image.tags");
  for (auto name : {"k8s.deployment.name", "k8s.namespace.name", "k8s.node.name", "k8s.pod.name", "k8s.pod.start_time", "k8s.pod.uid"}) metadata.emplace_back(name);
}

std::span<const FieldInfo> Extract::fields() {
  using T = Extract;
  static const std::array rows{
      field<&T::metadata>("metadata", "The attributes that are added besides labels and annotations; see above for all."),
      field<&T::labels>("labels", "Labels that become attributes."),
      field<&T::annotations>("annotations", "Annotations that become attributes."),
      field<&T::otel_annotations>("otel_annotations", "Pod annotations resource.opentelemetry.io/KEY become attributes KEY."),
      field<&T::deployment_name_from_replicaset>("deployment_name_from_replicaset",
                                                 "The deployment's name is the replica set's without the hash; off: replica sets are watched too."),
  };
  return rows;
}

Result<> Extract::validate() const {
  for (auto& name : metadata)
    if (std::find(metadata_names.begin(), metadata_names.end(), name) == metadata_names.end())
      return fail(Errc::config, "\"{}\" is not a supported metadata field", name);
  return {};
}

std::span<const FieldInfo> LabelFilter::fields() {
  using T = LabelFilter;
  static const std::array rows{
      field<&T::key>("key", "The field or label.", {.required = true}),
      field<&T::value>("value", "What it is compared with."),
      field<&T::op>("op", "How; fields know equals and not-equals only."),
  };
  return rows;
}

std::span<const FieldInfo> Filter::fields() {
  using T = Filter;
  static const std::array rows{
      field<&T::node>("node", "Only pods on this node are watched."),
      field<&T::node_from_env_var>("node_from_env_var", "The variable of the environment that has the node's name."),
      field<&T::name_space>("namespace", "Only pods in this namespace are watched."),
      field<&T::fields_>("fields", "Only pods with these fields are watched; the API server decides which it knows."),
      field<&T::labels>("labels", "Only pods with these labels are watched."),
  };
  return rows;
}

Result<> Filter::validate() const {
  for (auto& f : fields_)
    if (f.op == Operator::exists || f.op == Operator::does_not_exist)
      return fail(Errc::config, "'{}' is not a valid label filter operation for key={}, value={}", f.op == Operator::exists ? "exists" : "does-not-exist", f.key, f.value);
  if (!node_from_env_var.empty() && std::getenv(node_from_env_var.c_str()) == nullptr)
    return fail(Errc::config, "`node_from_env_var` is configured but envvar \"{}\" is not set", node_from_env_var);
  return {};
}

std::string Filter::node_name() const {
  if (node_from_env_var.empty()) return node;
  const char* value = std::getenv(node_from_env_var.c_str());
  return value == nullptr ? "" : value;
}

std::span<const FieldInfo> AssociationSource::fields() {
  using T = AssociationSource;
  static const std::array rows{
      field<&T::from>("from", "resource_attribute, or connection: the address that the data came from.", {.required = true}),
      field<&T::name>("name", "The resource attribute."),
  };
  return rows;
}

std::span<const FieldInfo> Association::fields() {
  static const std::array rows{field<&Association::sources>("sources", "All of them together name the pod; at most 4.", {.max = max_sources})};
  return rows;
}

std::span<const FieldInfo> ExcludedPod::fields() {
  static const std::array rows{field<&ExcludedPod::name>("name", "Regular expression, found anywhere in the pod's name.", {.required = true})};
  return rows;
}

Result<> ExcludedPod::validate() const {
  WEIR_TRY(Regex::compile(name));
  return {};
}

std::span<const FieldInfo> Exclude::fields() {
  static const std::array rows{field<&Exclude::pods>("pods", "Pods that data is never associated with; an empty list is the default one.")};
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      config::embedded<&T::api>(),
      field<&T::passthrough>("passthrough", "Only adds k8s.pod.ip, from the connection; does not talk to the API server."),
      field<&T::connection_ip>("connection_ip", "Adds k8s.pod.ip to what is looked for by its connection even when extract.metadata does not name it, as collectors "
                                                "before 0.90 did. On in configurations of that time."),
      field<&T::extract>("extract", "What is added."),
      field<&T::filter>("filter", "Which pods are watched."),
      field<&T::pod_association>("pod_association", "How a pod is found: the first entry whose sources all have a value is used, and no other after it."),
      field<&T::exclude>("exclude", "Pods that are ignored."),
      field<&T::wait_for_metadata>("wait_for_metadata", "Data waits at the start until the pods are known."),
      field<&T::wait_for_metadata_timeout>("wait_for_metadata_timeout", "After this wait in vain the process ends.", {.min = 0s}),
      field<&T::watch_sync_period>("watch_sync_period", "Accepted, without effect: a watch that cannot be explained is replaced by a new list at once.", {.min = 0s}),
      field<&T::pod_delete_grace_period>("pod_delete_grace_period", "How long a pod that is gone is still found.", {.min = 0s}),
  };
  return rows;
}

Result<> Config::validate() const {
  bool not_old = gates::enabled("processor.k8sattributes.DontEmitV0K8sConventions"), is_new = gates::enabled("processor.k8sattributes.EmitV1K8sConventions");
  if (not_old && !is_new)
    return fail(Errc::config, "processor.k8sattributes.DontEmitV0K8sConventions cannot be enabled without enabling processor.k8sattributes.EmitV1K8sConventions");
  return {};
}

Names Names::by_gates() {
  return {!gates::enabled("processor.k8sattributes.DontEmitV0K8sConventions"), gates::enabled("processor.k8sattributes.EmitV1K8sConventions")};
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "k8sattributes",
          .aliases = {"k8s_attributes"},
          .summary = "Adds what Kubernetes knows of the pod that data comes from.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .make_stage = make_stage};
}

}  // namespace weir::processors::k8sattributes

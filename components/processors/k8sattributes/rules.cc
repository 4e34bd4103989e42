#include "components/processors/k8sattributes/rules.h"

#include <algorithm>
#include <chrono>

namespace weir::processors::k8sattributes {
namespace {

constexpr std::string_view hash_label = "pod-template-hash";
constexpr std::string_view ignore_annotation = "opentelemetry.io/k8s-processor/ignore";

std::string_view word_of(From from) {
  constexpr std::array<std::string_view, from_count> words = {"pod", "namespace", "node", "deployment", "statefulset", "daemonset", "job"};
  return words[static_cast<std::size_t>(from)];
}

// Digits at a place in an RFC 3339 text.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int out = 0;
  for (char c : text.substr(std::min(at, text.size()), count)) out = c >= '0' && c <= '9' ? out * 10 + (c - '0') : out;
  return out;
}

std::int64_t minutes_of(std::string_view rfc3339) {
  using namespace std::chrono;
  year_month_day day{year(digits(rfc3339, 0, 4)), month(static_cast<unsigned>(digits(rfc3339, 5, 2))), std::chrono::day(static_cast<unsigned>(digits(rfc3339, 8, 2)))};
  if (rfc3339.size() < 16 || !day.ok()) return 0;
  return sys_days(day).time_since_epoch().count() * 24 * 60 + digits(rfc3339, 11, 2) * 60 + digits(rfc3339, 14, 2);
}

}  // namespace

void Found::set(std::string_view name, std::string_view value) {
  for (auto& [key, old] : list_)
    if (key == name) {
      old = value;
      return;
    }
  list_.emplace_back(name, value);
}

const std::string* Found::find(std::string_view name) const {
  for (auto& [key, value] : list_)
    if (key == name) return &value;
  return nullptr;
}

std::string_view deployment_of(std::string_view replica_set, std::string_view hash) {
  if (hash.empty() || replica_set.size() <= hash.size() + 1 || !replica_set.ends_with(hash)) return {};
  std::string_view name = replica_set.substr(0, replica_set.size() - hash.size());
  return name.ends_with('-') ? name.substr(0, name.size() - 1) : std::string_view();
}

std::string_view cron_job_of(std::string_view job, std::string_view pod_created) {
  constexpr std::size_t suffix = 8;
  constexpr std::int64_t day = 24 * 60;
  if (job.size() < suffix + 1 || job[job.size() - suffix - 1] != '-') return {};
  std::int64_t minutes = 0;
  for (char c : job.substr(job.size() - suffix)) {
    if (c < '0' || c > '9') return {};
    minutes = minutes * 10 + (c - '0');
  }
  std::int64_t apart = minutes_of(pod_created) - minutes;
  return apart <= day && apart >= -day ? job.substr(0, job.size() - suffix - 1) : std::string_view();
}

Result<Rules> Rules::make(const Extract& config, Names names) {
  Rules out;
  out.names_ = names;
  out.name_from_replicaset_ = config.deployment_name_from_replicaset;
  for (auto& name : config.metadata) {
    auto at = std::find(metadata_names.begin(), metadata_names.end(), name);
    if (at == metadata_names.end()) return fail(Errc::config, "\"{}\" is not a supported metadata field", name);
    out.metadata_.set(static_cast<std::size_t>(at - metadata_names.begin()));
  }
  for (auto& rule : config.labels) WEIR_TRY(out.add(rule, out.labels_));
  for (auto& rule : config.annotations) WEIR_TRY(out.add(rule, out.annotations_));
  if (config.otel_annotations) WEIR_TRY(out.add({.tag_name = "$1", .key_regex = R"(resource\.opentelemetry\.io/(.+))"}, out.annotations_));
  return out;
}

Result<> Rules::add(const FieldRule& rule, std::vector<Field>& to) {
  Field field{.settings = rule, .pattern = {}, .has_groups = false, .part = {}};
  if (!rule.key_regex.empty()) {
    WEIR_ASSIGN(field.pattern, ottl::Pattern::regex(fmt::format("^(?:{})$", rule.key_regex)));
    field.has_groups = !field.pattern->names().empty();
  }
  if (!rule.regex.empty()) {
    WEIR_ASSIGN(field.part, Regex::compile(rule.regex));
  }
  to.push_back(std::move(field));
  return {};
}

bool Rules::takes_from(From from) const {
  auto is = [&](const Field& field) { return field.settings.from == from; };
  return std::any_of(labels_.begin(), labels_.end(), is) || std::any_of(annotations_.begin(), annotations_.end(), is);
}

bool Rules::needs_containers() const {
  using enum Metadata;
  auto some = {image_name, container_name, image_tag, image_tags, image_repo_digests, container_id, service_version, service_instance_id};
  return std::any_of(some.begin(), some.end(), [this](Metadata m) { return wants(m); });
}

bool Rules::needs_replica_sets() const {
  return wants(Metadata::deployment_uid) || takes_from(From::deployment) || (wants(Metadata::deployment_name) && !name_from_replicaset_);
}

bool Rules::needs_jobs() const { return wants(Metadata::cronjob_uid) || takes_from(From::job); }

bool Rules::knows_owners() const {
  for (std::size_t i = static_cast<std::size_t>(Metadata::deployment_name); i <= static_cast<std::size_t>(Metadata::cronjob_uid); ++i)
    if (metadata_.test(i)) return true;
  return wants(Metadata::service_name);
}

std::string Rules::in_vain() const {
  if (takes_from(From::node) && !knows_node()) return "labels and annotations of nodes: extract.metadata has neither k8s.node.name nor k8s.node.uid";
  bool of_owners = takes_from(From::deployment) || takes_from(From::stateful_set) || takes_from(From::daemon_set) || takes_from(From::job);
  if (of_owners && !knows_owners()) return "labels and annotations of owners: extract.metadata names no owner, such as k8s.deployment.name";
  return {};
}

Result<kube::Keep> Rules::keep(From from) const {
  kube::Keep keep;
  auto add_all = [&](const std::vector<Field>& fields, kube::Keys& to) -> Result<> {
    for (auto& field : fields) {
      if (field.settings.from != from) continue;
      if (!field.settings.key.empty()) to.add(field.settings.key);
      if (!field.settings.key_regex.empty()) WEIR_TRY(to.add_pattern(field.settings.key_regex));
    }
    return {};
  };
  WEIR_TRY(add_all(labels_, keep.labels));
  WEIR_TRY(add_all(annotations_, keep.annotations));
  if (from != From::pod) return keep;
  keep.containers = needs_containers();
  keep.annotations.add(std::string(ignore_annotation));
  if (wants(Metadata::deployment_name) || wants(Metadata::service_name)) keep.labels.add(std::string(hash_label));
  for (auto label : {"app.kubernetes.io/name", "app.kubernetes.io/instance"})
    if (wants(Metadata::service_name)) keep.labels.add(label);
  if (wants(Metadata::service_version)) keep.labels.add("app.kubernetes.io/version");
  return keep;
}

Found Rules::of_pod(const kube::Object& pod, const Relatives& relatives) const {
  using enum Metadata;
  Found out;
  set(pod_name, pod.name, out);
  set(service_name, pod.name, out);
  set(pod_hostname, pod.hostname, out);
  set(pod_ip, pod.ip, out);
  set(namespace_name, pod.name_space, out);
  set(service_namespace, pod.name_space, out);
  if (!pod.created.empty()) set(pod_start_time, pod.created, out);
  set(pod_uid, pod.uid, out);
  for (auto& owner : pod.owners) take_owner(pod, owner, relatives, out);
  set(node_name, pod.node, out);
  if (!relatives.cluster_uid.empty()) set(cluster_uid, relatives.cluster_uid, out);
  take(labels_, From::pod, pod.labels, "label", out);
  for (auto label : {"app.kubernetes.io/name", "app.kubernetes.io/instance"})
    if (contains(pod.labels, label)) set(service_name, find(pod.labels, label), out);
  if (contains(pod.labels, "app.kubernetes.io/version")) set(service_version, find(pod.labels, "app.kubernetes.io/version"), out);
  take(annotations_, From::pod, pod.annotations, "annotation", out);
  return out;
}

void Rules::take_owner(const kube::Object& pod, const kube::Owner& owner, const Relatives& relatives, Found& out) const {
  using enum Metadata;
  auto is = [&](const kube::Object* o) { return o != nullptr && o->uid == owner.uid ? o : nullptr; };
  if (owner.kind == "ReplicaSet") take_replica_set(pod, owner, is(relatives.replica_set), out);
  if (owner.kind == "DaemonSet") take_name_and_uid(owner, daemonset_name, daemonset_uid, out);
  if (owner.kind == "StatefulSet") take_name_and_uid(owner, statefulset_name, statefulset_uid, out);
  if (owner.kind == "Job") take_job(pod, owner, is(relatives.job), out);
}

void Rules::take_name_and_uid(const kube::Owner& owner, Metadata name, Metadata uid, Found& out) const {
  set(uid, owner.uid, out);
  set(name, owner.name, out);
  set(Metadata::service_name, owner.name, out);
}

namespace {
const kube::Owner* controller_of(const kube::Object* object, std::string_view kind) {
  const kube::Owner* owner = object == nullptr ? nullptr : object->controller();
  return owner != nullptr && owner->kind == kind ? owner : nullptr;
}
}  // namespace

void Rules::take_replica_set(const kube::Object& pod, const kube::Owner& owner, const kube::Object* known, Found& out) const {
  using enum Metadata;
  take_name_and_uid(owner, replicaset_name, replicaset_uid, out);
  const kube::Owner* deployment = controller_of(known, "Deployment");
  std::string_view name = deployment != nullptr ? deployment->name : known != nullptr ? std::string_view() : deployment_of(owner.name, find(pod.labels, hash_label));
  if (!name.empty()) {
    set(deployment_name, name, out);
    set(service_name, name, out);
  }
  if (deployment != nullptr) set(deployment_uid, deployment->uid, out);
}

void Rules::take_job(const kube::Object& pod, const kube::Owner& owner, const kube::Object* known, Found& out) const {
  using enum Metadata;
  take_name_and_uid(owner, job_name, job_uid, out);
  const kube::Owner* cron_job = controller_of(known, "CronJob");
  std::string_view name = cron_job != nullptr ? cron_job->name : known != nullptr ? std::string_view() : cron_job_of(owner.name, pod.created);
  if (!name.empty()) {
    set(cronjob_name, name, out);
    set(service_name, name, out);
  }
  if (cron_job != nullptr) set(cronjob_uid, cron_job->uid, out);
}

Found Rules::of(From from, const kube::Object& object) const {
  Found out;
  take(labels_, from, object.labels, "label", out);
  take(annotations_, from, object.annotations, "annotation", out);
  return out;
}

void Rules::take(const std::vector<Field>& fields, From from, kube::Pairs pairs, std::string_view word, Found& out) const {
  std::vector<std::string> prefixes;
  bool had_old = from == From::pod || from == From::name_space || from == From::node;
  if (had_old && names_.old_ones) prefixes.push_back(fmt::format("k8s.{}.{}s.", word_of(from), word));
  if (!had_old || names_.new_ones) prefixes.push_back(fmt::format("k8s.{}.{}.", word_of(from), word));
  for (auto& field : fields) {
    if (field.settings.from != from) continue;
    for (auto& pair : pairs) take_matching(field, pair, prefixes, out);
  }
}

void Rules::take_matching(const Field& field, const kube::Pair& pair, const std::vector<std::string>& prefixes, Found& out) const {
  std::string value(pair.value), name = field.settings.tag_name;
  if (field.pattern) {
    std::vector<std::string_view> groups;
    RegexText subject(pair.key);
    if (pair.value.empty() || !field.pattern->find(subject, 0, groups)) return;
    name.clear();
    if (field.has_groups && !field.settings.tag_name.empty()) {
      field.pattern->expand(field.settings.tag_name, groups, name);
      return out.set(name, value);  // also as "", when its groups are
    }
  } else if (pair.key != field.settings.key) {
    return;
  }
  if (field.part) {
    std::array<std::string_view, 2> groups;
    RegexText subject(pair.value);
    value = field.part->find(subject, 0, groups) ? std::string(groups[1]) : "";
  }
  if (!name.empty()) return out.set(name, value);
  for (auto& prefix : prefixes) out.set(prefix + std::string(pair.key), value);
}

}  // namespace weir::processors::k8sattributes

#pragma once
// What of an object becomes which attribute.
#include <bitset>

#include "components/processors/k8sattributes/config.h"
#include "kube/image.h"
#include "kube/object.h"
#include "ottl/text/pattern.h"

namespace weir::processors::k8sattributes {

enum class Metadata : std::uint8_t {
  namespace_name, pod_name, pod_uid, pod_hostname, pod_start_time, pod_ip, deployment_name, deployment_uid, replicaset_name, replicaset_uid,
  daemonset_name, daemonset_uid, statefulset_name, statefulset_uid, job_name, job_uid, cronjob_name, cronjob_uid, node_name, node_uid,
  container_name, container_id, image_name, image_tag, image_tags, service_namespace, service_name, service_version, service_instance_id,
  image_repo_digests, cluster_uid, count_
};
// In the order of Metadata.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Metadata::count_)> metadata_names = {
    "k8s.namespace.name",   "k8s.pod.name",        "k8s.pod.uid",         "k8s.pod.hostname",    "k8s.pod.start_time",  "k8s.pod.ip",
    "k8s.deployment.name",  "k8s.deployment.uid",  "k8s.replicaset.name", "k8s.replicaset.uid",  "k8s.daemonset.name",  "k8s.daemonset.uid",
    "k8s.statefulset.name", "k8s.statefulset.uid", "k8s.job.name",        "k8s.job.uid",         "k8s.cronjob.name",    "k8s.cronjob.uid",
    "k8s.node.name",        "k8s.node.uid",        "k8s.container.name",  "container.id",        "container.image.name", "container.image.tag",
    "container.image.tags", "service.namespace",   "service.name",        "service.version",     "service.instance.id", "container.image.repo_digests",
    "k8s.cluster.uid"};

// Attributes of an object by name; what is set last counts.
class Found {
 public:
  void set(std::string_view name, std::string_view value);
  const std::string* find(std::string_view name) const;
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> list_;
};

// Objects that a pod belongs to, as far as they are known.
struct Relatives {
  const kube::Object* replica_set = nullptr;
  const kube::Object* job = nullptr;
  std::string_view cluster_uid;
};

// One core.
class Rules {
 public:
  static Result<Rules> make(const Extract& config, Names names);

  bool wants(Metadata what) const { return metadata_.test(static_cast<std::size_t>(what)); }
  // Labels or annotations of this kind of object.
  bool takes_from(From from) const;
  // What has to be kept of such an object.
  Result<kube::Keep> keep(From from) const;
  bool needs_containers() const;
  // Replica sets and jobs have to be watched.
  bool needs_replica_sets() const;
  bool needs_jobs() const;
  // The pod's owners, and its node, are known only when extract.metadata names something of them, as in the Go processor.
  bool knows_owners() const;
  bool knows_node() const { return wants(Metadata::node_name) || wants(Metadata::node_uid); }
  // What cannot be found with these rules, for a warning; "" when all can.
  std::string in_vain() const;

  Found of_pod(const kube::Object& pod, const Relatives& relatives) const;
  Found of(From from, const kube::Object& object) const;
  const Names& names() const { return names_; }
  const kube::ImageReader& images() const { return images_; }

 private:
  struct Field {
    FieldRule settings;
    std::optional<ottl::Pattern> pattern;  // of key_regex
    bool has_groups = false;
    std::optional<Regex> part;
  };
  Result<> add(const FieldRule& rule, std::vector<Field>& to);
  void take(const std::vector<Field>& fields, From from, kube::Pairs pairs, std::string_view word, Found& out) const;
  void take_matching(const Field& field, const kube::Pair& pair, const std::vector<std::string>& prefixes, Found& out) const;
  void take_owner(const kube::Object& pod, const kube::Owner& owner, const Relatives& relatives, Found& out) const;
  void take_replica_set(const kube::Object& pod, const kube::Owner& owner, const kube::Object* known, Found& out) const;
  void take_job(const kube::Object& pod, const kube::Owner& owner, const kube::Object* known, Found& out) const;
  void take_name_and_uid(const kube::Owner& owner, Metadata name, Metadata uid, Found& out) const;
  void set(Metadata what, std::string_view value, Found& out) const {
    if (wants(what)) out.set(metadata_names[static_cast<std::size_t>(what)], value);
  }

  std::bitset<static_cast<std::size_t>(Metadata::count_)> metadata_;
  std::vector<Field> labels_, annotations_;
  bool name_from_replicaset_ = true;
  Names names_;
  kube::ImageReader images_;
};

// The deployment that a replica set with this name belongs to by its hash; "" when it does not tell.
std::string_view deployment_of(std::string_view replica_set, std::string_view hash);
// The cron job of a job by the minutes in its name; "" when they are not near the pod's creation.
std::string_view cron_job_of(std::string_view job, std::string_view pod_created);

}  // namespace weir::processors::k8sattributes

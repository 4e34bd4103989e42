#include "weir/operator/restarts.h"

#include <set>

#include "base/log.h"
#include "base/text.h"
#include "kube/json.h"

namespace weir::app {

using config::Value;
using kube::Kind;

namespace {

std::string key_of(const kube::Object& object) { return fmt::format("{}/{}", object.name_space, object.name); }

Value annotated(const kube::Object& object) {
  Value annotations = Value::map(), meta = Value::map(), out = Value::map();
  for (auto& pair : object.annotations) annotations.set(pair.key, Value::string(std::string(pair.value)));
  meta.set("annotations", std::move(annotations));
  out.set("metadata", std::move(meta));
  return out;
}

}  // namespace

Restarts::Restarts(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics)
    : cluster_(std::move(cluster)), transport_(transport), metrics_(metrics) {
  for (auto [kind, into] : {std::pair(Kind::pod, &pods_), std::pair(Kind::name_space, &namespaces_), std::pair(Kind::replica_set, &replica_sets_)}) {
    kube::Query query{.resource = kube::resource_of(kind)};
    if (!query.keep.annotations.add_pattern("(instrumentation|sidecar)\\.opentelemetry\\.io/.*")) WEIR_CHECK(false, "a pattern of our own");
    subscriptions_.push_back(cluster_->subscribe(std::move(query), executor, [into = into](const kube::News& news) {
      if (news.first) into->clear();
      for (auto& change : news.changes)
        if (change.removed) into->erase(key_of(*change.object));
        else (*into)[key_of(*change.object)] = change.object;
    }));
  }
  kube::Query query{.resource = {"/apis/opentelemetry.io/v1alpha1", "instrumentations", Kind::other}};
  query.keep.raw = true;
  subscriptions_.push_back(cluster_->subscribe(std::move(query), executor, [this](const kube::News& news) {
    for (auto& change : news.changes) {
      if (change.removed) continue;
      auto whole = kube::parse_json(change.object->raw);
      const Value* spec = whole ? whole->get("spec") : nullptr;
      std::string text = spec ? config::to_json(*spec) : "";
      auto [at, is_new] = versions_.try_emplace(key_of(*change.object), text);
      // What was there before us, or is new, has changed nothing for pods that run.
      if (is_new || std::exchange(at->second, text) == text || !listed_) continue;
      changed(*change.object);
    }
    listed_ = listed_ || news.synced;
  }));
}

std::vector<std::string> Restarts::asked_for(const kube::Object& pod) const {
  auto space = namespaces_.find("/" + std::string(pod.name_space));
  Value own = annotated(pod), shared = space == namespaces_.end() ? Value::map() : annotated(*space->second);
  std::vector<std::string> out;
  for (auto& language : inject::languages()) {
    std::string value = inject::annotation_of(own, shared, fmt::format("{}inject-{}", inject::annotation_prefix, language.word));
    if (!value.empty() && !equal_ignore_case(value, "false")) out.push_back(std::move(value));
  }
  return out;
}

std::string Restarts::workload_of(const kube::Object& pod) const {
  const kube::Owner* owner = pod.controller();
  if (owner == nullptr) return {};
  std::string_view plural = owner->kind == "StatefulSet" ? "statefulsets" : owner->kind == "DaemonSet" ? "daemonsets" : "";
  std::string_view name = owner->name;
  if (owner->kind == "ReplicaSet") {
    auto set = replica_sets_.find(fmt::format("{}/{}", pod.name_space, owner->name));
    const kube::Owner* above = set == replica_sets_.end() ? nullptr : set->second->controller();
    if (above == nullptr || above->kind != "Deployment") return {};
    plural = "deployments", name = above->name;
  }
  return plural.empty() ? "" : fmt::format("/apis/apps/v1/namespaces/{}/{}/{}", pod.name_space, plural, name);
}

void Restarts::changed(const kube::Object& instrumentation) {
  std::set<std::string> paths;
  std::string full = key_of(instrumentation);
  for (auto& [key, pod] : pods_)
    for (auto& wanted : asked_for(*pod)) {
      bool here = pod->name_space == instrumentation.name_space;
      bool uses = wanted == full || (here && (equal_ignore_case(wanted, "true") || wanted == instrumentation.name));
      if (std::string path = uses ? workload_of(*pod) : ""; !path.empty()) paths.insert(std::move(path));
    }
  log::info("operator: an Instrumentation has changed", {{"instrumentation", full}, {"workloads", paths.size()}});
  for (auto& path : paths) restart(path, std::string(instrumentation.version));
}

void Restarts::restart(const std::string& path, const std::string& version) {
  std::string body = fmt::format(R"({{"spec":{{"template":{{"metadata":{{"annotations":{{"{}":"{}"}}}}}}}}}})", mark, version);
  transport_.send("PATCH", path, "application/strategic-merge-patch+json", std::move(body), [this, path](Result<net::HttpResponse> answer) {
    bool good = answer && answer->status < 300;
    metrics_.counter("weir_operator_restarts", "Workloads that were restarted because their Instrumentation has changed.", {{"result", good ? "done" : "failed"}}).add();
    if (!good) log::warn("operator: cannot restart", {{"workload", path}, {"reason", answer ? fmt::format("status {}", answer->status) : answer.error().what}});
  });
}

}  // namespace weir::app

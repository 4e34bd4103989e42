#include "components/receivers/k8s_cluster/facts.h"

#include <cmath>

#include "kube/image.h"
#include "kube/json.h"
#include "kube/quantity.h"

namespace weir::receivers::k8s_cluster {
namespace {

using config::Value;
using kube::Kind;

struct Row {
  kube::Resource resource;
  std::vector<std::string> paths;
};

const Row& row_of(What what) {
  static const std::array<Row, 12> rows = {{
      {kube::resource_of(Kind::pod), {"status/reason"}},
      {kube::resource_of(Kind::node), {"status/conditions", "status/allocatable"}},
      {kube::resource_of(Kind::name_space), {"status/phase"}},
      {kube::resource_of(Kind::deployment), {"spec/replicas", "status/availableReplicas"}},
      {kube::resource_of(Kind::replica_set), {"spec/replicas", "status/availableReplicas"}},
      {{"/api/v1", "replicationcontrollers", Kind::other}, {"spec/replicas", "status/availableReplicas"}},
      {kube::resource_of(Kind::stateful_set), {"spec/replicas", "status/readyReplicas", "status/currentReplicas", "status/updatedReplicas"}},
      {kube::resource_of(Kind::daemon_set), {"status/currentNumberScheduled", "status/desiredNumberScheduled", "status/numberMisscheduled", "status/numberReady"}},
      {kube::resource_of(Kind::job), {"spec/completions", "spec/parallelism", "status/active", "status/failed", "status/succeeded"}},
      {kube::resource_of(Kind::cron_job), {"status/active"}},
      {{"/apis/autoscaling/v2", "horizontalpodautoscalers", Kind::other}, {"spec/maxReplicas", "spec/minReplicas", "status/currentReplicas", "status/desiredReplicas"}},
      {{"/api/v1", "resourcequotas", Kind::other}, {"status/hard", "status/used"}},
  }};
  return rows[static_cast<std::size_t>(what)];
}

// The parts of an object that were asked for.
class Parts {
 public:
  explicit Parts(const kube::Object& object) {
    if (auto tree = kube::parse_json(object.raw)) tree_ = std::move(*tree);
  }
  const Value* get(std::string_view path) const { return tree_.get(path); }
  std::optional<std::int64_t> number(std::string_view path) const {
    const Value* value = get(path);
    return value != nullptr && value->kind() == Value::Kind::integer ? std::optional(value->as_int()) : std::nullopt;
  }

 private:
  Value tree_ = Value::map();
};

void add(Entry& to, std::string metric, std::optional<std::int64_t> value) {
  if (value) to.facts.push_back({.metric = std::move(metric), .value = static_cast<double>(*value), .key = "", .attribute = "", .unit = "", .description = ""});
}

Entry named(const kube::Object& object, std::string_view name_key, std::string_view uid_key) {
  Entry out;
  if (!object.name_space.empty()) out.resource.emplace_back("k8s.namespace.name", object.name_space);
  out.resource.emplace_back(name_key, object.name);
  out.resource.emplace_back(uid_key, object.uid);
  return out;
}

void add_resources(kube::Pairs quantities, std::string_view kind, Entry& to) {
  constexpr std::array known = {std::pair("cpu", "cpu"), std::pair("memory", "memory"), std::pair("storage", "storage"), std::pair("ephemeral-storage", "ephemeralstorage")};
  for (auto [name, word] : known) {
    if (!kube::contains(quantities, name)) continue;
    auto value = kube::parse_quantity(kube::find(quantities, name));
    if (!value) continue;
    bool cpu = std::string_view(name) == "cpu";
    to.facts.push_back({.metric = fmt::format("k8s.container.{}_{}", word, kind), .value = cpu ? std::ceil(*value * 1000) / 1000 : std::ceil(*value), .integer = !cpu, .key = "", .attribute = "", .unit = "", .description = ""});
  }
}

Entry container(const kube::Object& pod, const kube::Container& in) {
  thread_local const kube::ImageReader images;
  auto image = images.read(in.image).value_or(kube::Image{});
  if (image.tag.empty() && image.digest.empty() && !image.repository.empty()) image.tag = "latest";
  Entry out;
  out.resource = {{"k8s.pod.uid", std::string(pod.uid)}, {"k8s.pod.name", std::string(pod.name)}, {"k8s.node.name", std::string(pod.node)}, {"k8s.namespace.name", std::string(pod.name_space)},
                  {"container.id", std::string(in.id)}, {"k8s.container.name", std::string(in.name)}, {"container.image.name", std::string(image.repository)}, {"container.image.tag", std::string(image.tag)}};
  add_resources(in.requests, "request", out);
  add_resources(in.limits, "limit", out);
  if (in.reported) {
    add(out, "k8s.container.restarts", in.restarts);
    add(out, "k8s.container.ready", in.ready ? 1 : 0);
  }
  return out;
}

std::int64_t place_of(std::string_view word, std::initializer_list<std::string_view> words) {
  std::int64_t i = 1;
  for (auto one : words) {
    if (one == word) return i;
    ++i;
  }
  return i;
}

std::vector<Entry> pod(const kube::Object& object) {
  std::vector<Entry> out(1);
  out[0].resource = {{"k8s.namespace.name", std::string(object.name_space)}, {"k8s.node.name", std::string(object.node)}, {"k8s.pod.name", std::string(object.name)}, {"k8s.pod.uid", std::string(object.uid)}};
  add(out[0], "k8s.pod.phase", place_of(object.phase, {"Pending", "Running", "Succeeded", "Failed"}));
  Parts parts(object);
  const Value* reason = parts.get("status/reason");
  add(out[0], "k8s.pod.status_reason", place_of(reason ? reason->text() : "", {"Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError"}));
  for (auto& one : object.containers)
    if (!one.init) out.push_back(container(object, one));
  return out;
}

// MemoryPressure -> memory_pressure, ephemeral-storage -> ephemeral_storage
std::string snake(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    char c = word[i];
    bool upper = c >= 'A' && c <= 'Z', after_lower = i > 0 && word[i - 1] >= 'a' && word[i - 1] <= 'z', before_lower = i + 1 < word.size() && word[i + 1] >= 'a' && word[i + 1] <= 'z';
    if (upper && i > 0 && (after_lower || before_lower) && !out.ends_with('_')) out += '_';
    out += upper ? static_cast<char>(c - 'A' + 'a') : c == '-' || c == '.' || c == '/' ? '_' : c;
  }
  return out;
}

std::int64_t truth(std::string_view status) { return status == "True" ? 1 : status == "False" ? 0 : -1; }

Entry node(const kube::Object& object, const Config& config) {
  Entry out = named(object, "k8s.node.name", "k8s.node.uid");
  Parts parts(object);
  const Value *conditions = parts.get("status/conditions"), *allocatable = parts.get("status/allocatable");
  auto text = [](const Value& in, std::string_view key) { return in.get(key) ? in.get(key)->text() : std::string(); };
  for (auto& wanted : config.node_conditions_to_report) {
    std::int64_t value = -1;
    for (std::size_t i = 0; conditions && i < conditions->items().size(); ++i)
      if (text(conditions->items()[i], "type") == wanted) value = truth(text(conditions->items()[i], "status"));
    out.facts.push_back({.metric = "k8s.node.condition_" + snake(wanted), .value = static_cast<double>(value), .key = "", .attribute = "", .unit = "",
                         .description = fmt::format("{} condition status of the node (true=1, false=0, unknown=-1)", wanted)});
  }
  for (std::size_t i = 0; conditions && i < conditions->items().size(); ++i) {
    auto& condition = conditions->items()[i];
    out.facts.push_back({.metric = "k8s.node.condition", .value = static_cast<double>(truth(text(condition, "status"))), .key = "condition", .attribute = text(condition, "type"), .unit = "", .description = ""});
  }
  for (auto& wanted : config.allocatable_types_to_report) {
    const Value* quantity = allocatable ? allocatable->get(wanted) : nullptr;
    auto value = quantity ? kube::parse_quantity(quantity->text()) : std::nullopt;
    if (!value) continue;
    bool cpu = wanted == "cpu";
    std::string unit = cpu ? "{cpu}" : wanted == "pods" ? "{pod}" : wanted == "memory" || wanted.ends_with("storage") ? "By" : fmt::format("{{{}}}", wanted);
    out.facts.push_back({.metric = "k8s.node.allocatable_" + snake(wanted), .value = cpu ? *value : std::ceil(*value), .integer = !cpu, .key = "", .attribute = "", .unit = unit,
                         .description = fmt::format("Amount of {} allocatable on the node", wanted)});
  }
  return out;
}

Entry quota(const kube::Object& object) {
  Entry out = named(object, "k8s.resourcequota.name", "k8s.resourcequota.uid");
  Parts parts(object);
  for (auto [path, metric] : {std::pair("status/hard", "k8s.resource_quota.hard_limit"), std::pair("status/used", "k8s.resource_quota.used")}) {
    const Value* amounts = parts.get(path);
    for (std::size_t i = 0; amounts && i < amounts->entries().size(); ++i) {
      auto& [name, mark, amount] = amounts->entries()[i];
      auto value = kube::parse_quantity(amount.text());
      if (!value) continue;
      out.facts.push_back({.metric = metric, .value = std::ceil(name.ends_with(".cpu") ? *value * 1000 : *value), .key = "resource", .attribute = name, .unit = "", .description = ""});
    }
  }
  return out;
}

// Objects whose metrics are numbers at paths.
struct Numbers {
  std::string_view name_key, uid_key;
  std::vector<std::pair<std::string, std::string>> metrics;  // name, path
};

const Numbers& numbers_of(What what) {
  static const std::map<What, Numbers> all = {
      {What::deployment, {"k8s.deployment.name", "k8s.deployment.uid", {{"k8s.deployment.desired", "spec/replicas"}, {"k8s.deployment.available", "status/availableReplicas"}}}},
      {What::replica_set, {"k8s.replicaset.name", "k8s.replicaset.uid", {{"k8s.replicaset.desired", "spec/replicas"}, {"k8s.replicaset.available", "status/availableReplicas"}}}},
      {What::replication_controller,
       {"k8s.replicationcontroller.name", "k8s.replicationcontroller.uid", {{"k8s.replication_controller.desired", "spec/replicas"}, {"k8s.replication_controller.available", "status/availableReplicas"}}}},
      {What::stateful_set,
       {"k8s.statefulset.name",
        "k8s.statefulset.uid",
        {{"k8s.statefulset.desired_pods", "spec/replicas"}, {"k8s.statefulset.ready_pods", "status/readyReplicas"}, {"k8s.statefulset.current_pods", "status/currentReplicas"}, {"k8s.statefulset.updated_pods", "status/updatedReplicas"}}}},
      {What::daemon_set,
       {"k8s.daemonset.name",
        "k8s.daemonset.uid",
        {{"k8s.daemonset.current_scheduled_nodes", "status/currentNumberScheduled"}, {"k8s.daemonset.desired_scheduled_nodes", "status/desiredNumberScheduled"},
         {"k8s.daemonset.misscheduled_nodes", "status/numberMisscheduled"}, {"k8s.daemonset.ready_nodes", "status/numberReady"}}}},
      {What::job,
       {"k8s.job.name",
        "k8s.job.uid",
        {{"k8s.job.active_pods", "status/active"}, {"k8s.job.failed_pods", "status/failed"}, {"k8s.job.successful_pods", "status/succeeded"}, {"k8s.job.desired_successful_pods", "spec/completions"},
         {"k8s.job.max_parallel_pods", "spec/parallelism"}}}},
      {What::autoscaler,
       {"k8s.hpa.name",
        "k8s.hpa.uid",
        {{"k8s.hpa.max_replicas", "spec/maxReplicas"}, {"k8s.hpa.min_replicas", "spec/minReplicas"}, {"k8s.hpa.current_replicas", "status/currentReplicas"}, {"k8s.hpa.desired_replicas", "status/desiredReplicas"}}}},
  };
  return all.at(what);
}

Entry counted(What what, const kube::Object& object) {
  const Numbers& numbers = numbers_of(what);
  Entry out = named(object, numbers.name_key, numbers.uid_key);
  Parts parts(object);
  for (auto& [metric, path] : numbers.metrics) {
    auto value = parts.number(path);
    // What the server leaves out of a status is 0; what it leaves out of a specification is not set.
    add(out, metric, value || path.starts_with("spec/") ? value : 0);
  }
  return out;
}

}  // namespace

kube::Query query_of(What what) {
  const Row& row = row_of(what);
  kube::Query out{.resource = row.resource};
  out.keep.paths = row.paths;
  if (what == What::pod) out.keep.containers = out.keep.resources = true;
  return out;
}

std::vector<Entry> entries_of(What what, const kube::Object& object, const Config& config) {
  if (what == What::pod) return pod(object);
  if (what == What::node) return {node(object, config)};
  if (what == What::quota) return {quota(object)};
  if (what == What::cron_job) {
    Entry out = named(object, "k8s.cronjob.name", "k8s.cronjob.uid");
    Parts parts(object);
    const Value* active = parts.get("status/active");
    add(out, "k8s.cronjob.active_jobs", active ? static_cast<std::int64_t>(active->size()) : 0);
    return {out};
  }
  if (what == What::name_space) {
    Entry out = named(object, "k8s.namespace.name", "k8s.namespace.uid");
    Parts parts(object);
    const Value* phase = parts.get("status/phase");
    std::string text = phase ? phase->text() : "";
    add(out, "k8s.namespace.phase", text == "Active" ? 1 : text == "Terminating" ? 0 : -1);
    return {out};
  }
  return {counted(what, object)};
}

void write(const Entry& entry, points::Points& out) {
  std::vector<points::ResourceAttribute> resource;
  for (auto& [key, value] : entry.resource) resource.emplace_back(key, otlp::Value::of(std::string_view(value)));
  out.resource(resource);
  for (auto& fact : entry.facts) {
    auto whole = static_cast<std::int64_t>(fact.value);
    if (!fact.description.empty()) {
      points::MetricInfo info{fact.metric, fact.unit, fact.description, false, false, fact.integer, true};
      if (fact.integer) out.add(info, whole);
      else out.add(info, fact.value);
    } else if (!fact.integer) {
      out.add(fact.metric, fact.value);
    } else if (fact.key.empty()) {
      out.add(fact.metric, whole);
    } else {
      out.add(fact.metric, whole, {{fact.key, fact.attribute}});
    }
  }
}

}  // namespace weir::receivers::k8s_cluster

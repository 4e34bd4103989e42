#include "weir/operator/collectors.h"

#include "base/log.h"
#include "kube/json.h"
#include "weir/operator/collector_more.h"

namespace weir::app {

using config::Value;
using inject::map_of;
using inject::text_at;

namespace {

constexpr std::string_view manager = "?fieldManager=weir-operator&force=true";

std::string key_of(const Value& object) { return fmt::format("{}/{}", text_at(object, "metadata::namespace"), text_at(object, "metadata::name")); }

}  // namespace

Collectors::Collectors(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics, CollectorOptions options)
    : cluster_(std::move(cluster)), executor_(executor), transport_(transport), metrics_(metrics), options_(std::move(options)) {
  kube::Query query{.resource = {"/apis/opentelemetry.io/v1beta1", "opentelemetrycollectors", kube::Kind::other}};
  query.keep.raw = true;
  subscription_ = cluster_->subscribe(std::move(query), executor_, [this](const kube::News& news) {
    if (news.first) collectors_.clear();
    for (auto& change : news.changes) take(change);
  });
  look();
}

Collectors::~Collectors() {
  *alive_ = false;
  executor_.cancel(timer_);
}

void Collectors::take(const kube::Change& change) {
  auto tree = kube::parse_json(change.object->raw);
  if (!tree) return;
  std::string key = key_of(*tree);
  if (change.removed) {
    // What was made for it goes with it: the API server collects what it owns.
    collectors_.erase(key);
    states_.erase(key);
    return;
  }
  collectors_[key] = std::move(*tree);
  reconcile(key);
}

void Collectors::look() {
  timer_ = executor_.at(executor_.now() + interval, [this] {
    for (auto& [key, state] : states_) state.applied.clear();
    for (auto& [key, collector] : collectors_) reconcile(key);
    look();
  });
}

void Collectors::reconcile(const std::string& key) {
  const Value& collector = collectors_.at(key);
  if (text_at(collector, "spec::managementState") == "unmanaged") return;
  Value filled = collector;
  apply_collector_defaults(filled);
  auto verdict = check_collector(filled, nullptr);
  auto made = manifests_of(filled, options_);
  State& state = states_[key];
  if (!made || !verdict.errors.empty()) {
    state.problem = made ? verdict.errors[0] : made.error().what;
    log::warn("operator: a collector is wrong", {{"collector", key}, {"reason", state.problem}});
    return tell_status(key, {});
  }
  std::string text;
  for (auto& object : made->objects) text += config::to_json(object);
  if (text == state.applied) return;
  state = {.applied = std::move(text), .waiting = 0, .problem = ""};
  for (auto& object : made->objects) apply(key, object);
  remove_unwanted(filled, *made);
  tell_status(key, made->unsupported);
}

void Collectors::apply(const std::string& key, const Value& object) {
  ++states_[key].waiting;
  std::string what = fmt::format("{} {}", text_at(object, "kind"), text_at(object, "metadata::name"));
  transport_.send("PATCH", fmt::format("{}{}", path_of(object), manager), "application/apply-patch+yaml", config::to_json(object), [this, alive = alive_, key, what](Result<net::HttpResponse> answer) {
    if (!*alive) return;
    bool good = answer && answer->status < 300;
    metrics_.counter("weir_operator_applied", "Objects that were applied for collectors.", {{"result", good ? "done" : "failed"}}).add();
    auto state = states_.find(key);
    if (state == states_.end()) return;
    --state->second.waiting;
    if (good) return;
    state->second.problem = fmt::format("{}: {}", what, answer ? fmt::format("{} {}", answer->status, answer->body.substr(0, 300)) : answer.error().what);
    state->second.applied.clear();  // again with the next look
    log::warn("operator: cannot apply", {{"collector", key}, {"reason", state->second.problem}});
    tell_status(key, {});
  });
}

// What an older version of the resource asked for.
void Collectors::remove_unwanted(const Value& collector, const Manifests& manifests) {
  std::string name = text_at(collector, "metadata::name"), base = short_name(name + "-collector"), allocator = short_name(name + "-targetallocator");
  const std::array<std::array<std::string, 3>, 7> kinds = {{{"policy/v1", "PodDisruptionBudget", base},
                                                            {"autoscaling/v2", "HorizontalPodAutoscaler", base},
                                                            {"networking.k8s.io/v1", "Ingress", short_name(name + "-ingress")},
                                                            {"networking.k8s.io/v1", "NetworkPolicy", short_name(name + "-collector-networkpolicy")},
                                                            {"policy/v1", "PodDisruptionBudget", allocator},
                                                            {"apps/v1", "Deployment", allocator},
                                                            {"v1", "Service", allocator}}};
  for (auto& [version, kind, object_name] : kinds) {
    Value object = map_of({{"apiVersion", version}, {"kind", kind}});
    object.set("metadata", map_of({{"name", object_name}, {"namespace", text_at(collector, "metadata::namespace")}}));
    bool wanted = std::any_of(manifests.objects.begin(), manifests.objects.end(), [&](auto& made) { return path_of(made) == path_of(object); });
    // Only ours: another owner's object of that name stays.
    if (wanted) continue;
    transport_.send("GET", path_of(object), "", "", [this, alive = alive_, path = path_of(object), uid = text_at(collector, "metadata::uid")](Result<net::HttpResponse> answer) {
      if (!*alive || !answer || answer->status != 200) return;
      auto there = kube::parse_json(answer->body);
      if (there && text_at(*there, "metadata::ownerReferences::0::uid") == uid) transport_.send("DELETE", path, "", "", [](Result<net::HttpResponse>) {});
    });
  }
}

void Collectors::tell_status(const std::string& key, const std::vector<std::string>& unsupported) {
  auto at = collectors_.find(key);
  if (at == collectors_.end()) return;
  const std::string& problem = states_[key].problem;
  std::string message = problem;
  for (auto& what : unsupported) message += (message.empty() ? "not supported: " : "; not supported: ") + what;
  Value condition = map_of({{"type", "Supported"}, {"status", message.empty() ? "True" : "False"}, {"reason", problem.empty() ? message.empty() ? "Complete" : "Unsupported" : "Failed"},
                            {"message", message.substr(0, 2000)}, {"lastTransitionTime", format_rfc3339(executor_.wall() / 1'000'000'000 * 1'000'000'000)}});
  const Value* before = at->second.find("status::conditions::0");
  auto same = [&](std::string_view part) { return before != nullptr && text_at(*before, part) == text_at(condition, part); };
  if (same("status") && same("message") && same("reason")) return;
  Value conditions = Value::list(), status = map_of({{"image", text_at(at->second, "spec::image").empty() ? options_.image : text_at(at->second, "spec::image")}}), patch = Value::map();
  conditions.push_back(std::move(condition));
  status.set("conditions", std::move(conditions));
  patch.set("status", std::move(status));
  std::string target = fmt::format("/apis/opentelemetry.io/v1beta1/namespaces/{}/opentelemetrycollectors/{}/status", text_at(at->second, "metadata::namespace"), text_at(at->second, "metadata::name"));
  transport_.send("PATCH", target, "application/merge-patch+json", config::to_json(patch), [](Result<net::HttpResponse>) {});
}

}  // namespace weir::app

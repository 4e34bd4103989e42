#include "weir/operator/webhook.h"

#include "base/log.h"
#include "kube/json.h"

namespace weir::app {

using config::Value;
using kube::Kind;

namespace {

Value metadata_of(const kube::Object& object) {
  Value annotations = Value::map(), meta = inject::map_of({{"name", object.name}}), out = Value::map();
  for (auto& pair : object.annotations) annotations.set(pair.key, Value::string(std::string(pair.value)));
  meta.set("annotations", std::move(annotations));
  out.set("metadata", std::move(meta));
  return out;
}

Value owners_of(const kube::Object& object) {
  Value out = Value::list();
  for (auto& owner : object.owners) out.push_back(inject::map_of({{"kind", owner.kind}, {"name", owner.name}, {"uid", owner.uid}}));
  return out;
}

net::Response json(std::string body) {
  net::Response out{.body = Bytes::take(std::move(body))};
  out.headers.add("content-type", "application/json");
  return out;
}

net::Response plain(int status, std::string_view text) { return {.status = status, .headers = {}, .body = Bytes::copy_of(text)}; }

}  // namespace

Webhook::Webhook(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics, inject::Options options,
                 const Collectors* collectors)
    : cluster_(std::move(cluster)), executor_(executor), transport_(transport), metrics_(metrics), options_(options), collectors_(collectors) {
  kube::Query instrumentations{.resource = {"/apis/opentelemetry.io/v1alpha1", "instrumentations", Kind::other}};
  instrumentations.keep.raw = true;
  subscribe(std::move(instrumentations), [this](const kube::News& news) {
    if (news.first) instrumentations_.clear();
    for (auto& change : news.changes) {
      std::string key = fmt::format("{}/{}", change.object->name_space, change.object->name);
      auto whole = kube::parse_json(change.object->raw);
      const Value* spec = whole ? whole->get("spec") : nullptr;
      if (change.removed) instrumentations_.erase(key);
      else instrumentations_[key] = {std::string(change.object->name_space), std::string(change.object->name), spec == nullptr ? Value::map() : *spec};
    }
    instrumentations_listed_ = instrumentations_listed_ || news.synced;
  });
  kube::Query namespaces{.resource = kube::resource_of(Kind::name_space)};
  if (!namespaces.keep.annotations.add_pattern("(instrumentation|sidecar)\\.opentelemetry\\.io/.*")) WEIR_CHECK(false, "a pattern of our own");
  subscribe(std::move(namespaces), [this](const kube::News& news) {
    if (news.first) namespaces_.clear();
    for (auto& change : news.changes) {
      if (change.removed) namespaces_.erase(std::string(change.object->name));
      else namespaces_[std::string(change.object->name)] = metadata_of(*change.object);
    }
    namespaces_listed_ = namespaces_listed_ || news.synced;
  });
  for (auto [kind, word] : {std::pair(Kind::replica_set, "replicaset"), std::pair(Kind::job, "job")})
    subscribe({.resource = kube::resource_of(kind)}, [this, word = std::string(word)](const kube::News& news) {
      if (news.first) std::erase_if(owners_, [&](auto& entry) { return entry.first.starts_with(word + "/"); });
      for (auto& change : news.changes) {
        std::string key = fmt::format("{}/{}/{}", word, change.object->name_space, change.object->name);
        if (change.removed) owners_.erase(key);
        else owners_[key] = owners_of(*change.object);
      }
    });
}

void Webhook::subscribe(kube::Query query, kube::Told told) { subscriptions_.push_back(cluster_->subscribe(std::move(query), executor_, std::move(told))); }

inject::Cluster Webhook::cluster_view() const {
  return {[this](const std::string& name_space) {
            std::vector<const inject::Instrumentation*> out;
            for (auto at = instrumentations_.lower_bound(name_space + "/"); at != instrumentations_.end() && at->second.name_space == name_space; ++at) out.push_back(&at->second);
            return out;
          },
          [this](const std::string& kind, const std::string& name_space, const std::string& name) -> const Value* {
            auto at = owners_.find(fmt::format("{}/{}/{}", kind, name_space, name));
            return at == owners_.end() ? nullptr : &at->second;
          }};
}

void Webhook::on_request(net::Request request, net::Responder responder) { responder.respond(answer(request)); }

net::Response Webhook::answer(const net::Request& request) {
  std::string_view path = request.path(), body = request.body.view();
  if (path == "/healthz" || path == "/livez") return plain(200, "ok");
  if (path == "/readyz") return ready() ? plain(200, "ok") : plain(503, "the Instrumentations are not known yet");
  if (path == "/metrics") return plain(200, telemetry::prometheus_text(metrics_.collect(), {}));
  if (request.method() != "POST") return plain(404, "not found");
  if (path == "/mutate-v1-pod") return pod(body);
  if (path == "/mutate-opentelemetry-io-v1alpha1-instrumentation") {
    auto checked = inject::review_check(body);
    if (!checked) return plain(400, checked.error().what);
    auto verdict = kube::parse_json(*checked);
    bool allowed = verdict && inject::text_at(*verdict, "response::allowed") == "true";
    auto filled = allowed ? inject::review_defaults(body) : std::move(checked);
    return filled ? json(std::move(*filled)) : plain(400, filled.error().what);
  }
  if (path == "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector") {
    auto answer = inject::review_resource(body, apply_collector_defaults, check_collector);
    return answer ? json(std::move(*answer)) : plain(400, answer.error().what);
  }
  return plain(404, "not found");
}

// A sidecar of the pod's namespace, or of another one that is named.
std::vector<std::string> Webhook::sidecar(Value& pod, const Value& name_space) const {
  std::string wanted = collectors_ == nullptr ? "" : wanted_sidecar(pod, name_space);
  if (wanted.empty()) return {};
  std::string own = inject::text_at(name_space, "metadata::name");
  std::vector<const Value*> found;
  for (auto& [key, collector] : collectors_->all()) {
    if (inject::text_at(collector, "spec::mode") != "sidecar") continue;
    bool here = inject::text_at(collector, "metadata::namespace") == own;
    if (wanted == "true" ? here : key == (wanted.find('/') == wanted.npos ? own + "/" + wanted : wanted)) found.push_back(&collector);
  }
  if (found.size() != 1) return {fmt::format("sidecar '{}': {} collectors with mode sidecar in question, not one", wanted, found.size())};
  add_sidecar(pod, *found[0], collectors_->options());
  return {};
}

net::Response Webhook::pod(std::string_view body) {
  auto find = [this](const std::string& name) -> const Value* {
    auto at = namespaces_.find(name);
    return at == namespaces_.end() ? nullptr : &at->second;
  };
  auto reviewed = inject::review_pod(body, find, cluster_view(), options_, [this](Value& pod, const Value& name_space) { return sidecar(pod, name_space); });
  report(reviewed);
  return json(std::move(reviewed.answer));
}

void Webhook::report(const inject::Reviewed& reviewed) {
  auto count = [&](std::string_view result) {
    metrics_.counter("weir_operator_pods", "Pods that asked for instrumentation.", {{"result", std::string(result)}, {"namespace", reviewed.name_space}}).add();
  };
  if (!reviewed.injected.empty()) count("injected");
  if (reviewed.problems.empty()) return;
  count("refused");
  for (auto& problem : reviewed.problems) log::warn("operator: a pod asked for instrumentation in vain", {{"namespace", reviewed.name_space}, {"pod", reviewed.pod}, {"reason", problem}});
  send_event(reviewed);
}

// So that `kubectl get events` in the namespace shows it.
void Webhook::send_event(const inject::Reviewed& reviewed) {
  std::string message;
  for (auto& problem : reviewed.problems) message += (message.empty() ? "" : "; ") + problem;
  Value event = inject::map_of({{"apiVersion", "v1"}, {"kind", "Event"}, {"type", "Warning"}, {"reason", "InstrumentationRequestRejected"}, {"message", message.substr(0, 1000)}});
  event.set("metadata", inject::map_of({{"generateName", "weir-operator-"}, {"namespace", reviewed.name_space}}));
  event.set("involvedObject", inject::map_of({{"apiVersion", "v1"}, {"kind", "Pod"}, {"namespace", reviewed.name_space}, {"name", reviewed.pod}}));
  event.set("source", inject::map_of({{"component", "weir-operator"}}));
  std::string now = format_rfc3339(executor_.wall() / 1'000'000'000 * 1'000'000'000);
  event.set("firstTimestamp", Value::string(now));
  event.set("lastTimestamp", Value::string(now));
  event.set("count", Value::of(std::int64_t{1}));
  transport_.send("POST", fmt::format("/api/v1/namespaces/{}/events", reviewed.name_space), "application/json", config::to_json(event), [](Result<net::HttpResponse>) {});
}

}  // namespace weir::app

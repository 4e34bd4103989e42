#include "weir/operator/webhook.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
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

inject::Cluster Webhook::cluster_view() {
  return {[this](const std::string& name_space) {
            std::vector<const inject::Instrumentation*> out;
            for (auto at = instrumentations_.lower_bound(name_space + "/"); at != instrumentations_.end() && at->second.name_space == name_space; ++at) out.push_back(&at->second);
            return out;
          },
          [this](const std::string& kind, const std::string& name_space, const std::string& name) -> const Value* {
            std::string key = fmt::format("{}/{}/{}", kind, name_space, name);
            auto at = owners_.find(key);
            if (at != owners_.end()) return &at->second;
            unknown_.push_back(std::move(key));
            return nullptr;
          },
          [this](const std::string& kind, const std::string& name_space, const std::string& name) {
            std::string key = fmt::format("{}/{}/{}", kind, name_space, name);
            auto at = certificates_.find(key);
            bool known = at != certificates_.end() && at->second.until > executor_.now();
            if (!known) unknown_.push_back(std::move(key));
            return !known || at->second.exists;
          }};
}

void Webhook::on_request(net::Request request, net::Responder responder) {
  if (request.method() == "POST" && request.path() == "/mutate-v1-pod") return look_up(std::move(request), std::move(responder));
  responder.respond(answer(request));
}

namespace {

// "replicaset/ns/name" -> its path.
std::string path_of_key(const std::string& key) {
  auto parts = split(key, '/');
  std::string_view api = parts[0] == "replicaset" ? "/apis/apps/v1" : parts[0] == "job" ? "/apis/batch/v1" : "/api/v1";
  return fmt::format("{}/namespaces/{}/{}s/{}", api, parts[1], parts[0], parts[2]);
}

bool is_safe(const std::string& key) {
  auto parts = split(key, '/');
  auto plain = [](std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; }); };
  return parts.size() == 3 && plain(parts[1]) && plain(parts[2]);
}

}  // namespace

// A replica set is often younger than what its watch has told, and certificates are not watched.
void Webhook::look_up(net::Request request, net::Responder responder) {
  auto first = review(request.body.view());
  std::erase_if(unknown_, [](auto& key) { return !is_safe(key); });
  std::sort(unknown_.begin(), unknown_.end());
  unknown_.erase(std::unique(unknown_.begin(), unknown_.end()), unknown_.end());
  if (unknown_.empty() || unknown_.size() > 32) return responder.respond(pod(std::move(first)));
  auto waiting = std::make_shared<Waiting>(Waiting{std::move(request), std::move(responder), unknown_.size()});  // shared by the requests
  waiting->timer = executor_.at(executor_.now() + look_up_limit, [this, alive = alive_, waiting] {
    if (*alive) finish(waiting);
  });
  for (auto& key : std::exchange(unknown_, {}))
    transport_.send("GET", path_of_key(key), "", "", [this, alive = alive_, waiting, key](Result<net::HttpResponse> answer) {
      if (!*alive) return;
      learn(key, answer);
      if (--waiting->left == 0) finish(waiting);
    });
}

void Webhook::learn(const std::string& key, const Result<net::HttpResponse>& answer) {
  constexpr Duration fresh = 10s;
  constexpr std::size_t most = 10'000;
  bool owner = key.starts_with("replicaset/") || key.starts_with("job/");
  if (!owner) {
    if (certificates_.size() >= most) certificates_.clear();
    // Without the right to look, or an answer, it is believed to be there.
    certificates_[key] = {!answer || answer->status != 404, executor_.now() + fresh};
    return;
  }
  if (!answer || answer->status != 200 || owners_.contains(key)) return;
  auto object = kube::parse_json(answer->body);
  const Value* owners = object ? object->find("metadata::ownerReferences") : nullptr;
  owners_[key] = owners != nullptr && owners->is_list() ? *owners : Value::list();
}

void Webhook::finish(const std::shared_ptr<Waiting>& waiting) {
  executor_.cancel(std::exchange(waiting->timer, 0));
  if (!waiting->responder) return;
  waiting->responder.respond(pod(review(waiting->request.body.view())));
  waiting->responder = {};
}

net::Response Webhook::answer(const net::Request& request) {
  std::string_view path = request.path(), body = request.body.view();
  if (path == "/healthz" || path == "/livez") return plain(200, "ok");
  if (path == "/readyz") return ready() ? plain(200, "ok") : plain(503, "the Instrumentations are not known yet");
  if (path == "/metrics") return plain(200, telemetry::prometheus_text(metrics_.collect(), {}));
  if (request.method() != "POST") return plain(404, "not found");
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

inject::Reviewed Webhook::review(std::string_view body) {
  unknown_.clear();
  auto find = [this](const std::string& name) -> const Value* {
    auto at = namespaces_.find(name);
    return at == namespaces_.end() ? nullptr : &at->second;
  };
  return inject::review_pod(body, find, cluster_view(), options_, [this](Value& pod, const Value& name_space) { return sidecar(pod, name_space); });
}

net::Response Webhook::pod(inject::Reviewed reviewed) {
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

#include "components/receivers/k8s_events/k8s_events.h"

#include "base/text.h"
#include "engine/decode.h"
#include "kube/time.h"
#include "ottl/text/json.h"

namespace weir::receivers::k8s_events {

using config::field;
using otlp::Attributes;
using otlp::Value;

namespace {

// Text or number at a path of keys.
const Value* find(Value& in, std::initializer_list<std::string_view> path, Arena& arena) {
  Value* at = &in;
  for (auto key : path) {
    if (!at->is(otlp::ValueType::map)) return nullptr;
    at = at->map(arena).find(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string_view text(Value& in, std::initializer_list<std::string_view> path, Arena& arena) {
  const Value* value = find(in, path, arena);
  return value != nullptr && value->is(otlp::ValueType::string) ? value->text : std::string_view();
}

// As Go prints a time: "2024-01-02 03:04:05 +0000 UTC".
std::string go_time(std::string_view rfc3339) {
  if (rfc3339.size() < 19) return "0001-01-01 00:00:00 +0000 UTC";
  return fmt::format("{} {} +0000 UTC", rfc3339.substr(0, 10), rfc3339.substr(11, 8));
}

UnixNanos when(Value& event, Arena& arena) {
  for (auto key : {"eventTime", "lastTimestamp", "firstTimestamp"})
    if (UnixNanos time = kube::parse_time(text(event, {key}, arena)); time != 0) return time;
  return 0;
}

class Receiver final : public engine::Receiver {
 public:
  Receiver(const Config& config, kubernetes::Membership cluster, std::unique_ptr<kubernetes::Feed> feed) : config_(config), cluster_(std::move(cluster)), feed_(std::move(feed)) {}

  Result<> start() override {
    auto namespaces = config_.namespaces.empty() ? std::vector<std::string>{""} : config_.namespaces;
    for (auto& name : namespaces) {
      kube::Query query{.resource = {"/api/v1", "events", kube::Kind::other}, .name_space = name};
      query.keep.raw = true;
      feed_->watch(std::move(query));
    }
    return {};
  }
  void stop(io::Task done) override { feed_->stop(std::move(done)); }

 private:
  Config config_;
  kubernetes::Membership cluster_;
  std::unique_ptr<kubernetes::Feed> feed_;
};

// Idle on all cores but the first: each event is to come once.
class Idle final : public engine::Receiver {
 public:
  Result<> start() override { return {}; }
  void stop(io::Task done) override { done(); }
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  auto& c = *static_cast<const Config*>(config);
  if (context.shard != 0) return std::make_unique<Idle>();
  WEIR_ASSIGN(auto cluster, kubernetes::join(c.api, context.host, context.executor, 0, context.executor.wall()));
  UnixNanos since = context.executor.wall() / 1'000'000'000 * 1'000'000'000;
  WEIR_ASSIGN(auto feed, kubernetes::Feed::make(context, cluster.cluster, [since](const kubernetes::Feed::Change& change, stanza::Entry& entry, Arena& arena) {
    return change.type != kubernetes::ChangeType::deleted && fill(change.object->raw, since, entry, arena);
  }));
  return std::make_unique<Receiver>(c, std::move(cluster), std::move(feed));
}

}  // namespace

bool fill(std::string_view event_json, UnixNanos since, stanza::Entry& entry, Arena& arena) {
  auto read = ottl::parse_json(event_json, arena, ottl::JsonNumbers::whole_or_real);
  if (!read || !read->is(otlp::ValueType::map)) return false;
  Value& event = *read;
  UnixNanos time = when(event, arena);
  if (time < since) return false;
  entry.time = static_cast<std::int64_t>(time);
  entry.has_time = true;
  entry.body = Value::of(arena.copy(text(event, {"message"}, arena)));
  std::string_view type = text(event, {"type"}, arena);
  entry.severity = equal_ignore_case(type, "normal") ? 9 : equal_ignore_case(type, "warning") ? 13 : 0;
  if (entry.severity != 0) entry.severity_text = arena.copy(type);
  auto set = [&](Attributes& to, std::string_view key, std::string_view value) { to.push_back(arena, {key, Value::of(arena.copy(value))}); };
  set(entry.resource, "k8s.node.name", text(event, {"source", "host"}, arena));
  set(entry.resource, "k8s.object.kind", text(event, {"involvedObject", "kind"}, arena));
  set(entry.resource, "k8s.object.name", text(event, {"involvedObject", "name"}, arena));
  set(entry.resource, "k8s.object.uid", text(event, {"involvedObject", "uid"}, arena));
  set(entry.resource, "k8s.object.fieldpath", text(event, {"involvedObject", "fieldPath"}, arena));
  set(entry.resource, "k8s.object.api_version", text(event, {"involvedObject", "apiVersion"}, arena));
  set(entry.resource, "k8s.object.resource_version", text(event, {"involvedObject", "resourceVersion"}, arena));
  set(entry.attributes, "k8s.event.reason", text(event, {"reason"}, arena));
  set(entry.attributes, "k8s.event.action", text(event, {"action"}, arena));
  set(entry.attributes, "k8s.event.start_time", go_time(text(event, {"metadata", "creationTimestamp"}, arena)));
  set(entry.attributes, "k8s.event.name", text(event, {"metadata", "name"}, arena));
  set(entry.attributes, "k8s.event.uid", text(event, {"metadata", "uid"}, arena));
  set(entry.attributes, "k8s.namespace.name", text(event, {"involvedObject", "namespace"}, arena));
  const Value* count = find(event, {"count"}, arena);
  if (count != nullptr && count->is(otlp::ValueType::integer) && count->integer != 0) entry.attributes.push_back(arena, {"k8s.event.count", *count});
  return true;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      config::embedded<&Config::api>(),
      field<&Config::namespaces>("namespaces", "Only events of these namespaces; empty: all."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "k8s_events",
          .summary = "Takes the events of a Kubernetes cluster as log records.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::k8s_events

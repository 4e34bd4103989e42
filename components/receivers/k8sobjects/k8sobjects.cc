#include "components/receivers/k8sobjects/config.h"
#include "engine/decode.h"
#include "ottl/text/json.h"

namespace weir::receivers::k8sobjects {

using kubernetes::Feed;
using otlp::Value;

bool fill(const Objects& objects, const Feed::Change& change, stanza::Entry& entry, Arena& arena) {
  auto read = ottl::parse_json(change.object->raw, arena, ottl::JsonNumbers::whole_or_real);
  if (!read) return false;
  entry.body = *read;
  if (objects.mode == Mode::watch) {
    auto* body = arena.make<otlp::Attributes>();
    body->push_back(arena, {"type", Value::of(kubernetes::to_string(change.type))});
    body->push_back(arena, {"object", *read});
    entry.body = Value::of(body);
    entry.attributes.push_back(arena, {"event.domain", Value::of(std::string_view("k8s"))});
    entry.attributes.push_back(arena, {"event.name", Value::of(arena.copy(change.object->name))});
  }
  entry.attributes.push_back(arena, {"k8s.resource.name", Value::of(arena.copy(objects.name))});
  if (!change.object->name_space.empty()) entry.resource.push_back(arena, {"k8s.namespace.name", Value::of(arena.copy(change.object->name_space))});
  return true;
}

namespace {

class Receiver final : public engine::Receiver {
 public:
  Receiver(const Config& config, kubernetes::Membership cluster) : config_(config), cluster_(std::move(cluster)) {}

  // One feed for each entry of the settings.
  Result<> prepare(const engine::ReceiverContext& context) {
    for (auto& objects : config_.objects) {
      WEIR_ASSIGN(auto feed, Feed::make(context, cluster_.cluster, [this, &objects](const Feed::Change& change, stanza::Entry& entry, Arena& arena) {
        if (objects.mode == Mode::watch && change.initial && !config_.include_initial_state) return false;
        auto& left_out = objects.exclude_watch_type;
        bool out = std::find(left_out.begin(), left_out.end(), kubernetes::to_string(change.type)) != left_out.end();
        return !out && fill(objects, change, entry, arena);
      }));
      feeds_.push_back(std::move(feed));
    }
    return {};
  }

  Result<> start() override {
    for (std::size_t i = 0; i < feeds_.size(); ++i) {
      auto& objects = config_.objects[i];
      WEIR_ASSIGN(auto resource, resource_of(objects));
      for (auto& name : objects.namespaces.empty() ? std::vector<std::string>{""} : objects.namespaces) {
        kube::Query query{.resource = resource, .name_space = name, .field_selector = objects.field_selector, .label_selector = objects.label_selector};
        query.keep.raw = true;
        if (objects.mode == Mode::watch) feeds_[i]->watch(std::move(query));
        else feeds_[i]->poll(std::move(query), objects.interval);
      }
    }
    return {};
  }

  void stop(io::Task done) override {
    auto left = std::make_shared<std::size_t>(feeds_.size());  // shared by the callbacks
    auto all = std::make_shared<io::Task>(std::move(done));
    for (auto& feed : feeds_)
      feed->stop([left, all] {
        if (--*left == 0) (*all)();
      });
  }

 private:
  Config config_;
  kubernetes::Membership cluster_;
  std::vector<std::unique_ptr<Feed>> feeds_;
};

// Idle on all cores but the first: each object is to come once.
class Idle final : public engine::Receiver {
 public:
  Result<> start() override { return {}; }
  void stop(io::Task done) override { done(); }
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  auto& c = *static_cast<const Config*>(config);
  if (context.shard != 0) return std::make_unique<Idle>();
  WEIR_ASSIGN(auto cluster, kubernetes::join(c.api, context.host, context.executor, 0, context.executor.wall()));
  auto receiver = std::make_unique<Receiver>(c, std::move(cluster));
  WEIR_TRY(receiver->prepare(context));
  return receiver;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "k8sobjects",
          .aliases = {"k8s_objects"},
          .summary = "Takes objects of a Kubernetes cluster, or their changes, as log records.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::k8sobjects

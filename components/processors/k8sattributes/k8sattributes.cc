#include "components/processors/k8sattributes/k8sattributes.h"

#include <deque>

#include "components/processors/k8sattributes/memory.h"
#include "components/processors/k8sattributes/tagger.h"
#include "engine/decode.h"

namespace weir::processors::k8sattributes {
namespace {

constexpr Duration look_interval = 20ms;

class K8sAttributes final : public engine::Stage {
 public:
  K8sAttributes(const Config& config, std::shared_ptr<Catalog> catalog, const engine::StageContext& context)
      : config_(config),
        catalog_(std::move(catalog)),
        tagger_(*catalog_, config_),
        memory_(context.host.budget()),
        signal_(context.signal),
        registry_(context.host.metrics()),
        host_(context.host),
        misses_(registry_.counter("otelcol_otelsvc_k8s_ip_lookup_miss", "Resources whose pod is not known.", {})),
        by_connection_(uses_connection(config_)),
        waiting_(config_.wait_for_metadata && !config_.passthrough) {}

  Result<> start(engine::Out& out) override {
    if (!waiting_) return {};
    wait_until_ = out.now() + config_.wait_for_metadata_timeout;
    out.wake_at(out.now());
    return {};
  }

  void process(otlp::Batch batch, engine::Out& out) override {
    if (waiting_) return early_.push_back(std::move(batch));
    Arena& arena = batch.arena();
    std::string_view peer = by_connection_ && batch.context ? std::string_view(batch.context->peer) : std::string_view();
    for (auto& group : batch.groups()) {
      if (group.resource.dirty()) edit(group.resource, peer, arena);
      else replace(group.resource, peer, batch);
    }
    out.push(std::move(batch));
  }

  // While data waits for the pods.
  void tick(TimePoint now, engine::Out& out) override {
    if (!waiting_) return;
    if (catalog_->synced()) return release(out);
    if (now < wait_until_) return out.wake_at(now + look_interval);
    host_.request_shutdown({Errc::retryable, "k8sattributes: failed to wait for caches to sync: the Kubernetes API did not tell all within " +
                                                 format_duration(config_.wait_for_metadata_timeout), {}});
  }

  void drain(engine::Out& out) override {
    if (waiting_) release(out);
  }
  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& batch : early_) n += batch.items();
    return n;
  }

 private:
  static bool uses_connection(const Config& config) {
    if (config.pod_association.empty()) return true;
    for (auto& association : config.pod_association)
      for (auto& source : association.sources)
        if (source.from == Source::connection) return true;
    return false;
  }

  void release(engine::Out& out) {
    waiting_ = false;
    for (auto& batch : std::exchange(early_, {})) process(std::move(batch), out);
  }

  Resolution resolve(const Claim& claim) const { return config_.passthrough ? Resolution{} : catalog_->resolve(claim); }

  void edit(otlp::Lazy<otlp::Resource>& resource, std::string_view peer, Arena& arena) {
    Claim claim = catalog_->claim(resource.read(arena).attributes, peer);
    Resolution resolution = resolve(claim);
    tagger_.apply(resource.edit(arena).attributes, arena, claim, resolution);
    count(claim, resolution);
  }

  void replace(otlp::Lazy<otlp::Resource>& resource, std::string_view peer, otlp::Batch& batch) {
    Remembered* known = memory_.find(resource.raw(), peer);
    if (known == nullptr) {
      known = &memory_.add(resource.raw(), peer);
      learn(*known, true);
      memory_.weigh(*known);
    } else if (known->generation != catalog_->generation()) {
      learn(*known, false);
    }
    if (known->outcome != nullptr) known->outcome->add();
    if (!known->resolution.pod && !config_.passthrough) misses_.add();
    if (!known->changed) return;
    batch.hold(known->result);
    resource = otlp::Lazy<otlp::Resource>(known->result.view());
  }

  // What a resource becomes with what is known now.
  void learn(Remembered& entry, bool is_new) {
    scratch_.reset();
    otlp::Resource resource;
    if (is_new) {
      otlp::decode(entry.raw, scratch_, resource);
      entry.claim = catalog_->claim(resource.attributes, entry.peer);
    }
    Resolution resolution = resolve(entry.claim);
    entry.generation = catalog_->generation();
    if (!is_new && resolution == entry.resolution) return;
    if (!is_new) otlp::decode(entry.raw, scratch_, resource);
    entry.resolution = std::move(resolution);
    entry.changed = tagger_.apply(resource.attributes, scratch_, entry.claim, entry.resolution);
    entry.outcome = outcome(entry.claim, entry.resolution);
    entry.result = {};
    if (!entry.changed) return;
    otlp::Writer writer(entry.raw.size() + 512);
    otlp::encode(resource, writer);
    entry.result = Bytes::copy_of(writer.view());
  }

  void count(const Claim& claim, const Resolution& resolution) {
    if (auto* counter = outcome(claim, resolution)) counter->add();
    if (!resolution.pod && !config_.passthrough) misses_.add();
  }

  telemetry::Counter* outcome(const Claim& claim, const Resolution& resolution) {
    if (config_.passthrough) return nullptr;
    auto& counter = outcomes_[{claim.sources, resolution.pod != nullptr}];
    if (counter == nullptr)
      counter = &registry_.counter("otelcol_k8s_pod_association", "Resources by whether their pod was found.",
                                   {{"status", resolution.pod ? "success" : "error"}, {"pod_identifier", claim.sources}, {"otelcol_signal", std::string(to_string(signal_))}});
    return counter;
  }

  Config config_;
  std::shared_ptr<Catalog> catalog_;  // shared with the other stages of these settings on this core
  Tagger tagger_;
  Memory memory_;
  otlp::Signal signal_;
  telemetry::Registry& registry_;
  engine::Host& host_;
  telemetry::Counter& misses_;
  std::map<std::pair<std::string, bool>, telemetry::Counter*> outcomes_;
  Arena scratch_;
  std::deque<otlp::Batch> early_;  // charged to the memory budget
  TimePoint wait_until_{};
  bool by_connection_;
  bool waiting_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const void* config, engine::StageContext& context) {
  const Config& c = *static_cast<const Config*>(config);
  // Stages of equal settings share what their core knows.
  auto key = fmt::format("k8sattributes on {}: {}", context.shard, config::to_yaml(engine::encode_config<Config>(config)));
  auto catalog = std::static_pointer_cast<Catalog>(context.host.shared(key, [] { return std::shared_ptr<void>(); }));
  if (!catalog) {
    kubernetes::Membership membership{.cluster = std::make_shared<kube::Cluster>()};
    if (!c.passthrough) {
      WEIR_ASSIGN(membership, kubernetes::join(c.api, context.host, context.executor, context.shard, context.rng.next()));
    }
    WEIR_ASSIGN(catalog, Catalog::make(c, {std::move(membership), context.executor, context.host.metrics(), context.shard == 0, context.rng.next()}));
    catalog = std::static_pointer_cast<Catalog>(context.host.shared(key, [&] { return catalog; }));
  }
  return std::make_unique<K8sAttributes>(c, std::move(catalog), context);
}

}  // namespace weir::processors::k8sattributes

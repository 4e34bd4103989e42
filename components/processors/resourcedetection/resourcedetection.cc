#include "components/processors/resourcedetection/resourcedetection.h"

#include "components/processors/resourcedetection/detection.h"
#include "components/processors/resourcedetection/surroundings.h"

namespace weir::processors::resourcedetection {
namespace {

otlp::Value value_of(const Attribute& attribute, Arena& arena) {
  if (auto* number = std::get_if<std::int64_t>(&attribute.value)) return otlp::Value::of(*number);
  if (auto* text = std::get_if<std::string>(&attribute.value)) return otlp::Value::of(arena.copy(*text));
  auto* items = arena.make<otlp::Array>();
  for (auto& text : std::get<std::vector<std::string>>(attribute.value)) items->push_back(arena, otlp::Value::of(arena.copy(text)));
  return otlp::Value::of(items);
}

class ResourceDetection : public engine::Stage {
 public:
  ResourceDetection(const Config& config, engine::StageContext& context, std::shared_ptr<Detection> detection)
      : override_(config.override_existing), refresh_interval_(config.refresh_interval), executor_(context.executor), detection_(std::move(detection)) {}

  Result<> start(engine::Out& out) override {
    out_ = &out;
    detection_->run(executor_);
    detection_->when_done(executor_, [this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) ready();
    });
    if (refresh_interval_ > 0s) out.wake_at(out.now() + refresh_interval_);
    return {};
  }

  void process(otlp::Batch batch, engine::Out& out) override {
    if (!found_) return waiting_.push_back(std::move(batch));
    apply(batch);
    out.push(std::move(batch));
  }

  void tick(TimePoint now, engine::Out& out) override {
    found_ = detection_->result();
    detection_->run(executor_);
    out.wake_at(now + refresh_interval_);
  }

  void drain(engine::Out& out) override {
    for (auto& batch : std::exchange(waiting_, {})) out.push(std::move(batch));
  }

  std::size_t held() const override {
    std::size_t items = 0;
    for (auto& batch : waiting_) items += batch.items();
    return items;
  }

 private:
  void ready() {
    found_ = detection_->result();
    for (auto& batch : std::exchange(waiting_, {})) {
      apply(batch);
      out_->push(std::move(batch));
    }
  }

  void apply(otlp::Batch& batch) const {
    if (!found_ || (found_->attributes.empty() && found_->schema_url.empty())) return;
    Arena& arena = batch.arena();
    for (auto& group : batch.groups()) {
      if (group.schema_url.empty() && !found_->schema_url.empty()) group.schema_url = arena.copy(found_->schema_url);
      for (auto& attribute : found_->attributes) {
        if (!override_ && group.resource.read(arena).attributes.find(attribute.key)) continue;
        group.resource.edit(arena).attributes.set(arena, arena.copy(attribute.key), value_of(attribute, arena));
      }
    }
  }

  bool override_;
  Duration refresh_interval_;
  io::Executor& executor_;
  std::shared_ptr<Detection> detection_;  // shared with the other cores and pipelines of this component
  std::shared_ptr<const Finding> found_;  // null: not yet
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  engine::Out* out_ = nullptr;
  std::vector<otlp::Batch> waiting_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context,
                                                  std::unique_ptr<Surroundings> around) {
  auto& host = context.host;
  auto made = host.shared(fmt::format("resourcedetection:{}:{}", context.id.to_string(), static_cast<const void*>(&config)), [&] {
    if (!around) around = real_surroundings(config, context.executor, host.fs());
    return std::static_pointer_cast<void>(std::make_shared<Detection>(config, host.workers(), std::move(around)));
  });
  return std::make_unique<ResourceDetection>(config, context, std::static_pointer_cast<Detection>(made));
}

}  // namespace weir::processors::resourcedetection

#include "components/processors/resource/resource.h"

#include "components/shared/attraction/attraction.h"
#include "otlp/growth.h"

namespace weir::processors::resource {
namespace {

class ResourceStage : public engine::Stage {
 public:
  explicit ResourceStage(attraction::Actions actions) : actions_(std::move(actions)) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    actions_.enter(arena, batch.context.get());
    otlp::Growth growth(batch);
    for (auto& group : batch.groups()) {
      attraction::apply(actions_, group.resource, arena);
      if (!growth.add(group.resource)) return out.outgrown(std::move(batch), growth.error());
    }
    out.push(std::move(batch));
  }

 private:
  attraction::Actions actions_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config) {
  WEIR_ASSIGN(auto actions, attraction::Actions::make(config.attributes));
  return std::make_unique<ResourceStage>(std::move(actions));
}

}  // namespace weir::processors::resource

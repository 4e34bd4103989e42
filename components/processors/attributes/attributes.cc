#include "components/processors/attributes/attributes.h"

#include "components/shared/attraction/attraction.h"
#include "components/shared/matching/selection.h"

namespace weir::processors::attributes {
namespace {

using otlp::Batch;

bool change(attraction::Actions& actions, otlp::Span& span) { return actions.apply(span.attributes); }
bool change(attraction::Actions& actions, otlp::LogRecord& record) { return actions.apply(record.attributes); }
bool change(attraction::Actions& actions, otlp::Metric& metric) {
  bool changed = false;
  for (auto& point : metric.points) changed |= actions.apply(point.attributes);
  return changed;
}

// T: what an item of the stage's signal is.
template <class T>
class AttributesStage : public engine::Stage {
 public:
  AttributesStage(attraction::Actions actions, matching::Selection selection)
      : actions_(std::move(actions)), selection_(std::move(selection)) {}

  void process(Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    actions_.enter(arena, batch.context.get());
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) process(group, scope, arena);
    out.push(std::move(batch));
  }

 private:
  void process(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena) {
    matching::Selection::Here here;
    if (selection_.selective()) here = selection_.in(group.resource.read(arena), scope.scope.read(arena));
    if (here.none()) return;
    for (auto& item : scope.items) {
      if (!item.dirty && !actions_.may_change(item.raw)) continue;
      const T& message = item.template read<T>(arena);
      if (!here.all() && !here.selects(message)) continue;
      // The same message that edit() gives; marked only when something is different.
      if (change(actions_, *static_cast<T*>(item.message))) item.dirty = true;
    }
  }

  attraction::Actions actions_;
  matching::Selection selection_;
};

template <class T>
std::unique_ptr<engine::Stage> stage_of(attraction::Actions actions, matching::Selection selection) {
  return std::make_unique<AttributesStage<T>>(std::move(actions), std::move(selection));
}

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, otlp::Signal signal) {
  WEIR_ASSIGN(auto actions, attraction::Actions::make(config.actions));
  WEIR_ASSIGN(auto selection, matching::Selection::make(config.include ? &*config.include : nullptr,
                                                        config.exclude ? &*config.exclude : nullptr, signal));
  switch (signal) {
    case otlp::Signal::traces: return stage_of<otlp::Span>(std::move(actions), std::move(selection));
    case otlp::Signal::metrics: return stage_of<otlp::Metric>(std::move(actions), std::move(selection));
    case otlp::Signal::logs: return stage_of<otlp::LogRecord>(std::move(actions), std::move(selection));
    case otlp::Signal::profiles: break;
  }
  return fail(Errc::config, "attributes does not support profiles");
}

}  // namespace weir::processors::attributes

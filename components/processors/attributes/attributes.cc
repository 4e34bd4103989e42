#include "components/processors/attributes/attributes.h"

#include "components/shared/attraction/attraction.h"
#include "components/shared/matching/selection.h"
#include "otlp/edits.h"
#include "otlp/excerpt.h"
#include "otlp/growth.h"

namespace weir::processors::attributes {
namespace {

using otlp::Batch;

// Metrics have to be decoded: their attributes are those of their points.
template <class T>
constexpr bool has_attributes = !std::is_same_v<T, otlp::Metric>;

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
      : actions_(std::move(actions)), selection_(std::move(selection)) {
    if (selection_.selective()) excerpt_.fields = otlp::Excerpt::every_field;
  }

  void process(Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    actions_.enter(arena, batch.context.get());
    otlp::Growth growth(batch);
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        if (!process(group, scope, arena, growth)) return out.outgrown(std::move(batch), growth.error());
    out.push(std::move(batch));
  }

 private:
  // False: the batch grew too large.
  bool process(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena, otlp::Growth& growth) {
    matching::Selection::Here here;
    if (selection_.selective()) here = selection_.in(group.resource.read(arena), scope.scope.read(arena));
    if (here.none()) return true;
    for (auto& item : scope.items) {
      if (!item.dirty && !actions_.may_change(item.raw)) continue;
      auto selects = [&](const T& message) { return here.all() || here.selects(message); };
      if constexpr (has_attributes<T>) {
        otlp::Item& seen = reader_.look(item, excerpt_);
        T& message = *static_cast<T*>(seen.message);
        if (selects(message) && actions_.apply(message.attributes)) keep_change(seen, item, arena);
      } else if (selects(item.template read<T>(arena))) {
        // The same message that edit() gives; marked only when something is different.
        if (change(actions_, *static_cast<T*>(item.message))) item.dirty = true;
      }
      if (!growth.add<T>(item)) return false;
    }
    return true;
  }

  void keep_change(const otlp::Item& seen, otlp::Item& item, Arena& arena) {
    if (&seen == &item) {
      item.dirty = true;
      return;
    }
    edits_.set_attributes();
    edits_.apply(*static_cast<const T*>(seen.message), item, arena);
  }

  attraction::Actions actions_;
  matching::Selection selection_;
  otlp::Excerpt excerpt_{otlp::Parts::attributes, otlp::KeySet::every(), 0};
  otlp::ExcerptReader<T> reader_;
  otlp::Edits edits_;
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

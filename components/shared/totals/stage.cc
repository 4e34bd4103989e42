#include "components/shared/totals/stage.h"

#include "base/log.h"
#include "components/shared/totals/totals.h"
#include "otlp/growth.h"

namespace weir::totals {
namespace {

using otlp::Batch;
using ottl::ContextId;

class TotalsStage : public engine::Stage {
 public:
  // `parts` is about what lies in an item: events of a span, points of a metric; log records have none.
  TotalsStage(Totals items, std::optional<Totals> parts, std::string_view scope, engine::StageContext& context)
      : scope_(scope), budget_(context.host.budget()), items_(std::move(items)), parts_(std::move(parts)), name_(context.id.to_string()), c_(nowhere_, context.executor, context.rng) {}

  void process(Batch batch, engine::Out& out) override {
    Batch counts(otlp::Signal::metrics);
    counts.charge = budget_.empty_charge();
    c_.use_arena(batch.arena());
    c_.sender = batch.context.get();
    UnixNanos now = out.wall();
    otlp::Growth growth(counts);
    for (auto& group : batch.groups())
      if (auto done = resource(group, batch, counts, growth, now); !done) {
        log::error("making totals failed", {{"component", name_}, {"error", done.error().what}});
        if (done.error().code == Errc::too_large) return out.outgrown(std::move(batch), std::move(done).error());
        return out.refuse(std::move(batch), std::move(done).error());
      }
    counts.prune();
    counts.set_bytes(counts.items() * 100);
    out.count_consumed(batch.items());
    if (counts.empty()) return batch.settle({});
    // Who sent the items hears whether their counts arrived.
    counts.take_receipts(batch);
    counts.context = batch.context;
    out.emit(std::move(counts));
  }

 private:
  Result<> resource(otlp::ResourceGroup& group, Batch& batch, Batch& counts, otlp::Growth& growth, UnixNanos now) {
    Arena& into = counts.arena();
    items_.begin();
    if (parts_) parts_->begin();
    c_.resource = &group;
    for (auto& scope : group.scopes) {
      c_.scope = &scope;
      for (std::size_t i = 0; i < scope.items.size(); ++i) {
        c_.set_item(i);
        WEIR_TRY(item(batch.signal(), into));
        if (!growth.add(0)) return std::unexpected(growth.error());
      }
    }
    if (items_.empty() && (!parts_ || parts_->empty())) return {};
    auto& out = counts.groups().emplace_back();
    auto* copy = into.make<otlp::Resource>();
    for (auto& kv : group.resource.read(batch.arena()).attributes) copy->attributes.push_back(into, {into.copy(kv.key), kv.value.deep_copy(into)});
    out.resource = otlp::Lazy<otlp::Resource>(copy);
    auto* scope = into.make<otlp::Scope>();
    scope->name = into.copy(scope_);
    auto& target = out.scopes.emplace_back();
    target.scope = otlp::Lazy<otlp::Scope>(scope);
    items_.write(into, now, target.items);
    if (parts_) parts_->write(into, now, target.items);
    return {};
  }

  Result<> item(otlp::Signal signal, Arena& into) {
    if (signal == otlp::Signal::traces) return span(into);
    if (signal == otlp::Signal::metrics) return metric(into);
    items_.at(c_.log().time_unix_nano);
    return items_.add(c_, &c_.log().attributes, into);
  }
  Result<> span(Arena& into) {
    auto& span = c_.span();
    items_.at(span.start_time_unix_nano);
    items_.at(span.end_time_unix_nano);
    WEIR_TRY(items_.add(c_, &span.attributes, into));
    for (auto& event : const_cast<ArenaVector<otlp::Span::Event>&>(span.events)) {
      c_.event = &event;
      parts_->at(event.time_unix_nano);
      WEIR_TRY(parts_->add(c_, &event.attributes, into));
    }
    return {};
  }
  Result<> metric(Arena& into) {
    WEIR_TRY(items_.add(c_, nullptr, into));
    for (auto& point : const_cast<ArenaVector<otlp::DataPoint>&>(c_.metric().points)) {
      c_.point = &point;
      parts_->at(point.time_unix_nano);
      WEIR_TRY(parts_->add(c_, &point.attributes, into));
    }
    return {};
  }

  std::string scope_;
  Budget& budget_;
  Totals items_;
  std::optional<Totals> parts_;
  std::string name_;
  Arena nowhere_;
  ottl::EvalContext c_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const std::function<Definitions(ContextId)>& of, std::string_view scope, engine::StageContext& context) {
  auto make = [&](ContextId id) { return Totals::make(id, of(id)); };
  if (context.signal == otlp::Signal::logs) {
    WEIR_ASSIGN(auto records, make(ContextId::log));
    return std::make_unique<TotalsStage>(std::move(records), std::nullopt, scope, context);
  }
  bool traces = context.signal == otlp::Signal::traces;
  WEIR_ASSIGN(auto items, make(traces ? ContextId::span : ContextId::metric));
  WEIR_ASSIGN(auto parts, make(traces ? ContextId::spanevent : ContextId::datapoint));
  return std::make_unique<TotalsStage>(std::move(items), std::move(parts), scope, context);
}

}  // namespace weir::totals

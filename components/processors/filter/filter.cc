#include "components/processors/filter/filter.h"

#include "components/processors/filter/old_rules.h"
#include "components/shared/ottl_settings/error_log.h"
#include "otlp/excerpt.h"

namespace weir::processors::filter {
namespace {

using engine::Out;
using otlp::Batch;
using otlp::Item;
using otlp::Excerpt;
using otlp::Parts;
using otlp::Signal;

telemetry::Counter& filtered_counter(const engine::StageContext& context) {
  std::string_view what = context.signal == Signal::traces ? "spans" : context.signal == Signal::metrics ? "datapoints" : "logs";
  return context.host.metrics().counter(fmt::format("otelcol_processor_filter_{}_filtered", what), "Items dropped by the filter.",
                                        {{"filter", context.id.to_string()}});
}

// Erases the elements of `list` whose mark is set.
template <class T>
void erase_marked(ArenaVector<T>& list, const std::vector<char>& marks) {
  std::size_t at = 0;
  list.erase_if([&](const T&) { return marks[at++] != 0; });
}

// T: what an item of the stage's signal is.
template <class T>
class FilterStage : public engine::Stage {
 public:
  FilterStage(std::vector<Rules> rules, OldRules old, engine::StageContext& context)
      : rules_(std::move(rules)),
        old_(std::move(old)),
        filtered_(filtered_counter(context)),
        errors_(context.id.to_string(), "failed to eval condition"),
        c_(nowhere_, context.executor, context.rng) {}

  void seek(otlp::Sought& sought) const override {
    for (const Rules& rules : rules_)
      if (rules.below_scope()) sought.add(rules.excerpt);
  }

  void process(Batch batch, Out& out) override {
    reader_.use(batch.sought());
    batch_arena_ = &batch.arena();
    c_.use_arena(*batch_arena_);
    c_.sender = batch.context.get();
    std::size_t before = batch.items();
    changed_ = false;
    for (const Rules& rules : rules_) apply(rules, batch);
    if (!old_.empty()) apply_old(batch);
    if (changed_) batch.prune();
    filtered_.add(before - batch.items());
    out.count_dropped(before - batch.items(), engine::Reason::filtered);
    if (error_) return refuse(std::move(batch), out);
    if (changed_ && batch.groups().empty()) return out.drop(std::move(batch), engine::Reason::filtered);
    out.push(std::move(batch));
  }

 private:
  void refuse(Batch batch, Out& out) {
    log::error("failed processing", {{"component", errors_.component()}, {"error", error_->what}});
    out.refuse(std::move(batch), Error{Errc::retryable, std::move(error_->what), {}});
    error_.reset();
  }

  // ---- conditions
  void apply(const Rules& rules, Batch& batch) {
    for (auto& group : batch.groups()) {
      c_.resource = &group;
      if (holds(rules.resource, rules)) {
        clear(group.scopes);
        continue;
      }
      if (!rules.below_resource()) continue;
      for (auto& scope : group.scopes) {
        c_.scope = &scope;
        if (holds(rules.scope, rules))
          clear(scope.items);
        else if (rules.below_scope())
          erase_items(scope, [&](Item& item) { return dropped(rules, item); });
      }
    }
  }

  bool dropped(const Rules& rules, Item& item) {
    c_.set_item(reader_.look(item, rules.excerpt));
    if (holds(rules.item, rules)) return true;
    return !rules.part.empty() && drop_parts(rules, item);
  }

  // One that fails does not hold; when errors propagate, the batch is refused in the end.
  bool holds(const ottl::Conditions& conditions, const Rules& rules) {
    if (conditions.empty()) return false;
    c_.next_item();
    auto result = conditions.any(c_, rules.error_mode, errors_.on_error());
    return answer(result);
  }
  bool answer(Result<bool>& result) {
    if (result) return *result;
    if (!error_) error_ = std::move(result.error());
    return false;
  }

  // True when the whole item goes with its parts.
  bool drop_parts(const Rules& rules, Item& item) {
    if constexpr (std::is_same_v<T, otlp::Span>) drop_events(rules, item);
    if constexpr (std::is_same_v<T, otlp::Metric>) return drop_points(rules, item);
    return false;
  }

  void drop_events(const Rules& rules, Item& item) {
    bool any = mark(const_cast<ArenaVector<otlp::Span::Event>&>(c_.span().events), c_.event, rules);
    if (!any) return;
    changed_ = true;
    erase_marked(item.edit<otlp::Span>(*batch_arena_).events, marks_);
  }

  bool drop_points(const Rules& rules, Item& item) {
    if (c_.metric().type == otlp::MetricType::none) return false;
    bool any = mark(const_cast<ArenaVector<otlp::DataPoint>&>(c_.metric().points), c_.point, rules);
    if (!any) return marks_.empty();
    if (std::find(marks_.begin(), marks_.end(), 0) == marks_.end()) return true;
    changed_ = true;
    auto& points = item.edit<otlp::Metric>(*batch_arena_).points;
    erase_marked(points, marks_);
    item.points = static_cast<std::uint32_t>(points.size());
    return false;
  }

  // Marks those that a condition holds for; true when there is one.
  template <class Part>
  bool mark(ArenaVector<Part>& parts, Part*& current, const Rules& rules) {
    marks_.assign(parts.size(), 0);
    bool any = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      current = &parts[i];
      marks_[i] = holds(rules.part, rules);
      any |= marks_[i] != 0;
    }
    return any;
  }

  // ---- include and exclude
  void apply_old(Batch& batch) {
    for (auto& group : batch.groups()) {
      if constexpr (std::is_same_v<T, otlp::Metric>)
        apply_old_metrics(group);
      else
        apply_selection(group);
    }
  }

  void apply_selection(otlp::ResourceGroup& group) {
    for (auto& scope : group.scopes) {
      auto here = old_.selection.in(group.resource.read(*batch_arena_), scope.scope.read(*batch_arena_));
      if (here.none()) clear(scope.items);
      if (here.none() || here.all()) continue;
      erase_items(scope, [&](Item& item) {
        if constexpr (std::is_same_v<T, otlp::Metric>) return false;
        else return !here.selects(*static_cast<const T*>(reader_.look(item, attributes_).message));
      });
    }
  }

  void apply_old_metrics(otlp::ResourceGroup& group) {
    auto differs = [&](const std::optional<MetricMatcher>& matcher, bool wanted) {
      return matcher && matcher->looks_at_resources() && matcher->resources.matches(group.resource.read(*batch_arena_).attributes) != wanted;
    };
    if (differs(old_.include, true) || differs(old_.exclude, false)) return clear(group.scopes);
    for (auto& scope : group.scopes) erase_items(scope, [&](Item& item) { return old_drops(item); });
  }

  bool old_drops(Item& item) {
    auto differs = [&](const std::optional<MetricMatcher>& matcher, bool wanted) {
      if (!matcher || !matcher->looks_at_metrics()) return false;
      const Excerpt& excerpt = matcher->expressions.empty() ? fields_ : children_;
      auto result = matcher->matches(*static_cast<const otlp::Metric*>(reader_.look(item, excerpt).message));
      return result ? *result != wanted : answer(result);
    };
    return differs(old_.include, true) || differs(old_.exclude, false);
  }

  // ---- removing
  template <class List>
  void clear(List& list) {
    changed_ = true;
    list.clear();
  }
  template <class Drop>
  void erase_items(otlp::ScopeGroup& scope, Drop drop) {
    if (std::erase_if(scope.items, drop) != 0) changed_ = true;
  }

  std::vector<Rules> rules_;
  OldRules old_;
  telemetry::Counter& filtered_;
  ottl::ErrorLog errors_;
  Arena nowhere_;
  ottl::EvalContext c_;
  otlp::ExcerptReader<T> reader_;
  Excerpt fields_{Parts::fields}, attributes_{Parts::attributes}, children_{Parts::children};
  std::vector<char> marks_;
  Arena* batch_arena_ = nullptr;
  bool changed_ = false;
  std::optional<Error> error_;  // the first of the current batch
};

Rules::List list_of(const Conditions& conditions) { return conditions ? &*conditions : nullptr; }

Result<std::vector<Rules>> rules_of(const ConditionBlocks& blocks, Result<Rules> (*older)(const Config&), const Config& config, Signal signal) {
  std::vector<Rules> out;
  for (auto& block : blocks.blocks) {
    WEIR_ASSIGN(auto rules, Rules::make(block, signal, config.error_mode));
    out.push_back(std::move(rules));
  }
  if (!out.empty()) return out;
  WEIR_ASSIGN(auto rules, older(config));
  out.push_back(std::move(rules));
  return out;
}

Result<Rules> older_traces(const Config& c) {
  return Rules::make(list_of(c.traces.resource), list_of(c.traces.span), list_of(c.traces.spanevent), Signal::traces, c.error_mode);
}
Result<Rules> older_metrics(const Config& c) {
  return Rules::make(list_of(c.metrics.resource), list_of(c.metrics.metric), list_of(c.metrics.datapoint), Signal::metrics, c.error_mode);
}
Result<Rules> older_logs(const Config& c) {
  return Rules::make(list_of(c.logs.resource), list_of(c.logs.log_record), nullptr, Signal::logs, c.error_mode);
}

template <class T>
Result<std::unique_ptr<engine::Stage>> stage_of(Result<std::vector<Rules>> rules, OldRules old, engine::StageContext& context) {
  WEIR_ASSIGN(auto made, std::move(rules));
  std::erase_if(made, [](const Rules& r) { return r.resource.empty() && !r.below_resource(); });
  return std::make_unique<FilterStage<T>>(std::move(made), std::move(old), context);
}

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context) {
  WEIR_ASSIGN(auto old, OldRules::make(config, context.signal));
  switch (context.signal) {
    case Signal::traces:
      return stage_of<otlp::Span>(rules_of(config.trace_conditions, older_traces, config, context.signal), std::move(old), context);
    case Signal::metrics:
      return stage_of<otlp::Metric>(rules_of(config.metric_conditions, older_metrics, config, context.signal), std::move(old), context);
    case Signal::logs:
      return stage_of<otlp::LogRecord>(rules_of(config.log_conditions, older_logs, config, context.signal), std::move(old), context);
    case Signal::profiles: break;
  }
  return fail(Errc::config, "filter does not support profiles");
}

}  // namespace weir::processors::filter

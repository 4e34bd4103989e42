#include "components/processors/transform/transform.h"

#include "components/shared/ottl_settings/error_log.h"
#include "otlp/excerpt.h"
#include "otlp/growth.h"

namespace weir::processors::transform {
namespace {

using otlp::Batch;
using otlp::Signal;
using ottl::ContextId;
using ottl::EvalContext;

std::span<const ContextId> contexts_of(Signal signal) {
  static constexpr std::array traces = {ContextId::resource, ContextId::scope, ContextId::span, ContextId::spanevent};
  static constexpr std::array metrics = {ContextId::resource, ContextId::scope, ContextId::metric, ContextId::datapoint, ContextId::exemplar};
  static constexpr std::array logs = {ContextId::resource, ContextId::scope, ContextId::log};
  switch (signal) {
    case Signal::traces: return traces;
    case Signal::metrics: return metrics;
    case Signal::logs: return logs;
    case Signal::profiles: break;
  }
  return {};
}

// Blocks that run one after the other for an item before the next item is looked at.
struct Round {
  std::vector<CompiledBlock> blocks;
  std::optional<otlp::Excerpt> excerpt;  // of all of them; none: one needs the whole item

  ContextId context() const { return blocks.front().context; }
  // Whether the result is the same as if `block` ran after these had run for all items.
  bool can_take(const CompiledBlock& block) const {
    auto stays_in_item = [](const CompiledBlock& one) {
      return one.excerpt && one.context != ContextId::metric && !(one.program.reads() & (ottl::Reads::edits_resource | ottl::Reads::edits_scope));
    };
    return stays_in_item(blocks.back()) && stays_in_item(block);
  }
};

std::vector<Round> rounds_of(std::vector<CompiledBlock> blocks) {
  std::vector<Round> out;
  for (auto& block : blocks) {
    bool joins = !out.empty() && out.back().can_take(block);
    if (!joins) out.emplace_back().excerpt = block.excerpt;
    if (joins) out.back().excerpt->add(*block.excerpt);
    out.back().blocks.push_back(std::move(block));
  }
  return out;
}

// T: what an item of the stage's signal is.
template <class T>
class TransformStage : public engine::Stage {
 public:
  TransformStage(std::vector<CompiledBlock> blocks, engine::StageContext& context)
      : rounds_(rounds_of(std::move(blocks))),
        errors_(context.id.to_string(), "failed to execute statement"),
        c_(nowhere_, context.executor, context.rng) {}

  void seek(otlp::Sought& sought) const override {
    for (auto& round : rounds_)
      if (round.excerpt) sought.add(*round.excerpt);
  }

  void process(Batch batch, engine::Out& out) override {
    reader_.use(batch.sought());
    c_.use_arena(batch.arena());
    c_.sender = batch.context.get();
    std::size_t before = batch.items();
    otlp::Growth growth(batch);
    for (auto& round : rounds_) {
      auto done = run(round, batch, growth);
      if (!done) {
        log::error("failed processing", {{"component", errors_.component()}, {"error", done.error().what}});
        return out.refuse(std::move(batch), Error{Errc::retryable, std::move(done.error().what), {}});
      }
      if (!*done) return out.outgrown(std::move(batch), growth.error());
    }
    recount(batch, before, out);
    if (!batch.empty() || before == 0) return out.push(std::move(batch));
    batch.settle({});
  }

 private:
  // Statements may add metrics, and join data points.
  void recount(Batch& batch, std::size_t before, engine::Out& out) {
    if (!c_.items_changed) return;
    c_.items_changed = false;
    batch.prune();
    if (batch.items() > before) out.count_created(batch.items() - before);
    if (batch.items() < before) out.count_consumed(before - batch.items());
  }

  // False: the batch grew too large.
  Result<bool> run(const Round& round, Batch& batch, otlp::Growth& growth) {
    for (auto& group : batch.groups()) {
      c_.resource = &group;
      if (round.context() == ContextId::resource) {
        WEIR_TRY(once(round.blocks.front()));
        if (!growth.add(group.resource)) return false;
        continue;
      }
      for (auto& scope : group.scopes) {
        c_.scope = &scope;
        if (round.context() == ContextId::scope) {
          WEIR_TRY(once(round.blocks.front()));
          if (!growth.add(scope.scope)) return false;
          continue;
        }
        // By index: statements may add items, which then are visited too, as long as that can be meant: copies of copies have no end.
        const std::size_t most = 10 * scope.items.size() + 1000;
        for (std::size_t i = 0; i < scope.items.size() && i < most; ++i) {
          WEIR_TRY(visit_item(round, i));
          if (!growth.add<T>(scope.items[i])) return false;
        }
      }
    }
    return true;
  }

  Result<> visit_item(const Round& round, std::size_t index) {
    c_.event = nullptr;
    if (round.excerpt)
      c_.set_excerpt<T>(index, reader_.look(c_.scope->items[index], *round.excerpt));
    else
      c_.set_item(index);
    for (auto& block : round.blocks) WEIR_TRY(visit_item(block));
    c_.apply_edits();
    return {};
  }

  Result<> visit_item(const CompiledBlock& block) {
    switch (block.context) {
      case ContextId::spanevent: return visit_events(block);
      case ContextId::datapoint:
      case ContextId::exemplar: return visit_points(block);
      default: return once(block);
    }
  }
  // The message that read() gives is the one that edit() changes. It is another one once an excerpt is left.
  Result<> visit_events(const CompiledBlock& block) {
    for (std::size_t i = 0; i < c_.span().events.size(); ++i) {
      c_.event = const_cast<otlp::Span::Event*>(&c_.span().events[i]);
      WEIR_TRY(once(block));
    }
    c_.event = nullptr;
    return {};
  }
  Result<> visit_points(const CompiledBlock& block) {
    auto& points = const_cast<ArenaVector<otlp::DataPoint>&>(c_.metric().points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      c_.point = &points[i];
      if (block.context == ContextId::datapoint) {
        WEIR_TRY(once(block));
        continue;
      }
      for (auto& exemplar : points[i].exemplars) {
        c_.exemplar = &exemplar;
        WEIR_TRY(once(block));
      }
    }
    return {};
  }

  Result<> once(const CompiledBlock& block) {
    c_.next_item();
    if (!block.conditions.empty()) {
      WEIR_ASSIGN(bool wanted, block.conditions.any(c_, block.error_mode, errors_.on_error()));
      if (!wanted) return {};
    }
    return block.program.run(c_, block.error_mode, errors_.on_error());
  }

  std::vector<Round> rounds_;
  ottl::ErrorLog errors_;
  Arena nowhere_;
  EvalContext c_;
  otlp::ExcerptReader<T> reader_;
};

// Whether what such statements are about can be read in an excerpt of the item.
bool takes_excerpt(ContextId context) {
  return context == ContextId::span || context == ContextId::spanevent || context == ContextId::metric || context == ContextId::log;
}

template <class T>
std::unique_ptr<engine::Stage> stage_of(std::vector<CompiledBlock> blocks, engine::StageContext& context) {
  return std::make_unique<TransformStage<T>>(std::move(blocks), context);
}

}  // namespace

Result<ottl::ContextId> block_context(const Block& block, Signal signal) {
  auto contexts = contexts_of(signal);
  if (block.context.empty())
    return ottl::infer_context(block.statements, block.conditions, contexts, {.caller = ottl::Callers::transform, .prefixed = true});
  ottl::ContextId out{};
  bool known = block.context != "instrumentation_scope" && ottl::context_from(block.context, out) &&
               std::find(contexts.begin(), contexts.end(), out) != contexts.end();
  if (!known) return fail(Errc::config, "unknown context \"{}\" for {}", block.context, to_string(signal));
  return out;
}

Result<CompiledBlock> CompiledBlock::make(const Block& block, Signal signal, ottl::ErrorMode standard) {
  CompiledBlock out;
  out.error_mode = block.error_mode.value_or(standard);
  if (block.statements.empty() && block.context.empty()) return out;
  ottl::Options options{.caller = ottl::Callers::transform, .prefixed = block.context.empty()};
  WEIR_ASSIGN(out.context, block_context(block, signal));
  WEIR_ASSIGN(out.conditions, ottl::Conditions::compile(out.context, block.conditions, options));
  WEIR_ASSIGN(out.program, ottl::Program::compile(out.context, block.statements, options));
  if (takes_excerpt(out.context) && (out.program.takes_excerpt() || !out.conditions.empty())) {
    out.excerpt = out.conditions.excerpt();
    out.excerpt->add(out.program.excerpt());
    if (out.context == ContextId::spanevent) out.excerpt->parts = out.excerpt->parts | otlp::Parts::children;  // to visit them
  }
  return out;
}

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context) {
  const Blocks* blocks = &config.profile_statements;
  if (context.signal == Signal::traces) blocks = &config.trace_statements;
  if (context.signal == Signal::metrics) blocks = &config.metric_statements;
  if (context.signal == Signal::logs) blocks = &config.log_statements;
  std::vector<CompiledBlock> compiled;
  for (auto& block : blocks->blocks) {
    if (block.statements.empty()) continue;
    WEIR_ASSIGN(auto made, CompiledBlock::make(block, context.signal, config.error_mode));
    compiled.push_back(std::move(made));
  }
  switch (context.signal) {
    case Signal::metrics: return stage_of<otlp::Metric>(std::move(compiled), context);
    case Signal::logs: return stage_of<otlp::LogRecord>(std::move(compiled), context);
    default: return stage_of<otlp::Span>(std::move(compiled), context);
  }
}

}  // namespace weir::processors::transform

#include "components/processors/filter/conditions.h"

#include "base/text.h"

namespace weir::processors::filter {
namespace {

using otlp::Parts;
using otlp::Signal;
using ottl::ContextId;

struct Contexts {
  std::vector<ContextId> all;
  ContextId item;
  std::optional<ContextId> part;
};

const Contexts& contexts_of(Signal signal) {
  using enum ContextId;
  static const Contexts traces{{resource, scope, span, spanevent}, span, spanevent};
  static const Contexts metrics{{resource, scope, metric, datapoint}, metric, datapoint};
  static const Contexts logs{{resource, scope, log}, log, {}};
  if (signal == Signal::traces) return traces;
  return signal == Signal::metrics ? metrics : logs;
}

otlp::Excerpt excerpt_of(const Rules& rules) {
  otlp::Excerpt out = rules.item.excerpt();
  out.add(rules.part.excerpt());
  if (!rules.part.empty()) out.parts = out.parts | Parts::children;
  return out;
}

ottl::Conditions& place(Rules& rules, ContextId context, Signal signal) {
  if (context == ContextId::resource) return rules.resource;
  if (context == ContextId::scope) return rules.scope;
  return context == contexts_of(signal).item ? rules.item : rules.part;
}

Result<ContextId> named_context(const Block& block, Signal signal) {
  ContextId out{};
  std::string name = to_lower(block.context);
  auto& known = contexts_of(signal).all;
  if (name == "instrumentation_scope" || !ottl::context_from(name, out) || std::find(known.begin(), known.end(), out) == known.end())
    return fail(Errc::config, "unknown context \"{}\" for {}", block.context, to_string(signal));
  return out;
}

using ByContext = std::map<ContextId, std::vector<std::string>>;

Result<ByContext> by_context(const Block& block, Signal signal, const ottl::Options& options) {
  ByContext out;
  if (!block.context.empty()) {
    WEIR_ASSIGN(ContextId context, named_context(block, signal));
    out[context] = block.conditions;
    return out;
  }
  for (auto& condition : block.conditions) {
    WEIR_ASSIGN(ContextId context, ottl::infer_context({}, std::span(&condition, 1), contexts_of(signal).all, options));
    out[context].push_back(condition);
  }
  return out;
}

}  // namespace

std::span<const config::FieldInfo> Block::fields() {
  using config::field;
  static const std::array rows{
      field<&Block::context>("context", "What the conditions are about: resource, scope, span, spanevent, metric, datapoint or log. "
                             "When absent, the paths of each condition tell it."),
      field<&Block::conditions>("conditions", "OTTL conditions; one that holds is enough."),
      field<&Block::error_mode>("error_mode", "As above, for this block."),
  };
  return rows;
}

Result<ConditionBlocks> ConditionBlocks::decode(const config::Value& value, config::Context& context) {
  ConditionBlocks out;
  if (value.is_null()) return out;
  if (!value.is_list()) return fail(Errc::config, "must be a list, not {}", value.describe());
  out.given = true;
  std::size_t texts = 0;
  for (auto& item : value.items()) {
    if (item.is_null() && !item.is_text()) return fail(Errc::config, "condition cannot be empty");
    texts += item.is_text();
  }
  if (texts != 0 && texts != value.size()) return fail(Errc::config, "conditions and blocks cannot be mixed in one list");
  if (texts == 0) {
    config::decode(value, out.blocks, context);
    return out;
  }
  Block flat;
  config::decode(value, flat.conditions, context);
  out.blocks.push_back(std::move(flat));
  out.flat = true;
  return out;
}

config::Value ConditionBlocks::encode() const {
  config::Value out = config::Value::list();
  for (auto& block : blocks) out.push_back(config::to_value(block));
  return out;
}

Result<Rules> Rules::make(const Block& block, Signal signal, ottl::ErrorMode standard) {
  Rules out;
  out.error_mode = block.error_mode.value_or(standard);
  ottl::Options options{.caller = ottl::Callers::filter, .prefixed = block.context.empty()};
  WEIR_ASSIGN(ByContext lists, by_context(block, signal, options));
  for (auto& [context, conditions] : lists) {
    WEIR_ASSIGN(place(out, context, signal), ottl::Conditions::compile(context, conditions, options));
  }
  out.excerpt = excerpt_of(out);
  return out;
}

Result<Rules> Rules::make(List resource, List item, List part, Signal signal, ottl::ErrorMode mode) {
  Rules out;
  out.error_mode = mode;
  ottl::Options options{.caller = ottl::Callers::filter};
  auto& contexts = contexts_of(signal);
  if (resource) {
    WEIR_ASSIGN(out.resource, ottl::Conditions::compile(ContextId::resource, *resource, options));
  }
  if (item) {
    WEIR_ASSIGN(out.item, ottl::Conditions::compile(contexts.item, *item, options));
  }
  if (part && contexts.part) {
    WEIR_ASSIGN(out.part, ottl::Conditions::compile(*contexts.part, *part, options));
  }
  out.excerpt = excerpt_of(out);
  return out;
}

}  // namespace weir::processors::filter

// Matching and taking apart texts by patterns.
#include "base/number.h"
#include "ottl/function.h"
#include "ottl/text/grok.h"
#include "ottl/text/pattern.h"
#include "ottl/quick_tests.h"

namespace weir::ottl {
namespace {

bool is_match(EvalContext& c, const Call& call, Value& out) {
  const Pattern* pattern = PatternArg::get(c, call, 1);
  if (pattern == nullptr) return false;
  std::string_view text;
  bool found;
  if (!call.text_like(c, 0, text, found)) return false;
  return out.set(found && pattern->matches(text)), true;
}

TestNodePtr match_test(const Call& call, NodePtr& node) {
  const Pattern* pattern = PatternArg::fixed(call);
  return pattern != nullptr ? quick_match(*call[0].node, *pattern, node) : nullptr;
}

bool extract_patterns(EvalContext& c, const Call& call, Value& out) {
  const Pattern* pattern = PatternArg::get(c, call, 1);
  if (pattern == nullptr) return false;
  auto& names = pattern->names();
  if (std::all_of(names.begin(), names.end(), [](auto& name) { return name.empty(); }))
    return c.fail("at least 1 named capture group must be supplied in the given regex");
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  auto* map = c.scratch().make<otlp::Attributes>();
  std::vector<std::string_view> found;
  if (pattern->find(text, 0, found))
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!names[i].empty()) map->set(c.scratch(), names[i], otlp::Value::of(found[i + 1]));
  return out = Value::of(map), true;
}

// ---- ExtractGrokPatterns(target, pattern, named only?, [definitions]?)
struct PreparedGrok : Prepared {
  std::optional<Grok> grok;
  std::vector<std::string> definitions;
  bool named_only = false;
  std::string latest;
};

Result<> prepare_grok(Call& call) {
  auto out = std::make_unique<PreparedGrok>();
  for (auto& item : call[3].items) out->definitions.emplace_back(item->constant()->text);
  out->named_only = call.given(2) && call.constant(2)->boolean;
  if (const Value* pattern = call.constant(1)) {
    WEIR_ASSIGN(out->grok, Grok::make(pattern->text, out->named_only, out->definitions));
  }
  call.prepared = std::move(out);
  return {};
}

bool extract_grok(EvalContext& c, const Call& call, Value& out) {
  auto& prepared = static_cast<PreparedGrok&>(*call.prepared);
  if (call.constant(1) == nullptr) {
    std::string_view pattern;
    if (!call.text(c, 1, pattern)) return false;
    if (!prepared.grok || prepared.latest != pattern) {
      auto made = Grok::make(pattern, prepared.named_only, prepared.definitions);
      if (!made) return c.fail("{}", made.error().what);
      prepared.grok = std::move(*made);
      prepared.latest = pattern;
    }
  }
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  auto* map = c.scratch().make<otlp::Attributes>();
  if (!prepared.grok->extract(text, c.scratch(), *map, c.error)) return false;
  return out = Value::of(map), true;
}

bool logarithm(EvalContext& c, const Call& call, Value& out) {
  double value;
  bool found;
  if (!call.real_like(c, 0, value, found)) return false;
  if (!found) return c.fail("invalid input: <nil>");
  if (!(value > 0)) return c.fail("invalid input: expected number greater than zero but got {}", value);
  return out = Value::of(go_log(value)), true;
}

}  // namespace

std::span<const FunctionInfo> pattern_functions() {
  static const std::array rows{
      FunctionInfo{.name = "IsMatch", .doc = "Whether a regex is found in the value as text; false for nil.",
                   .params = {{"target", Takes::text_like}, {"pattern", Takes::text}}, .run = is_match,
                   .prepare = [](Call& call) { return PatternArg::prepare(call, 1); }, .test = match_test},
      FunctionInfo{"ExtractPatterns", "The named groups of a regex as a map; empty when the text does not match.",
                   {{"target", Takes::text}, {"pattern", Takes::text}}, extract_patterns, [](Call& call) { return PatternArg::prepare(call, 1); }},
      FunctionInfo{"ExtractGrokPatterns", "The captures of a grok pattern (%{NUMBER:bytes:int}) as a map; empty when the text does not match.",
                   {{"target", Takes::text}, {"pattern", Takes::text}, {"namedCapturesOnly", Takes::literal_boolean, true},
                    {"patternDefinitions", Takes::literal_text_list, true}}, extract_grok, prepare_grok},
      FunctionInfo{"Log", "The natural logarithm.", {{"target", Takes::real_like}}, logarithm},
  };
  return rows;
}

}  // namespace weir::ottl

// Editors that replace text.
#include "ottl/function.h"
#include "ottl/map_builder.h"
#include "ottl/text/pattern.h"

namespace weir::ottl {
namespace {

using otlp::Attributes;
using otlp::KeyValue;

// Arguments function and replacementFormat, which all four share.
class Shaping {
 public:
  Shaping(const Call& call, std::size_t function) : call_(call), function_(function) {}
  bool active() const { return call_.given(function_); }

  // What is put in place of a match, given the expanded replacement.
  bool apply(EvalContext& c, std::string_view text, std::string& out) const {
    const Arg& arg = call_[function_];
    c.locals[arg.function_slot] = c.scratch_text(text);
    Value made;
    if (!arg.function->eval(c, made)) return false;
    if (!made.is(Kind::text)) return c.fail("the replacement value must be a string");
    if (!call_.given(function_ + 1)) return out += made.text, true;
    std::string_view format;
    if (!call_.text(c, function_ + 1, format)) return false;
    return formatted(c, format, made.text, out);
  }

 private:
  // Exactly one %s and no other verb; a second %s is answered as Go does.
  static bool formatted(EvalContext& c, std::string_view format, std::string_view text, std::string& out) {
    bool used = false;
    for (std::size_t i = 0; i < format.size(); ++i) {
      if (format[i] != '%') {
        out += format[i];
        continue;
      }
      if (i + 1 >= format.size() || format[++i] != 's') return bad_format(c);
      out += used ? "%!s(MISSING)" : text;
      used = true;
    }
    return used || bad_format(c);
  }
  static bool bad_format(EvalContext& c) { return c.fail("replacementFormat must contain a single %s and no other format specifier"); }

  const Call& call_;
  std::size_t function_;
};

// `text` with all matches replaced, in `out`; `changed` is false when nothing matched.
bool replace_matches(EvalContext& c, const Pattern& regex, std::string_view text, std::string_view replacement, const Shaping& shaping,
                     std::string& out, bool& changed) {
  std::size_t done = 0;
  bool good = true;
  changed = false;
  regex.each_match(text, [&](const std::vector<std::string_view>& found, std::size_t begin) {
    out += text.substr(done, begin - done);
    done = begin + found[0].size();
    changed = true;
    if (!shaping.active()) return regex.expand(replacement, found, out), true;
    std::string expanded;
    regex.expand(replacement, found, expanded);
    return good = shaping.apply(c, expanded, out);
  });
  if (changed) out += text.substr(done);
  return good;
}

bool replace_pattern(EvalContext& c, const Call& call, Value&) {
  Value target;
  std::string_view replacement;
  if (!call[0].path->eval(c, target)) return false;
  if (target.nil()) return true;
  if (!call.text(c, 2, replacement)) return false;
  if (!target.is(Kind::text)) return true;
  const Pattern* regex = PatternArg::get(c, call, 1);
  if (regex == nullptr) return false;
  std::string out;
  bool changed;
  if (!replace_matches(c, *regex, target.text, replacement, Shaping(call, 3), out, changed)) return false;
  return !changed || call[0].path->assign(c, Value::of(std::string_view(out)));
}

bool replace_match(EvalContext& c, const Call& call, Value&) {
  Value target;
  std::string_view replacement;
  if (!call[0].path->eval(c, target) || !call.text(c, 2, replacement)) return false;
  if (!target.is(Kind::text)) return true;
  const Pattern* glob = PatternArg::get(c, call, 1);
  if (glob == nullptr) return false;
  if (!glob->matches(target.text)) return true;
  Shaping shaping(call, 3);
  if (!shaping.active()) return call[0].path->assign(c, Value::of(replacement));
  std::string out;
  return shaping.apply(c, replacement, out) && call[0].path->assign(c, Value::of(std::string_view(out)));
}

bool replace_all_matches(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  std::string_view replacement;
  if (!call.map(c, 0, map) || !call.text(c, 2, replacement)) return false;
  const Pattern* glob = PatternArg::get(c, call, 1);
  if (glob == nullptr) return false;
  Shaping shaping(call, 3);
  std::string out(replacement);
  bool shaped = !shaping.active();
  for (KeyValue& kv : *map) {
    if (!kv.value.is(otlp::ValueType::string) || !glob->matches(kv.value.text)) continue;
    if (!shaped) {
      out.clear();
      if (!shaping.apply(c, replacement, out)) return false;
      shaped = true;
    }
    call.changed(c, 0);
    kv.value = otlp::Value::of(c.arena().copy(out));
  }
  return true;
}

// replace_all_patterns(map, mode, regex, replacement, function?, format?)
Result<> check_mode(Call& call) {
  std::string_view mode = call.constant(1)->text;
  if (mode != "key" && mode != "value") return fail(Errc::config, "invalid mode {}, must be either 'key' or 'value'", mode);
  return PatternArg::prepare(call, 2);
}

bool replace_in_values(EvalContext& c, const Call& call, const Pattern& regex, Attributes& map, std::string_view replacement) {
  for (KeyValue& kv : map) {
    if (!kv.value.is(otlp::ValueType::string)) continue;
    std::string out;
    bool changed;
    if (!replace_matches(c, regex, kv.value.text, replacement, Shaping(call, 4), out, changed)) return false;
    if (!changed) continue;
    call.changed(c, 0);
    kv.value = otlp::Value::of(c.arena().copy(out));
  }
  return true;
}

// Two keys that become one: the later entry's value stays, in the first one's place.
bool replace_in_keys(EvalContext& c, const Call& call, const Pattern& regex, Attributes& map, std::string_view replacement) {
  Attributes renamed;
  MapBuilder builder(renamed, c.arena());
  bool any = false;
  for (const KeyValue& kv : map) {
    std::string out;
    bool changed;
    if (!replace_matches(c, regex, kv.key, replacement, Shaping(call, 4), out, changed)) return false;
    any |= changed;
    builder.set(changed ? c.arena().copy(out) : kv.key, kv.value);
  }
  if (!any) return true;
  call.changed(c, 0);
  map = renamed;
  return true;
}

bool replace_all_patterns(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  std::string_view replacement;
  if (!call.map(c, 0, map) || !call.text(c, 3, replacement)) return false;
  const Pattern* regex = PatternArg::get(c, call, 2);
  if (regex == nullptr) return false;
  if (call.constant(1)->text == "value") return replace_in_values(c, call, *regex, *map, replacement);
  return replace_in_keys(c, call, *regex, *map, replacement);
}

}  // namespace

std::span<const FunctionInfo> replace_functions() {
  static const std::array rows{
      FunctionInfo{"replace_pattern", "Replaces every part of a text that matches a regex; the replacement may use $1 and ${name}.",
                   {{"target", Takes::target}, {"regexPattern", Takes::text}, {"replacement", Takes::text}, {"function", Takes::function, true},
                    {"replacementFormat", Takes::text, true}}, replace_pattern, [](Call& call) { return PatternArg::prepare(call, 1); }},
      FunctionInfo{"replace_match", "Replaces a text that matches a glob pattern as a whole.",
                   {{"target", Takes::target}, {"pattern", Takes::text}, {"replacement", Takes::text}, {"function", Takes::function, true},
                    {"replacementFormat", Takes::text, true}}, replace_match, [](Call& call) { return PatternArg::prepare(call, 1, true); }},
      FunctionInfo{"replace_all_matches", "Replaces the text values of a map that match a glob pattern as a whole.",
                   {{"target", Takes::map_target}, {"pattern", Takes::text}, {"replacement", Takes::text}, {"function", Takes::function, true},
                    {"replacementFormat", Takes::text, true}}, replace_all_matches, [](Call& call) { return PatternArg::prepare(call, 1, true); }},
      FunctionInfo{"replace_all_patterns", "Replaces what matches a regex in all keys (mode key) or all text values (mode value) of a map.",
                   {{"target", Takes::map_target}, {"mode", Takes::literal_text}, {"regexPattern", Takes::text}, {"replacement", Takes::text},
                    {"function", Takes::function, true}, {"replacementFormat", Takes::text, true}}, replace_all_patterns, check_mode},
  };
  return rows;
}

}  // namespace weir::ottl

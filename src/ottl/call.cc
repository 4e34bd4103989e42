// How calls get at their arguments.
#include <cmath>

#include "base/number.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

constexpr std::array<std::string_view, 6> true_words = {"1", "t", "T", "true", "TRUE", "True"};
constexpr std::array<std::string_view, 6> false_words = {"0", "f", "F", "false", "FALSE", "False"};

}  // namespace

bool plain_list(const Value& list) {
  if (list.part == Part::partial_list) return false;
  if (list.part != Part::written_list) return true;
  return std::none_of(list.list->begin(), list.list->end(), [](auto& item) { return item.is(otlp::ValueType::map); });
}

bool Call::text(EvalContext& c, std::size_t i, Value& out) const {
  if (!value(c, i, out)) return false;
  return out.is(Kind::text) || c.expected("string", out);
}
bool Call::text(EvalContext& c, std::size_t i, std::string_view& out) const {
  Value v;
  if (!text(c, i, v)) return false;
  return out = v.text, true;
}
bool Call::integer(EvalContext& c, std::size_t i, std::int64_t& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  return v.is(Kind::integer) ? (out = v.integer, true) : c.expected("int64", v);
}
bool Call::real(EvalContext& c, std::size_t i, double& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  return v.is(Kind::real) ? (out = v.real, true) : c.expected("float64", v);
}
bool Call::boolean(EvalContext& c, std::size_t i, bool& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  return v.is(Kind::boolean) ? (out = v.boolean, true) : c.expected("bool", v);
}
bool Call::time(EvalContext& c, std::size_t i, Value& out) const {
  if (!value(c, i, out)) return false;
  return out.is(Kind::time) || c.expected("time.Time", out);
}
bool Call::duration(EvalContext& c, std::size_t i, std::int64_t& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  return v.is(Kind::duration) ? (out = v.integer, true) : c.expected("time.Duration", v);
}
bool Call::map(EvalContext& c, std::size_t i, otlp::Attributes*& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  return v.is(Kind::map) ? (out = v.map, true) : c.expected("pcommon.Map", v);
}
bool Call::list(EvalContext& c, std::size_t i, otlp::Array*& out) const {
  Value v;
  if (!value(c, i, v)) return false;
  if (!v.is(Kind::list)) return c.expected("pcommon.Slice", v);
  if (!plain_list(v)) return c.fail("a list that is written out cannot hold maps here");
  return out = v.list, true;
}

bool Call::text_like(EvalContext& c, const Node& node, std::string_view& out, bool& found) const {
  const otlp::Value* there = node.find(c);
  if (there != nullptr && there->is(otlp::ValueType::string)) return out = there->text, found = true, true;
  Value v;
  if (!node.eval(c, v)) return false;
  found = to_text(v, c.scratch(), out);
  // JSON has no word for them, and then no text for all of the value.
  bool unwritable = v.is(Kind::real) ? !std::isfinite(v.real) : (v.is(Kind::map) || v.is(Kind::list)) && out.empty();
  if (unwritable) return c.fail("NaN and infinities have no JSON");
  return true;
}
bool Call::text_like(EvalContext& c, std::size_t i, std::string_view& out, bool& found) const {
  return text_like(c, *args_[i].node, out, found);
}

bool Call::integer_like(EvalContext& c, std::size_t i, std::int64_t& out, bool& found) const {
  Value v;
  if (!value(c, i, v)) return false;
  found = true;
  switch (v.kind) {
    case Kind::integer: out = v.integer; break;
    case Kind::real: out = go_int_of(v.real); break;
    case Kind::boolean: out = v.boolean; break;
    case Kind::text: {
      auto parsed = parse_go_int(v.text);
      found = parsed.has_value();
      if (found) out = *parsed;
      break;
    }
    case Kind::nil: found = false; break;
    default: return c.fail("unsupported type: {}", ottl::to_string(v.kind));
  }
  return true;
}

bool Call::real_like(EvalContext& c, std::size_t i, double& out, bool& found) const {
  Value v;
  if (!value(c, i, v)) return false;
  found = true;
  switch (v.kind) {
    case Kind::integer: out = static_cast<double>(v.integer); break;
    case Kind::real: out = v.real; break;
    case Kind::boolean: out = v.boolean; break;
    case Kind::text: {
      auto parsed = parse_go_double(v.text);
      if (!parsed) return c.fail("cannot parse \"{}\" as a number", v.text);
      out = *parsed;
      break;
    }
    case Kind::nil: found = false; break;
    default: return c.fail("unsupported type: {}", ottl::to_string(v.kind));
  }
  return true;
}

bool Call::boolean_like(EvalContext& c, std::size_t i, bool& out, bool& found) const {
  Value v;
  if (!value(c, i, v)) return false;
  found = true;
  switch (v.kind) {
    case Kind::boolean: out = v.boolean; break;
    case Kind::integer: out = v.integer != 0; break;
    case Kind::real: out = v.real != 0; break;
    case Kind::text:
      out = std::find(true_words.begin(), true_words.end(), v.text) != true_words.end();
      if (!out && std::find(false_words.begin(), false_words.end(), v.text) == false_words.end())
        return c.fail("cannot parse \"{}\" as a bool", v.text);
      break;
    case Kind::nil: found = false; break;
    default: return c.fail("unsupported type: {}", ottl::to_string(v.kind));
  }
  return true;
}

bool convertible(const Value& value, Takes takes, std::string& reason) {
  static const FunctionInfo nothing{.name = "", .doc = "", .params = {}, .run = nullptr};
  std::vector<Arg> args(1);
  args[0].node = std::make_unique<LiteralNode>(value);
  Call call(nothing, std::move(args));
  Arena arena;
  ManualClock clock;
  Rng rng(0);
  EvalContext context(arena, clock, rng);
  std::int64_t integer;
  double real;
  bool boolean, found;
  bool good = takes == Takes::integer_like ? call.integer_like(context, 0, integer, found)
              : takes == Takes::real_like  ? call.real_like(context, 0, real, found)
                                           : call.boolean_like(context, 0, boolean, found);
  if (!good) reason = context.error;
  return good;
}

}  // namespace weir::ottl

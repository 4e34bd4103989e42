// How calls get at their arguments.
#include <charconv>
#include <cmath>

#include "ottl/function.h"

namespace weir::ottl {
namespace {

// Go's ParseFloat: decimal or 0x…p… with underscores between digits, inf, infinity, nan.
bool parse_real(std::string_view text, double& out) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::string digits;
  bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (hex) text.remove_prefix(2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    bool between = i + 1 < text.size() && (i > 0 || hex) && text[i + 1] != '_';
    if (!between) return false;
  }
  if (digits.empty() || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ') return false;
  if (hex && digits.find_first_of("pP") == std::string::npos) return false;
  if (!hex && (digits.starts_with("nan(") || digits.starts_with("NAN("))) return false;
  auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out, hex ? std::chars_format::hex : std::chars_format::general);
  if (end != digits.data() + digits.size()) return false;
  if (wrong == std::errc::result_out_of_range) {
    // Too small is zero or denormal, which is fine; too large is not.
    out = std::strtod((hex ? "0x" + digits : digits).c_str(), nullptr);
    if (std::isinf(out)) return false;
  } else if (wrong != std::errc{}) {
    return false;
  }
  if (negative) out = -out;
  return true;
}

bool parse_integer(std::string_view text, std::int64_t& out) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  return wrong == std::errc{} && end == text.data() + text.size();
}

std::int64_t truncated(double value) {
  // Out of range is what amd64 makes of it, and with it the collector.
  if (!(value > -9.3e18 && value < 9.3e18) || value >= 9223372036854775808.0 || value < -9223372036854775808.0)
    return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

constexpr std::array<std::string_view, 6> true_words = {"1", "t", "T", "true", "TRUE", "True"};
constexpr std::array<std::string_view, 6> false_words = {"0", "f", "F", "false", "FALSE", "False"};

}  // namespace

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
  return v.is(Kind::list) ? (out = v.list, true) : c.expected("pcommon.Slice", v);
}

bool Call::text_like(EvalContext& c, const Node& node, std::string_view& out, bool& found) const {
  Value v;
  if (!node.eval(c, v)) return false;
  if (v.is(Kind::opaque)) return c.fail("unsupported type: {}", ottl::to_string(v.kind));
  found = to_text(v, c.scratch(), out);
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
    case Kind::real: out = truncated(v.real); break;
    case Kind::boolean: out = v.boolean; break;
    case Kind::text: found = parse_integer(v.text, out); break;
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
    case Kind::text:
      if (!parse_real(v.text, out)) return c.fail("cannot parse \"{}\" as a number", v.text);
      break;
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

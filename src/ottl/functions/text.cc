// Converters from text to text.
#include "base/text.h"
#include "ottl/text/encoding.h"
#include "ottl/function.h"
#include "ottl/text/go_format.h"
#include "ottl/text/unicode.h"

namespace weir::ottl {
namespace {

bool concat(EvalContext& c, const Call& call, Value& out) {
  std::string_view delimiter;
  if (!call.text(c, 1, delimiter)) return false;
  auto& items = call[0].items;
  std::span<std::string_view> parts(c.scratch().array<std::string_view>(items.size()), items.size());
  std::size_t size = items.empty() ? 0 : (items.size() - 1) * delimiter.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    bool found;
    if (!call.text_like(c, *items[i], parts[i], found)) return false;
    if (!found) parts[i] = "<nil>";
    size += parts[i].size();
  }
  char* const begin = c.scratch().array<char>(size);
  char* to = begin;
  auto put = [&](std::string_view text) { to = std::copy(text.begin(), text.end(), to); };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i) put(delimiter);
    put(parts[i]);
  }
  return out = Value::of(std::string_view(begin, size)), true;
}

template <std::string (*convert)(std::string_view)>
bool converted(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  return out = c.scratch_text(convert(text)), true;
}

using Conversion = std::string (*)(std::string_view);
Conversion case_named(std::string_view name) {
  if (name == "lower") return to_lower_case;
  if (name == "upper") return to_upper_case;
  if (name == "snake") return to_snake_case;
  return name == "camel" ? to_camel_case : nullptr;
}
Result<> check_case(Call& call) {
  std::string_view name = call.constant(1)->text;
  if (case_named(name) == nullptr) return fail(Errc::config, "invalid case: {}, allowed cases are: lower, upper, snake, camel", name);
  return {};
}
bool convert_case(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  return out = c.scratch_text(case_named(call.constant(1)->text)(text)), true;
}

bool has_prefix(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, prefix;
  if (!call.text(c, 0, text) || !call.text(c, 1, prefix)) return false;
  return out = Value::of(text.starts_with(prefix)), true;
}
bool has_suffix(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, suffix;
  if (!call.text(c, 0, text) || !call.text(c, 1, suffix)) return false;
  return out = Value::of(text.ends_with(suffix)), true;
}

bool trim_prefix(EvalContext& c, const Call& call, Value& out) {
  std::string_view prefix;
  if (!call.text(c, 0, out) || !call.text(c, 1, prefix)) return false;
  if (out.text.starts_with(prefix)) out.text.remove_prefix(prefix.size());
  return true;
}
bool trim_suffix(EvalContext& c, const Call& call, Value& out) {
  std::string_view suffix;
  if (!call.text(c, 0, out) || !call.text(c, 1, suffix)) return false;
  if (out.text.ends_with(suffix)) out.text.remove_suffix(suffix.size());
  return true;
}

// Cuts all characters of a set off both ends.
bool trim_set(EvalContext& c, const Call& call, Value& out) {
  if (!call.text(c, 0, out)) return false;
  std::string_view set = call.given(1) ? call.constant(1)->text : " ", &text = out.text;
  auto in_set = [&](std::string_view rune) { return set.find(rune) != std::string_view::npos; };
  while (!text.empty()) {
    std::string_view rest = text;
    take_rune(rest);
    if (!in_set(text.substr(0, text.size() - rest.size()))) break;
    text = rest;
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    if (!in_set(text.substr(begin))) break;
    text.remove_suffix(text.size() - begin);
  }
  return true;
}

bool split_text(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, delimiter;
  if (!call.text(c, 0, text) || !call.text(c, 1, delimiter)) return false;
  auto* list = c.scratch().make<otlp::Array>();
  auto add = [&](std::string_view part) { list->push_back(c.scratch(), otlp::Value::of(part)); };
  if (delimiter.empty()) {
    while (!text.empty()) {
      std::string_view rest = text;
      take_rune(rest);
      add(text.substr(0, text.size() - rest.size()));
      text = rest;
    }
  } else {
    for (std::size_t end; (end = text.find(delimiter)) != std::string_view::npos; text.remove_prefix(end + delimiter.size()))
      add(text.substr(0, end));
    add(text);
  }
  out = Value::of(list);
  return out.part = Part::texts, true;
}

bool substring(EvalContext& c, const Call& call, Value& out) {
  std::int64_t start, length;
  if (!call.integer(c, 1, start)) return false;
  if (start < 0) return c.fail("invalid start for substring function, {} cannot be negative", start);
  if (!call.integer(c, 2, length)) return false;
  if (length <= 0) return c.fail("invalid length for substring function, {} cannot be negative or zero", length);
  if (!call.text(c, 0, out)) return false;
  std::string_view text = out.text;
  auto size = static_cast<std::int64_t>(text.size());
  if (start > size || length > size - start)
    return c.fail("invalid range for substring function, start({})+length({}) cannot be greater than the length of target string({})", start, length, size);
  std::int64_t end = start + length;
  if (call.given(3) && call.constant(3)->boolean) {
    auto inside = [&](std::int64_t at) { return at < size && (text[static_cast<std::size_t>(at)] & 0xC0) == 0x80; };
    while (inside(start)) ++start;
    while (end > start && inside(end)) --end;
  }
  out.text = end > start ? text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start)) : std::string_view{};
  return true;
}

bool format(EvalContext& c, const Call& call, Value& out) {
  std::vector<Value> values;
  for (auto& item : call[1].items)
    if (!item->eval(c, values.emplace_back())) return false;
  return out = c.scratch_text(go_format(call.constant(0)->text, values, c.scratch())), true;
}

bool base64_encode(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, variant = "base64";
  std::string encoded;
  if (!call.text(c, 0, text) || !call.optional_text(c, 1, variant)) return false;
  if (!encode_base64_variant(variant, text, encoded)) return c.fail("unsupported base64 variant: {}", variant);
  return out = c.scratch_text(encoded), true;
}

// Decode(value, encoding)
Result<> check_decode(Call& call) {
  if (const Value* name = call.constant(1); name && !known_encoding(name->text))
    return fail(Errc::config, "unsupported encoding '{}'", name->text);
  return {};
}
bool decode_as(EvalContext& c, const Value& value, std::string_view encoding, Value& out) {
  if (!value.is(Kind::text) && !value.is(Kind::bytes)) return c.fail("unsupported type provided to Decode function: {}", to_string(value.kind));
  std::string decoded, wrong;
  if (!decode_text(encoding, value.text, decoded, wrong)) return c.fail("could not decode: {}", wrong);
  return out = c.scratch_text(decoded), true;
}
bool decode(EvalContext& c, const Call& call, Value& out) {
  Value value;
  std::string_view encoding;
  return call.value(c, 0, value) && call.text(c, 1, encoding) && decode_as(c, value, encoding, out);
}
bool base64_decode(EvalContext& c, const Call& call, Value& out) {
  Value value;
  return call.text(c, 0, value) && decode_as(c, value, "base64", out);
}

}  // namespace

std::span<const FunctionInfo> text_functions() {
  static const std::array rows{
      FunctionInfo{"Concat", "The values as text, joined by the delimiter; nil is written <nil>.",
                   {{"vals", Takes::text_like_list}, {"delimiter", Takes::text}}, concat},
      FunctionInfo{"ConvertCase", "The text in another case: lower, upper, snake or camel (which starts with a capital).",
                   {{"target", Takes::text}, {"toCase", Takes::literal_text}}, convert_case, check_case},
      FunctionInfo{"ToLowerCase", "The text in lower case.", {{"target", Takes::text}}, converted<to_lower_case>},
      FunctionInfo{"ToUpperCase", "The text in upper case.", {{"target", Takes::text}}, converted<to_upper_case>},
      FunctionInfo{"ToSnakeCase", "The text as words in lower case, joined by underscores.", {{"target", Takes::text}}, converted<to_snake_case>},
      FunctionInfo{"ToCamelCase", "The text as words with capitals, joined without anything.", {{"target", Takes::text}}, converted<to_camel_case>},
      FunctionInfo{"HasPrefix", "Whether the text starts with the prefix.", {{"target", Takes::text}, {"prefix", Takes::text}}, has_prefix},
      FunctionInfo{"HasSuffix", "Whether the text ends with the suffix.", {{"target", Takes::text}, {"suffix", Takes::text}}, has_suffix},
      FunctionInfo{"TrimPrefix", "The text without the prefix, if it has it.", {{"target", Takes::text}, {"prefix", Takes::text}}, trim_prefix},
      FunctionInfo{"TrimSuffix", "The text without the suffix, if it has it.", {{"target", Takes::text}, {"suffix", Takes::text}}, trim_suffix},
      FunctionInfo{"Trim", "The text without the characters of the set (default: a space) at both ends.",
                   {{"target", Takes::text}, {"replacement", Takes::literal_text, true}}, trim_set},
      FunctionInfo{"Split", "The parts of the text between delimiters, as a list.", {{"target", Takes::text}, {"delimiter", Takes::text}}, split_text},
      FunctionInfo{"Substring", "The bytes from start on, that many; utf8_safe moves both ends to character boundaries.",
                   {{"target", Takes::text}, {"start", Takes::integer}, {"length", Takes::integer}, {"utf8_safe", Takes::literal_boolean, true}}, substring},
      FunctionInfo{"Format", "The arguments in a Go format string (%d, %5.2f, %v, …).",
                   {{"format", Takes::literal_text}, {"vals", Takes::any_list}}, format},
      FunctionInfo{"Base64Encode", "The text in base64; variants base64, base64-raw, base64-url, base64-raw-url.",
                   {{"target", Takes::text}, {"variant", Takes::text, true}}, base64_encode},
      FunctionInfo{"Base64Decode", "The text that a base64 text stands for (older name of Decode with base64).", {{"target", Takes::text}}, base64_decode},
      FunctionInfo{"Decode", "Text or bytes in some encoding (base64 variants or an IANA name such as iso-8859-1) as text.",
                   {{"target", Takes::any}, {"encoding", Takes::text}}, decode, check_decode},
  };
  return rows;
}

}  // namespace weir::ottl

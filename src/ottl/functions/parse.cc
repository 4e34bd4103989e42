// Texts with structure, as maps.
#include <charconv>

#include "base/text.h"
#include "ottl/text/csv.h"
#include "ottl/function.h"
#include "ottl/map_builder.h"
#include "ottl/text/json.h"
#include "ottl/text/unicode.h"

namespace weir::ottl {
namespace {

using otlp::Attributes;
using otlp::ValueType;

bool json(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  auto parsed = parse_json(text, c.scratch());
  if (!parsed) return c.fail("{}", parsed.error().what);
  if (!parsed->is(ValueType::map) && !parsed->is(ValueType::array)) return c.fail("could not convert parsed value to a JSON object");
  return out = Value::of(*parsed, c.scratch(), false), true;
}

// ---- ParseInt(target, base)
int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// The base that a prefix stands for, removed from `digits`.
int take_base(std::string_view& digits) {
  auto prefix = [&](char letter) { return digits.size() > 2 && digits[0] == '0' && (digits[1] | 32) == letter; };
  int base = prefix('b') ? 2 : prefix('o') ? 8 : prefix('x') ? 16 : 0;
  if (base != 0) return digits.remove_prefix(2), base;
  if (digits.size() > 1 && digits[0] == '0') return digits.remove_prefix(1), 8;
  return 10;
}

bool parse_in_base(std::string_view text, std::int64_t base, std::int64_t& out) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::string_view digits = text;
  bool underscores = base == 0;
  bool after_digit = false;
  if (base == 0) {
    base = take_base(digits);
    after_digit = digits.size() < text.size();  // an underscore may follow the prefix
  }
  unsigned __int128 value = 0, most = static_cast<unsigned __int128>(1) << 63;
  if (digits.empty()) return false;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] == '_' && underscores && after_digit && i + 1 < digits.size()) {
      after_digit = false;
      continue;
    }
    int digit = digit_value(digits[i]);
    if (digit >= base) return false;
    value = value * static_cast<unsigned>(base) + static_cast<unsigned>(digit);
    if (value > most) return false;
    after_digit = true;
  }
  if (!negative && value == most) return false;
  out = static_cast<std::int64_t>(negative ? -static_cast<__int128>(value) : static_cast<__int128>(value));
  return true;
}

bool integer(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  std::int64_t base, value;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return c.fail("invalid target value for ParseInt function, target cannot be empty");
  if (!call.integer(c, 1, base)) return false;
  if (base < 0) return c.fail("invalid base value: {} for ParseInt function, base cannot be negative", base);
  if (base == 1 || base > 36) return c.fail("invalid base {}", base);
  if (!parse_in_base(text, base, value)) return c.fail("parsing \"{}\": invalid or out of range in base {}", text, base);
  return out = Value::of(value), true;
}

// ---- ParseCSV(target, header, delimiter?, header delimiter?, mode?)
std::string_view csv_delimiter(const Call& call, std::size_t i, std::string_view standard) { return call.given(i) ? call.constant(i)->text : standard; }

bool one_character(std::string_view text) {
  if (text.empty()) return false;
  take_rune(text);
  return text.empty();
}

Result<> check_csv(Call& call) {
  if (!one_character(csv_delimiter(call, 2, ","))) return fail(Errc::config, "delimiter must be a single character");
  if (!one_character(csv_delimiter(call, 3, ","))) return fail(Errc::config, "header_delimiter must be a single character");
  std::string_view mode = csv_delimiter(call, 4, "strict");
  if (mode != "strict" && mode != "lazyQuotes" && mode != "ignoreQuotes") return fail(Errc::config, "unknown mode: {}", mode);
  return {};
}

void split_plain(std::string_view text, std::string_view delimiter, std::vector<std::string>& out) {
  for (std::size_t end; (end = text.find(delimiter)) != std::string_view::npos; text.remove_prefix(end + delimiter.size())) out.emplace_back(text.substr(0, end));
  out.emplace_back(text);
}

bool csv(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, header;
  if (!call.text(c, 0, text) || !call.text(c, 1, header)) return false;
  std::string_view delimiter = csv_delimiter(call, 2, ","), header_delimiter = csv_delimiter(call, 3, delimiter), mode = csv_delimiter(call, 4, "strict");
  if (header.empty()) return c.fail("headers must not be an empty string");
  std::vector<std::string> names, fields;
  split_plain(header, header_delimiter, names);
  if (mode == "ignoreQuotes")
    split_plain(text, delimiter, fields);
  else if (!split_csv_row(text, delimiter, mode == "lazyQuotes", fields))
    return c.fail("no csv line found, or a quote where none can be");
  if (fields.size() != names.size()) return c.fail("wrong number of fields: expected {}, found {}", names.size(), fields.size());
  auto* map = c.scratch().make<Attributes>();
  MapBuilder builder(*map, c.scratch());
  for (std::size_t i = 0; i < names.size(); ++i) builder.set(c.scratch().copy(names[i]), otlp::Value::of(c.scratch().copy(fields[i])));
  return out = Value::of(map), true;
}

// ---- ParseKeyValue(target, delimiter?, pair delimiter?)
Result<> check_delimiters(Call& call) {
  std::string_view delimiter = csv_delimiter(call, 1, "="), pair = csv_delimiter(call, 2, " ");
  if (delimiter.empty()) return fail(Errc::config, "delimiter cannot be set to an empty string");
  if (pair.empty()) return fail(Errc::config, "pair delimiter cannot be set to an empty string");
  if (delimiter == pair) return fail(Errc::config, "pair delimiter \"{}\" cannot be equal to delimiter \"{}\"", pair, delimiter);
  return {};
}

// Cuts at delimiters outside quotes; quotes are dropped.
bool split_pairs(std::string_view text, std::string_view delimiter, std::vector<std::string>& out) {
  std::string current;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size();) {
    char ch = text[i];
    if (quote == '\0' && text.substr(i).starts_with(delimiter)) {
      if (!current.empty()) out.push_back(std::exchange(current, {}));
      i += delimiter.size();
      continue;
    }
    bool escaped = i > 0 && text[i - 1] == '\\';
    if ((ch == '"' || ch == '\'') && !escaped && (quote == '\0' || quote == ch))
      quote = quote == '\0' ? ch : '\0';
    else
      current += ch;
    ++i;
  }
  if (quote != '\0') return false;
  if (!current.empty()) out.push_back(std::move(current));
  return true;
}

bool key_value(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return c.fail("cannot parse from empty target");
  std::string_view delimiter = csv_delimiter(call, 1, "="), pair_delimiter = csv_delimiter(call, 2, " ");
  std::vector<std::string> pairs;
  if (!split_pairs(text, pair_delimiter, pairs)) return c.fail("splitting into pairs failed: never reached the end of a quoted value");
  auto* map = c.scratch().make<Attributes>();
  MapBuilder builder(*map, c.scratch());
  for (auto& pair : pairs) {
    std::size_t at = pair.find(delimiter);
    if (at == std::string::npos) return c.fail("failed to split pairs into key-values: cannot split \"{}\" into 2 items, got 1 item(s)", pair);
    std::string_view key = trim_space(std::string_view(pair).substr(0, at)), value = trim_space(std::string_view(pair).substr(at + delimiter.size()));
    builder.set(c.scratch().copy(key), otlp::Value::of(c.scratch().copy(value)));
  }
  return out = Value::of(map), true;
}

// ---- ParseSeverity(target, {level: [{equals: […]}, {range: {min, max}}, {range: "2xx"}]})
bool range_of(EvalContext& c, otlp::Value& range, std::int64_t& min, std::int64_t& max) {
  if (range.is(ValueType::string)) {
    bool known = range.text.size() == 3 && range.text[0] >= '2' && range.text[0] <= '5' && range.text.substr(1) == "xx";
    if (!known) return c.fail("unknown range placeholder: {}", range.text);
    min = (range.text[0] - '0') * 100;
    max = min + 99;
    return true;
  }
  if (!range.is(ValueType::map)) return c.fail("range must be a map or a placeholder");
  for (auto [name, to] : {std::pair<std::string_view, std::int64_t*>{"min", &min}, {"max", &max}}) {
    otlp::Value* found = range.map(c.arena()).find(name);
    if (found == nullptr) return c.fail("range must have a {} value", name);
    if (!found->is(ValueType::integer)) return c.fail("{} must be an int64", name);
    *to = found->integer;
  }
  return true;
}

// Whether one {equals: …} or {range: …} holds; `matches` is set even when it is not for this type.
bool criterion_holds(EvalContext& c, Attributes& criterion, const Value& value, bool& matches) {
  matches = false;
  if (otlp::Value* equals = criterion.find("equals")) {
    if (!equals->is(ValueType::array)) return c.fail("equals must be a list");
    for (otlp::Value& one : equals->array(c.arena())) {
      if (!one.is(ValueType::string)) return c.fail("equals values must be strings");
      matches |= value.is(Kind::text) && one.text == value.text;
    }
  }
  if (otlp::Value* range = criterion.find("range")) {
    std::int64_t min, max;
    if (!range_of(c, *range, min, max)) return false;
    matches |= value.is(Kind::integer) && value.integer >= min && value.integer <= max;
  }
  return true;
}

bool severity(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.value(c, 0, value)) return false;
  const Value* mapping = call.constant(1);
  if (mapping == nullptr) return c.fail("severity mapping must be written out");
  if (!value.is(Kind::text) && !value.is(Kind::integer)) return c.fail("could not map log level: unsupported value type: {}", to_string(value.kind));
  for (auto& kv : *mapping->map) {
    if (!kv.value.is(ValueType::array)) return c.fail("severity mapping criteria must be a list");
    for (otlp::Value& item : kv.value.array(c.arena())) {
      if (!item.is(ValueType::map)) return c.fail("severity mapping criteria items must be maps");
      bool matches;
      if (!criterion_holds(c, item.map(c.arena()), value, matches)) return false;
      if (matches) return out = Value::of(kv.key), true;
    }
  }
  return c.fail("could not map log level: no matching log level found");
}

}  // namespace

std::span<const FunctionInfo> parse_functions() {
  static const std::array rows{
      FunctionInfo{"ParseJSON", "The map or list that a JSON text stands for; all numbers become doubles.", {{"target", Takes::text}}, json},
      FunctionInfo{"ParseInt", "The int that a text stands for in a base (2 to 36); 0 takes the base from a prefix like 0x.",
                   {{"target", Takes::text}, {"base", Takes::integer}}, integer},
      FunctionInfo{"ParseCSV", "One line of CSV as a map by the names in the header; modes strict, lazyQuotes, ignoreQuotes.",
                   {{"target", Takes::text}, {"header", Takes::text}, {"delimiter", Takes::literal_text, true}, {"headerDelimiter", Takes::literal_text, true},
                    {"mode", Takes::literal_text, true}}, csv, check_csv},
      FunctionInfo{"ParseKeyValue", "Pairs like k1=v1 k2='v 2' as a map.",
                   {{"target", Takes::text}, {"delimiter", Takes::literal_text, true}, {"pair_delimiter", Takes::literal_text, true}}, key_value, check_delimiters},
      FunctionInfo{"ParseSeverity", "The level whose criteria a text or number meets: {\"error\": [{\"equals\": [\"err\"]}, {\"range\": {\"min\": 500, \"max\": 599}}]}.",
                   {{"target", Takes::any}, {"mapping", Takes::map}}, severity},
  };
  return rows;
}

}  // namespace weir::ottl

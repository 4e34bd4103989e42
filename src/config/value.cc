#include "config/value.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir::config {
namespace {

constexpr std::size_t shown_bytes = 60;  // of a value in a message

bool any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// [-+]? then digits with at most one dot and an exponent; what YAML calls a float. No "inf", no hex, no spaces.
bool looks_like_float(std::string_view text) {
  std::size_t i = 0, digits = 0;
  auto skip_digits = [&] {
    std::size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - start;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  digits += skip_digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (skip_digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<std::uint64_t> parse_magnitude(std::string_view digits) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    char second = digits[1] | 0x20;
    base = second == 'x' ? 16 : second == 'b' ? 2 : 8;
    digits.remove_prefix(second == 'x' || second == 'b' || second == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  return value;
}

std::optional<Value> parse_number(std::string_view text) {
  char first = text[0];
  if (!(first >= '0' && first <= '9') && first != '-' && first != '+' && first != '.') return {};
  std::string digits(text);
  std::erase(digits, '_');
  bool negative = first == '-';
  std::string_view magnitude = digits;
  if (first == '-' || first == '+') magnitude.remove_prefix(1);
  if (any_of(magnitude, {".inf", ".Inf", ".INF"})) return Value::of(negative ? -HUGE_VAL : HUGE_VAL);
  if (any_of(digits, {".nan", ".NaN", ".NAN"})) return Value::of(std::nan(""));
  if (!magnitude.empty() && magnitude[0] >= '0' && magnitude[0] <= '9') {
    constexpr std::uint64_t top = std::uint64_t{1} << 63;
    if (auto value = parse_magnitude(magnitude)) {
      if (negative && *value <= top) return Value::of(static_cast<std::int64_t>(~*value + 1));
      if (!negative && *value < top) return Value::of(static_cast<std::int64_t>(*value));
      if (!negative) return Value::of(*value);
    }
  }
  if (!looks_like_float(digits)) return {};
  double value = 0;
  auto from = digits.data() + (first == '+' ? 1 : 0);
  // Out of range leaves 0 or infinity to the reader: strtod's answer, which from_chars does not give.
  if (std::from_chars(from, digits.data() + digits.size(), value).ec != std::errc{})
    value = std::strtod(digits.c_str(), nullptr);
  return Value::of(value);
}

void append_json(std::string& out, const Value& value) {
  using Kind = Value::Kind;
  switch (value.kind()) {
    case Kind::null: out += "null"; break;
    case Kind::boolean: out += value.as_bool() ? "true" : "false"; break;
    case Kind::integer: out += fmt::format("{}", value.as_int()); break;
    case Kind::unsigned_integer: out += fmt::format("{}", value.as_uint()); break;
    case Kind::number:
      if (std::isfinite(value.as_double())) out += format_double(value.as_double());
      else append_json_string(out, format_double(value.as_double()));
      break;
    case Kind::string: append_json_string(out, value.text()); break;
    case Kind::list:
      out += '[';
      for (auto& item : value.items()) {
        if (out.back() != '[') out += ',';
        append_json(out, item);
      }
      out += ']';
      break;
    case Kind::map:
      out += '{';
      for (auto& entry : value.entries()) {
        if (out.back() != '{') out += ',';
        append_json_string(out, entry.key);
        out += ':';
        append_json(out, entry.value);
      }
      out += '}';
      break;
  }
}

// Without quotes only when it cannot be read as anything but this string.
std::string yaml_string(std::string_view text) {
  auto simple = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '/' || c == '.';
  };
  bool plain = !text.empty() && text[0] != '-' && text[0] != '.' && std::all_of(text.begin(), text.end(), simple) &&
               Value::plain(std::string(text)).kind() == Value::Kind::string &&
               !any_of(to_lower(text), {"yes", "no", "on", "off", "y", "n"});
  return plain ? std::string(text) : quote_json(text);
}

// Longer keys than 1024 bytes YAML takes only behind a question mark.
std::string yaml_key(const std::string& key, const std::string& pad) {
  std::string written = pad + yaml_string(key);
  return written.size() < 1000 ? written : pad + "? " + written.substr(pad.size()) + "\n" + pad;
}

void append_yaml(std::string& out, const Value& value, std::size_t indent) {
  std::string pad(indent, ' ');
  auto append_below = [&](const Value& child) {
    bool nested = child.size() != 0;
    out += nested ? "\n" : " ";
    append_yaml(out, child, nested ? indent + 2 : 0);
  };
  if (value.is_map() && value.size() != 0) {
    for (auto& entry : value.entries()) {
      out += yaml_key(entry.key, pad) + ":";
      append_below(entry.value);
    }
  } else if (value.is_list() && value.size() != 0) {
    for (auto& item : value.items()) {
      out += pad + "-";
      append_below(item);
    }
  } else if (value.kind() == Value::Kind::string) {
    out += yaml_string(value.text()) + "\n";
  } else if (value.kind() == Value::Kind::number && !std::isfinite(value.as_double())) {
    out += std::isnan(value.as_double()) ? ".nan\n" : value.as_double() > 0 ? ".inf\n" : "-.inf\n";
  } else if (value.kind() == Value::Kind::number && value.as_double() == 0) {
    out += std::signbit(value.as_double()) ? "-0.0\n" : "0\n";  // "-0" would be the integer
  } else {
    append_json(out, value);
    out += '\n';
  }
}

}  // namespace

std::string Mark::to_string() const {
  if (!source) return {};
  if (line == 0) return source->name;
  return fmt::format("{}:{}:{}", source->name, line, column);
}

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value Value::null(Mark mark) {
  Value out;
  out.mark_ = std::move(mark);
  return out;
}

Value Value::of(bool value, Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::boolean;
  out.scalar_.boolean = value;
  out.text_ = value ? "true" : "false";
  return out;
}

Value Value::of(std::int64_t value, Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::integer;
  out.scalar_.integer = value;
  out.text_ = fmt::format("{}", value);
  return out;
}

Value Value::of(std::uint64_t value, Mark mark) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return of(static_cast<std::int64_t>(value), std::move(mark));
  Value out = null(std::move(mark));
  out.kind_ = Kind::unsigned_integer;
  out.scalar_.unsigned_integer = value;
  out.text_ = fmt::format("{}", value);
  return out;
}

Value Value::of(double value, Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::number;
  out.scalar_.number = value;
  out.text_ = format_double(value);
  return out;
}

Value Value::string(std::string text, Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::string;
  out.text_ = std::move(text);
  return out;
}

Value Value::list(Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::list;
  return out;
}

Value Value::map(Mark mark) {
  Value out = null(std::move(mark));
  out.kind_ = Kind::map;
  return out;
}

Value Value::plain(std::string text, Mark mark) {
  Value out;
  if (any_of(text, {"", "~", "null", "Null", "NULL"})) {
    // A null.
  } else if (any_of(text, {"true", "True", "TRUE"})) {
    out = of(true);
  } else if (any_of(text, {"false", "False", "FALSE"})) {
    out = of(false);
  } else if (auto number = parse_number(text)) {
    out = std::move(*number);
  } else {
    out.kind_ = Kind::string;
  }
  out.text_ = std::move(text);
  out.mark_ = std::move(mark);
  return out;
}

double Value::as_double() const {
  if (kind_ == Kind::integer) return static_cast<double>(scalar_.integer);
  if (kind_ == Kind::unsigned_integer) return static_cast<double>(scalar_.unsigned_integer);
  return scalar_.number;
}

bool Value::is_too_long_a_number() const {
  if (quoted_ || (kind_ != Kind::number && kind_ != Kind::string)) return false;
  std::string_view digits = text_;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  std::string_view allowed = "0123456789_";
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) allowed = "0123456789abcdefABCDEF_";
  if (digits.size() > 2 && digits[0] == '0' && std::string_view("xXoObB").find(digits[1]) != std::string_view::npos) digits.remove_prefix(2);
  // Shorter texts are something else: 08 is no octal number.
  constexpr std::size_t digits_of_64_bits = 16;
  return digits.size() >= digits_of_64_bits && digits[0] != '_' && digits.find_first_not_of(allowed) == digits.npos;
}

std::size_t Value::size() const { return kind_ == Kind::list ? items_.size() : entries_.size(); }

const Entry* Value::entry(std::string_view key) const {
  auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

const Value* Value::get(std::string_view key) const {
  auto* found = entry(key);
  return found ? &found->value : nullptr;
}

Value* Value::get(std::string_view key) { return const_cast<Value*>(std::as_const(*this).get(key)); }

const Value* Value::find(std::string_view path) const {
  const Value* at = this;
  while (at) {
    auto end = path.find("::");
    auto step = path.substr(0, end);
    if (at->is_list()) {
      std::size_t index = 0;
      auto [stop, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      bool valid = error == std::errc{} && stop == step.data() + step.size() && index < at->items_.size();
      at = valid ? &at->items_[index] : nullptr;
    } else {
      at = at->get(step);
    }
    if (end == path.npos) return at;
    path.remove_prefix(end + 2);
  }
  return nullptr;
}

Value& Value::set(std::string_view key, Value value, Mark key_mark) {
  if (is_null()) kind_ = Kind::map;
  if (Value* old = get(key)) return *old = std::move(value);
  return entries_.emplace_back(Entry{std::string(key), std::move(key_mark), std::move(value)}).value;
}

Value& Value::push_back(Value value) {
  if (is_null()) kind_ = Kind::list;
  return items_.emplace_back(std::move(value));
}

std::string Value::describe() const {
  auto cut = [&] {
    std::size_t end = std::min(shown_bytes, text_.size());
    while (end < text_.size() && end > 0 && (text_[end] & 0xC0) == 0x80) --end;
    return text_.substr(0, end) + (end < text_.size() ? "..." : "");
  };
  switch (kind_) {
    case Kind::null: return "null";
    case Kind::boolean: return "the boolean " + cut();
    case Kind::integer:
    case Kind::unsigned_integer:
    case Kind::number: return "the number " + cut();
    case Kind::string: return "the string '" + cut() + "'";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
  }
  return {};
}

Value::Weight Value::weight() const {
  Weight total{1, text_.size()};
  auto add = [&](const Value& child) {
    Weight w = child.weight();
    total.nodes += w.nodes;
    total.bytes += w.bytes;
  };
  for (auto& item : items_) add(item);
  for (auto& entry : entries_) {
    add(entry.value);
    total.bytes += entry.key.size();
  }
  return total;
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::null: return true;
    case Value::Kind::boolean: return a.as_bool() == b.as_bool();
    case Value::Kind::integer: return a.as_int() == b.as_int();
    case Value::Kind::unsigned_integer: return a.as_uint() == b.as_uint();
    case Value::Kind::number: return a.as_double() == b.as_double();
    case Value::Kind::string: return a.text() == b.text();
    case Value::Kind::list: return a.items() == b.items();
    case Value::Kind::map: break;
  }
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Entry& entry) {
    auto* other = b.get(entry.key);
    return other && entry.value == *other;
  });
}

void merge(Value& base, Value over, bool append_lists) {
  if (append_lists && base.is_list() && over.is_list()) {
    for (auto& item : over.items())
      if (std::find(base.items().begin(), base.items().end(), item) == base.items().end()) base.push_back(std::move(item));
    return;
  }
  if (!base.is_map() || !over.is_map()) {
    base = std::move(over);
    return;
  }
  for (auto& entry : over.entries()) {
    if (Value* old = base.get(entry.key)) merge(*old, std::move(entry.value), append_lists);
    else base.set(entry.key, std::move(entry.value), std::move(entry.mark));
  }
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_yaml(const Value& value) {
  std::string out;
  append_yaml(out, value, 0);
  return out;
}

}  // namespace weir::config

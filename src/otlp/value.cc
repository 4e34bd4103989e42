#include <map>

#include "base/text.h"
#include "base/utf8.h"
#include "otlp/codec.h"

namespace weir::otlp {
namespace {

// Arrays and maps in this file are read without an arena at hand, so a raw one is decoded into a local arena.
const Array& items_of(const Value& value, Arena& scratch) {
  Value copy = value;
  return copy.array(scratch);
}
const Attributes& fields_of(const Value& value, Arena& scratch) {
  Value copy = value;
  return copy.map(scratch);
}

// As Go's JSON encoder writes text, HTML left alone.
void append_go_string(std::string& out, std::string_view text) {
  constexpr std::string_view special = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  out += '"';
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = utf8_length(p + i, text.size() - i);
    std::string_view character = text.substr(i, std::max<std::size_t>(n, 1));
    if (auto at = special.find(text[i]); at != special.npos) {
      out += '\\';
      out += letters[at];
    } else if (p[i] < 0x20) {
      out += fmt::format("\\u{:04x}", p[i]);
    } else if (n == 0) {
      out += "\\ufffd";
    } else if (character == "\u2028" || character == "\u2029") {
      out += character.back() == '\xA8' ? "\\u2028" : "\\u2029";
    } else {
      out += character;
    }
    i += character.size();
  }
  out += '"';
}

// False when there is a number that JSON has no word for.
bool append_json(std::string& out, const Value& value, Arena& scratch) {
  switch (value.type) {
    case ValueType::empty: out += "null"; return true;
    case ValueType::string: append_go_string(out, value.text); return true;
    case ValueType::boolean: out += value.boolean ? "true" : "false"; return true;
    case ValueType::integer: out += fmt::format("{}", value.integer); return true;
    case ValueType::real: out += format_json_double(value.real); return std::isfinite(value.real);
    case ValueType::bytes: out += value.text.empty() ? "null" : '"' + encode_base64(value.text) + '"'; return true;
    case ValueType::array: {
      out += '[';
      bool first = true;
      for (const Value& item : items_of(value, scratch)) {
        if (!std::exchange(first, false)) out += ',';
        if (!append_json(out, item, scratch)) return false;
      }
      out += ']';
      return true;
    }
    case ValueType::map: {
      const Attributes& fields = fields_of(value, scratch);
      std::vector<const KeyValue*> sorted;
      for (auto& kv : fields) sorted.push_back(&kv);
      std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->key < b->key; });
      out += '{';
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i) out += ',';
        append_go_string(out, sorted[i]->key);
        out += ':';
        if (!append_json(out, sorted[i]->value, scratch)) return false;
      }
      out += '}';
      return true;
    }
  }
  return true;
}

bool equal_in(const Value& a, const Value& b, Arena& scratch) {
  if (a.type != b.type) return false;
  switch (a.type) {
    case ValueType::empty: return true;
    case ValueType::string:
    case ValueType::bytes: return a.text == b.text;
    case ValueType::boolean: return a.boolean == b.boolean;
    case ValueType::integer: return a.integer == b.integer;
    case ValueType::real: return a.real == b.real;
    case ValueType::array: {
      const Array &x = items_of(a, scratch), &y = items_of(b, scratch);
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [&](const Value& p, const Value& q) { return equal_in(p, q, scratch); });
    }
    case ValueType::map: {
      const Attributes &x = fields_of(a, scratch), &y = fields_of(b, scratch);
      if (x.size() != y.size()) return false;
      constexpr std::size_t small = 32;
      std::map<std::string_view, const Value*> index;  // of what is large: in order, so that no choice of keys makes it slow
      if (y.size() > small)
        for (auto& kv : y) index.emplace(kv.key, &kv.value);
      for (auto& kv : x) {
        auto at = index.find(kv.key);
        const Value* other = y.size() <= small ? y.find(kv.key) : at == index.end() ? nullptr : at->second;
        if (other == nullptr || !equal_in(kv.value, *other, scratch)) return false;
      }
      return true;
    }
  }
  return false;
}

}  // namespace

weir::otlp::Array& Value::array(Arena& arena) {
  if (raw) {
    auto* decoded = arena.make<Array>();
    Reader reader(text);
    while (reader.next()) {
      if (reader.field() == 1)
        decode(reader.bytes(), arena, decoded->push_back(arena, {}));
      else
        reader.skip();
    }
    *this = of(decoded);
  }
  return *items;
}

Attributes& Value::map(Arena& arena) {
  if (raw) {
    auto* decoded = arena.make<Attributes>();
    Reader reader(text);
    while (reader.next()) {
      if (reader.field() == 1)
        decoded->push_back(arena, decode_key_value(reader.bytes(), arena));
      else
        reader.skip();
    }
    *this = of(decoded);
  }
  return *fields;
}

Value Value::deep_copy(Arena& arena) const {
  Value out = *this;
  switch (type) {
    case ValueType::string:
    case ValueType::bytes: out.text = arena.copy(text); return out;
    case ValueType::array: {
      if (raw) return out.text = arena.copy(text), out;
      out.items = arena.make<Array>();
      for (const Value& item : *items) out.items->push_back(arena, item.deep_copy(arena));
      return out;
    }
    case ValueType::map: {
      if (raw) return out.text = arena.copy(text), out;
      out.fields = arena.make<Attributes>();
      for (const KeyValue& kv : *fields) out.fields->push_back(arena, {arena.copy(kv.key), kv.value.deep_copy(arena)});
      return out;
    }
    default: return out;
  }
}

// Arrays and maps with NaN or an infinity in them, which JSON cannot say, are empty, as the collector prints them.
std::string to_text(const Value& value) {
  switch (value.type) {
    case ValueType::empty: return "";
    case ValueType::string: return std::string(value.text);
    case ValueType::bytes: return encode_base64(value.text);
    default: break;
  }
  Arena scratch;
  std::string out;
  bool whole = append_json(out, value, scratch);
  bool container = value.is(ValueType::array) || value.is(ValueType::map);
  return whole || !container ? out : "";
}

bool equal(const Value& a, const Value& b) {
  Arena scratch;
  return equal_in(a, b, scratch);
}

}  // namespace weir::otlp

#include "base/text.h"
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

// Go's encoding/json also escapes these three.
void append_go_string(std::string& out, std::string_view text) {
  std::string quoted = quote_json(text);
  for (char c : quoted) {
    if (c == '<')
      out += "\\u003c";
    else if (c == '>')
      out += "\\u003e";
    else if (c == '&')
      out += "\\u0026";
    else
      out += c;
  }
}

void append_json(std::string& out, const Value& value, Arena& scratch) {
  switch (value.type) {
    case ValueType::empty: out += "null"; return;
    case ValueType::string: append_go_string(out, value.text); return;
    case ValueType::boolean: out += value.boolean ? "true" : "false"; return;
    case ValueType::integer: out += fmt::format("{}", value.integer); return;
    case ValueType::real: out += format_json_double(value.real); return;
    case ValueType::bytes: out += '"' + encode_base64(value.text) + '"'; return;
    case ValueType::array: {
      out += '[';
      bool first = true;
      for (const Value& item : items_of(value, scratch)) {
        if (!std::exchange(first, false)) out += ',';
        append_json(out, item, scratch);
      }
      out += ']';
      return;
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
        append_json(out, sorted[i]->value, scratch);
      }
      out += '}';
      return;
    }
  }
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
      for (auto& kv : x) {
        const Value* other = y.find(kv.key);
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

std::string to_text(const Value& value) {
  switch (value.type) {
    case ValueType::empty: return "";
    case ValueType::string: return std::string(value.text);
    case ValueType::bytes: return encode_base64(value.text);
    default: {
      Arena scratch;
      std::string out;
      append_json(out, value, scratch);
      return out;
    }
  }
}

bool equal(const Value& a, const Value& b) {
  Arena scratch;
  return equal_in(a, b, scratch);
}

}  // namespace weir::otlp

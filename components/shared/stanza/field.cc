#include "components/shared/stanza/field.h"

namespace weir::stanza {
namespace {

using Root = Field::Root;

// body.a["b.c"] in its parts.
Result<std::vector<std::string>> split_field(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  bool first = true;
  while (at < text.size()) {
    if (text[at] == '[') {
      if (at + 1 >= text.size()) return fail(Errc::config, "found unclosed left bracket");
      char quote = text[at + 1];
      if (quote != '\'' && quote != '"') return fail(Errc::config, "strings in brackets must be surrounded by quotes");
      std::size_t end = text.find(quote, at + 2);
      if (end == std::string_view::npos) return fail(Errc::config, "found unclosed {} quote", quote == '"' ? "double" : "single");
      parts.emplace_back(text.substr(at + 2, end - at - 2));
      if (end + 1 >= text.size()) return fail(Errc::config, "found unclosed left bracket");
      if (text[end + 1] != ']') return fail(Errc::config, "found characters between closed quote and closing bracket");
      at = end + 2;
      if (at < text.size() && text[at] != '.' && text[at] != '[')
        return fail(Errc::config, "bracketed access must be followed by a dot or another bracketed access");
    } else {
      if (!first) ++at;  // the dot
      std::size_t end = std::min(text.find_first_of(".[", at), text.size());
      parts.emplace_back(text.substr(at, end - at));
      at = end;
      if (at + 1 == text.size() && text[at] == '.') parts.emplace_back(), ++at;
    }
    first = false;
  }
  if (parts.empty()) return fail(Errc::config, "a field cannot be empty");
  return parts;
}

Attributes* map_in(Value& value, Arena& arena) { return value.is(ValueType::map) ? &value.map(arena) : nullptr; }

Value empty_map(Arena& arena) { return Value::of(arena.make<Attributes>()); }

}  // namespace

Result<Field> Field::parse(std::string_view text, bool rootable) {
  WEIR_ASSIGN(auto parts, split_field(text));
  Root root = parts[0] == "body" ? Root::body : parts[0] == "attributes" ? Root::attributes : parts[0] == "resource" ? Root::resource : Root::none;
  if (root == Root::none) return fail(Errc::config, "\"{}\": a field begins with body, attributes or resource", text);
  if (root != Root::body && parts.size() == 1 && !rootable) return fail(Errc::config, "{} cannot be referenced without subfield", parts[0]);
  parts.erase(parts.begin());
  return Field(root, std::move(parts));
}

Result<Field> Field::decode(const config::Value& value, config::Context&) {
  if (!value.is_scalar()) return fail(Errc::config, "expected a field, got {}", value.describe());
  return parse(value.text());
}

Result<RootableField> RootableField::decode(const config::Value& value, config::Context&) {
  if (!value.is_scalar()) return fail(Errc::config, "expected a field, got {}", value.describe());
  WEIR_ASSIGN(Field field, parse(value.text(), true));
  return RootableField(std::move(field));
}

std::string Field::to_string() const {
  if (root_ == Root::none) return "";
  std::string out = root_ == Root::body ? "body" : root_ == Root::attributes ? "attributes" : "resource";
  bool dots = std::any_of(keys_.begin(), keys_.end(), [](auto& key) { return key.find('.') != key.npos; });
  for (auto& key : keys_) out += dots ? "['" + key + "']" : "." + key;
  return out;
}

Attributes* Field::parent(Entry& entry, Arena& arena, std::size_t depth, bool make) const {
  Attributes* map = attributes_of(entry);
  if (map == nullptr) {
    if (!entry.body.is(ValueType::map)) {
      if (!make) return nullptr;
      entry.body = empty_map(arena);
    }
    map = &entry.body.map(arena);
  }
  for (std::size_t i = 0; i < depth; ++i) {
    Value* next = map->find(keys_[i]);
    if (next == nullptr) {
      if (!make) return nullptr;
      next = &map->push_back(arena, {keys_[i], empty_map(arena)}).value;
    } else if (!next->is(ValueType::map)) {
      if (!make) return nullptr;
      *next = empty_map(arena);
    }
    map = &next->map(arena);
  }
  return map;
}

Value* Field::find(Entry& entry, Arena& arena) const {
  if (keys_.empty()) return root_ == Root::body ? &entry.body : nullptr;
  Attributes* map = keys_.size() == 1 && root_ != Root::body ? attributes_of(entry) : parent(entry, arena, keys_.size() - 1, false);
  return map ? map->find(keys_.back()) : nullptr;
}

bool Field::get(Entry& entry, Arena& arena, Value& out) const {
  if (keys_.empty() && root_ != Root::body) return out = Value::of(attributes_of(entry)), true;
  Value* found = find(entry, arena);
  return found && (out = *found, true);
}

Result<> Field::set(Entry& entry, const Value& value, Arena& arena) const {
  Value copy = value;
  if (Attributes* fields = map_in(copy, arena)) {
    // The map that is merged into may be a part of what is merged, and the other way round.
    Attributes from = *fields;
    merge(*parent(entry, arena, keys_.size(), true), from, arena);
    return {};
  }
  if (keys_.empty()) {
    if (root_ != Root::body) return fail(Errc::permanent, "cannot set {} root", root_ == Root::resource ? "resource" : "attributes");
    entry.body = value;
    return {};
  }
  parent(entry, arena, keys_.size() - 1, true)->set(arena, keys_.back(), value);
  return {};
}

bool Field::take(Entry& entry, Arena& arena, Value& out) const {
  if (keys_.empty()) {
    if (root_ == Root::body) {
      out = std::exchange(entry.body, Value());
    } else {
      Attributes* all = attributes_of(entry);
      out = Value::of(arena.make<Attributes>(*all));
      *all = {};
    }
    return true;
  }
  Attributes* map = parent(entry, arena, keys_.size() - 1, false);
  if (map == nullptr) return false;
  for (std::size_t i = 0; i < map->size(); ++i) {
    if ((*map)[i].key != keys_.back()) continue;
    out = (*map)[i].value;
    map->erase(i);
    return true;
  }
  return false;
}

}  // namespace weir::stanza

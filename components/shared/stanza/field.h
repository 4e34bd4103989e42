#pragma once
// A place in an entry, as operators name it: body, body.a.b, attributes["k.with.dots"], resource.k.
#include "components/shared/stanza/entry.h"
#include "config/field.h"

namespace weir::stanza {

class Field {
 public:
  static constexpr std::string_view config_type = "field";
  enum class Root : std::uint8_t { none, body, attributes, resource };

  Field() = default;  // names nothing
  Field(Root root, std::vector<std::string> keys) : root_(root), keys_(std::move(keys)) {}
  // Errc::config when it is no field; whole attributes and resources only where `rootable`.
  static Result<Field> parse(std::string_view text, bool rootable = false);
  static Result<Field> decode(const config::Value& value, config::Context& context);
  config::Value encode() const { return config::Value::string(to_string()); }

  bool empty() const { return root_ == Root::none; }
  Root root() const { return root_; }
  const std::vector<std::string>& keys() const { return keys_; }
  std::string to_string() const;

  // Null when there is nothing. What is found may be changed in place.
  Value* find(Entry& entry, Arena& arena) const;
  // The same for whole attributes or resources, too.
  bool get(Entry& entry, Arena& arena, Value& out) const;
  // A map is merged into what is there; maps on the way are made. Fails only for a whole attributes or resource that
  // would be something else than a map.
  Result<> set(Entry& entry, const Value& value, Arena& arena) const;
  // False when there was nothing. `out` gets what was taken out.
  bool take(Entry& entry, Arena& arena, Value& out) const;

  bool operator==(const Field&) const = default;

 private:
  Attributes* attributes_of(Entry& entry) const {
    return root_ == Root::attributes ? &entry.attributes : root_ == Root::resource ? &entry.resource : nullptr;
  }
  // The map that the last key is in; null when there is none and it is not to be made.
  Attributes* parent(Entry& entry, Arena& arena, std::size_t depth, bool make) const;

  Root root_ = Root::none;
  std::vector<std::string> keys_;
};

// A field that may be a whole attributes or resource.
struct RootableField : Field {
  RootableField() = default;
  explicit RootableField(Field field) : Field(std::move(field)) {}
  static Result<RootableField> decode(const config::Value& value, config::Context& context);
};

}  // namespace weir::stanza

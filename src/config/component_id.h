#pragma once
// `type` or `type/name`, as components are called in a configuration.
#include <string>

#include "base/result.h"

namespace weir::config {

class Context;
class Value;

struct ComponentId {
  static constexpr std::string_view config_type = "component id";

  std::string type, name;

  std::string to_string() const { return name.empty() ? type : type + "/" + name; }
  auto operator<=>(const ComponentId&) const = default;

  // As a setting, e.g. `storage: file_storage/queue`. Null is an empty id.
  static Result<ComponentId> decode(const Value& value, Context& context);
  Value encode() const;
};

// White space around both parts is trimmed. A type is a letter and then letters, digits and underscores, at most 63; a
// name is anything printable, at most 1024 bytes.
Result<ComponentId> parse_component_id(std::string_view text);

}  // namespace weir::config

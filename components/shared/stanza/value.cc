#include "components/shared/stanza/value.h"

#include "components/shared/expressions/node.h"
#include "ottl/map_builder.h"

namespace weir::stanza {

std::string_view type_name(const Value& value) {
  switch (value.type) {
    case ValueType::empty: return "<nil>";
    case ValueType::string: return "string";
    case ValueType::boolean: return "bool";
    case ValueType::integer: return "int";
    case ValueType::real: return "float64";
    case ValueType::bytes: return "[]uint8";
    case ValueType::array: return "[]interface {}";
    case ValueType::map: return "map[string]interface {}";
  }
  return "?";
}

std::string text_of(const Value& value) {
  if (value.is(ValueType::string)) return std::string(value.text);
  Arena scratch;
  Value copy = value;
  return expressions::text_of(ottl::Value::of(copy, scratch, true), scratch);
}

void merge(Attributes& to, const Attributes& from, Arena& arena) {
  ottl::MapBuilder fields(to, arena);
  for (auto& kv : from) fields.set(kv.key, kv.value);
}

}  // namespace weir::stanza

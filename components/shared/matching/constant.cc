#include "components/shared/matching/constant.h"

namespace weir::matching {
namespace {

otlp::Value array_of(const config::Value& value, Arena& arena) {
  auto* out = arena.make<otlp::Array>();
  out->reserve(arena, value.size());
  for (auto& item : value.items()) out->push_back(arena, to_otlp(item, arena));
  return otlp::Value::of(out);
}

otlp::Value map_of(const config::Value& value, Arena& arena) {
  auto* out = arena.make<otlp::Attributes>();
  out->reserve(arena, value.size());
  for (auto& entry : value.entries()) out->push_back(arena, {arena.copy(entry.key), to_otlp(entry.value, arena)});
  return otlp::Value::of(out);
}

}  // namespace

otlp::Value to_otlp(const config::Value& value, Arena& arena) {
  using Kind = config::Value::Kind;
  switch (value.kind()) {
    case Kind::null: return {};
    case Kind::boolean: return otlp::Value::of(value.as_bool());
    case Kind::integer: return otlp::Value::of(value.as_int());
    case Kind::unsigned_integer: return otlp::Value::of(static_cast<std::int64_t>(value.as_uint()));
    case Kind::number: return otlp::Value::of(value.as_double());
    case Kind::string: return otlp::Value::of(arena.copy(value.text()));
    case Kind::list: return array_of(value, arena);
    case Kind::map: return map_of(value, arena);
  }
  return {};
}

}  // namespace weir::matching

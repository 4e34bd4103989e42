#include "kube/json.h"

#include <simdjson.h>

namespace weir::kube {

using config::Value;

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t max_depth = 100;

Value convert(const dom::element& in) {
  switch (in.type()) {
    case dom::element_type::ARRAY: {
      Value out = Value::list();
      for (auto element : dom::array(in)) out.push_back(convert(element));
      return out;
    }
    case dom::element_type::OBJECT: {
      Value out = Value::map();
      for (auto [key, value] : dom::object(in)) out.set(key, convert(value));
      return out;
    }
    case dom::element_type::INT64: return Value::of(std::int64_t(in));
    case dom::element_type::UINT64: return Value::of(std::uint64_t(in));
    case dom::element_type::DOUBLE: return Value::of(double(in));
    case dom::element_type::STRING: return Value::string(std::string(std::string_view(in)));
    case dom::element_type::BOOL: return Value::of(bool(in));
    case dom::element_type::NULL_VALUE: break;
  }
  return Value::null();
}

std::string pointer(const std::string& to, std::string_view key) {
  std::string out = to + "/";
  for (char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

void add(Value& patch, std::string_view operation, const std::string& path, const Value* value) {
  Value step = Value::map();
  step.set("op", Value::string(std::string(operation)));
  step.set("path", Value::string(path));
  if (value != nullptr) step.set("value", *value);
  patch.push_back(std::move(step));
}

void compare(const Value& before, const Value& after, const std::string& path, Value& patch) {
  if (before == after) return;
  if (!before.is_map() || !after.is_map()) return add(patch, "replace", path, &after);
  for (auto& entry : before.entries())
    if (after.get(entry.key) == nullptr) add(patch, "remove", pointer(path, entry.key), nullptr);
  for (auto& entry : after.entries()) {
    const Value* old = before.get(entry.key);
    if (old == nullptr) add(patch, "add", pointer(path, entry.key), &entry.value);
    else compare(*old, entry.value, pointer(path, entry.key), patch);
  }
}

}  // namespace

Result<Value> parse_json(std::string_view text) {
  dom::parser parser;
  if (auto error = parser.allocate(text.size(), max_depth); error != simdjson::SUCCESS) return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  simdjson::padded_string padded(text);
  dom::element root;
  auto error = parser.parse(padded).get(root);
  if (error != simdjson::SUCCESS) return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  return convert(root);
}

Value json_patch(const Value& before, const Value& after) {
  Value patch = Value::list();
  compare(before, after, "", patch);
  return patch;
}

}  // namespace weir::kube

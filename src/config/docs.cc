#include "config/docs.h"

#include "base/text.h"

namespace weir::config {
namespace {

// Sections inside of sections are followed so far; settings that contain themselves would have no end.
constexpr int max_depth = 6;

const TypeInfo& without_optional(const TypeInfo& type) { return type.shape == Shape::optional ? *type.element : type; }

// The innermost type of lists, maps and optionals.
const TypeInfo& innermost(const TypeInfo& type) { return type.element && !type.fields ? innermost(*type.element) : type; }

Value defaults_of(const TypeInfo& type) {
  Value out = Value::map();
  struct State {
    const TypeInfo& type;
    Value& out;
  } state{type, out};
  if (type.with_default)
    type.with_default(
        [](void* s, const void* object) {
          auto& [of, to] = *static_cast<State*>(s);
          TypeInfo plain = of;
          plain.shape = Shape::object;  // also of what prints itself in another form
          to = encode_erased(plain, object);
        },
        &state);
  return out;
}

std::vector<std::string_view> choices_of_field(const FieldInfo& field) {
  std::vector<std::string_view> out;
  const TypeInfo& type = innermost(*field.type);
  if (!field.options.choices.empty()) {
    out = split(field.options.choices, '|');
  } else if (type.shape == Shape::choice) {
    for (auto& choice : type.choices()) out.push_back(choice.name);
  }
  return out;
}

std::string type_name(const TypeInfo& type) {
  switch (type.shape) {
    case Shape::boolean: return "bool";
    case Shape::integer: return "int";
    case Shape::number: return "float";
    case Shape::choice: return "enum";
    case Shape::string: return "string";
    case Shape::secret: return "secret";
    case Shape::duration: return "duration";
    case Shape::byte_size: return "size";
    case Shape::any: return "any";
    case Shape::optional: return type_name(*type.element);
    case Shape::list: return "list of " + type_name(*type.element);
    case Shape::map: return "map of " + type_name(*type.element);
    case Shape::object: return "section";
    case Shape::custom: return type.name.empty() ? "section" : std::string(type.name);
  }
  return "";
}

std::string escape_cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string default_text(const FieldInfo& field, const Value* value) {
  if (field.options.required) return "required";
  if (field.options.secret || innermost(*field.type).shape == Shape::secret) return "";
  if (value == nullptr || value->is_null()) return field.type->shape == Shape::optional ? "off" : "";
  if (value->is_map() || value->is_list()) return value->size() == 0 || value->is_map() ? "" : "`" + escape_cell(to_json(*value)) + "`";
  if (value->text().empty() && value->kind() == Value::Kind::string) return "";
  return "`" + escape_cell(value->kind() == Value::Kind::string ? value->text() : to_json(*value)) + "`";
}

std::string description(const FieldInfo& field) {
  std::string out(field.doc);
  if (field.options.min && field.options.max && field.type && innermost(*field.type).shape != Shape::duration)
    out += fmt::format(" {} to {}.", static_cast<double>(field.options.min->value), static_cast<double>(field.options.max->value));
  auto choices = choices_of_field(field);
  std::erase(choices, "");
  if (choices.size() > 1) out += fmt::format(" One of {}.", fmt::join(choices, ", "));
  if (!field.options.aliases.empty()) out += fmt::format(" Also written {}.", fmt::join(split(field.options.aliases, '|'), ", "));
  if (!field.options.deprecated.empty()) out += fmt::format(" Deprecated: {}.", field.options.deprecated);
  return escape_cell(out);
}

// Settings one after another, as rows of a Markdown table or as text for a terminal.
class TablePrinter {
 public:
  explicit TablePrinter(bool as_text = false) : as_text_(as_text) {}
  void add(std::span<const FieldInfo> fields, const Value& defaults, const std::string& path, int depth) {
    for (auto& field : fields) {
      if (!field.type) {
        ignored_.push_back(path + std::string(field.key));
      } else if (field.key.empty()) {
        add(field.type->fields(), defaults, path, depth);
      } else {
        add_field(field, defaults.get(field.key), path, depth);
      }
    }
  }
  std::string take() {
    if (as_text_) {
      for (auto& key : ignored_) rows_ += fmt::format("  {}: accepted without effect\n", key);
      return std::exchange(rows_, {});
    }
    std::string out = "| setting | type | default | |\n|---|---|---|---|\n" + rows_;
    if (rows_.empty()) out = "There is nothing to set.\n";
    if (!ignored_.empty()) out += fmt::format("\nAccepted without effect: `{}`.\n", fmt::join(ignored_, "`, `"));
    return out;
  }

 private:
  void add_field(const FieldInfo& field, const Value* value, const std::string& path, int depth) {
    std::string key = path + std::string(field.key);
    if (as_text_)
      add_text(field, value, key);
    else
      rows_ += fmt::format("| `{}` | {} | {} | {} |\n", key, type_name(*field.type), default_text(field, value), description(field));
    const TypeInfo& inner = innermost(*field.type);
    bool known = std::find(open_.begin(), open_.end(), inner.fields) != open_.end();
    if (!inner.fields || depth >= max_depth || known) return;
    std::string step = field.type->shape == Shape::list ? "[]" : field.type->shape == Shape::map ? "{}" : "";
    bool there = value && value->is_map() && value->size() > 0 && step.empty();
    open_.push_back(inner.fields);
    add(inner.fields(), there ? *value : defaults_of(inner), key + step + "::", depth + 1);
    open_.pop_back();
  }

  void add_text(const FieldInfo& field, const Value* value, const std::string& key) {
    std::string standard = default_text(field, value);
    std::erase(standard, '`');
    if (!standard.empty() && standard != "required") standard = "default " + standard;
    rows_ += fmt::format("  {}: {}{}{}\n      {}\n", key, type_name(*field.type), standard.empty() ? "" : ", ", standard, description(field));
  }

  bool as_text_;
  std::string rows_;
  std::vector<std::string> ignored_;
  std::vector<std::span<const FieldInfo> (*)()> open_;  // sections around the one being printed
};

Value names(std::initializer_list<std::string_view> words) {
  Value out = Value::list();
  for (auto word : words) out.push_back(Value::string(std::string(word)));
  return out;
}

class SchemaPrinter {
 public:
  Value section(std::span<const FieldInfo> fields, const Value& defaults, int depth) {
    Value properties = Value::map(), required = Value::list();
    add(fields, defaults, properties, required, depth);
    Value out = Value::map();
    out.set("type", names({"object", "null", "string"}));
    out.set("properties", std::move(properties));
    if (required.size() > 0) out.set("required", std::move(required));
    out.set("additionalProperties", Value::of(false));
    return out;
  }

 private:
  void add(std::span<const FieldInfo> fields, const Value& defaults, Value& properties, Value& required, int depth) {
    for (auto& field : fields) {
      if (field.type && field.key.empty()) {
        add(field.type->fields(), defaults, properties, required, depth);
        continue;
      }
      Value one = field.type ? of(*field.type, defaults.get(field.key), depth) : Value::map();
      one.set("description", Value::string(std::string(field.doc)));
      if (!field.type || !field.options.deprecated.empty()) one.set("deprecated", Value::of(true));
      if (field.type) describe(field, defaults.get(field.key), one);
      for (auto alias : split(field.options.aliases, '|'))
        if (!alias.empty()) properties.set(alias, one);
      if (field.options.required && field.options.aliases.empty()) required.push_back(Value::string(std::string(field.key)));
      properties.set(field.key, std::move(one));
    }
  }

  static void describe(const FieldInfo& field, const Value* value, Value& out) {
    Shape shape = without_optional(*field.type).shape;
    if (value && value->is_scalar() && !field.options.secret && shape != Shape::secret && !value->text().empty()) out.set("default", *value);
    if ((shape == Shape::integer || shape == Shape::number) && field.options.min) out.set("minimum", Value::of(static_cast<double>(field.options.min->value)));
    if ((shape == Shape::integer || shape == Shape::number) && field.options.max) out.set("maximum", Value::of(static_cast<double>(field.options.max->value)));
    if (shape != Shape::string && shape != Shape::choice) return;
    auto choices = choices_of_field(field);
    if (choices.empty()) return;
    Value list = Value::list(), either = Value::list(), one = Value::map(), reference = Value::map();
    for (auto choice : choices) list.push_back(Value::string(std::string(choice)));
    one.set("enum", std::move(list));
    reference.set("pattern", Value::string("\\$"));
    either.push_back(std::move(one));
    either.push_back(std::move(reference));
    out.set("anyOf", std::move(either));
  }

  Value of(const TypeInfo& type, const Value* value, int depth) {
    Value out = Value::map();
    switch (type.shape) {
      case Shape::boolean: out.set("type", names({"boolean", "string", "integer", "null"})); break;
      case Shape::integer: out.set("type", names({"integer", "string", "boolean", "null"})); break;
      case Shape::number: out.set("type", names({"number", "string", "null"})); break;
      case Shape::choice:
      case Shape::string:
      case Shape::secret: out.set("type", names({"string", "number", "boolean", "null"})); break;
      case Shape::duration:
      case Shape::byte_size: out.set("type", names({"string", "number", "null"})); break;
      case Shape::optional: return of(*type.element, value, depth);
      case Shape::list:
        out.set("type", names({"array", "string", "number", "object", "null"}));
        out.set("items", of(*type.element, nullptr, depth));
        break;
      case Shape::map:
        out.set("type", names({"object", "string", "null"}));
        out.set("additionalProperties", of(*type.element, nullptr, depth));
        break;
      case Shape::object: return nested(type, value, depth);
      case Shape::any:
      case Shape::custom: break;  // its own syntax: anything
    }
    return out;
  }

  Value nested(const TypeInfo& type, const Value* value, int depth) {
    if (depth >= max_depth || std::find(open_.begin(), open_.end(), type.fields) != open_.end()) return Value::map();
    open_.push_back(type.fields);
    Value out = section(type.fields(), value && value->is_map() ? *value : defaults_of(type), depth + 1);
    open_.pop_back();
    return out;
  }

  std::vector<std::span<const FieldInfo> (*)()> open_;
};

}  // namespace

std::string settings_table(std::span<const FieldInfo> fields, const Value& defaults) {
  TablePrinter printer;
  printer.add(fields, defaults, "", 0);
  return printer.take();
}

std::string settings_text(std::span<const FieldInfo> fields, const Value& defaults) {
  TablePrinter printer(true);
  printer.add(fields, defaults, "", 0);
  return printer.take();
}

Value json_schema(std::span<const FieldInfo> fields, const Value& defaults) {
  return SchemaPrinter().section(fields, defaults, 0);
}

}  // namespace weir::config

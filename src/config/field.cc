#include "config/field.h"

#include <cmath>

#include "base/text.h"

namespace weir::config {

// Says for its lifetime that `value` is the object whose settings are read, for Context::error_at.
class ObjectScope {
 public:
  ObjectScope(Context& context, const Value& value)
      : context_(context), outer_(context.object_), from_(context.read_from_), to_(context.read_to_), first_(context.problems_.all().size()) {
    context.object_ = &value;
    context.read_from_ = context.read_to_ = 0;
  }
  ~ObjectScope() {
    context_.object_ = outer_;
    context_.read_from_ = from_;
    context_.read_to_ = to_;
  }
  // All settings are read: what follows are rules over several of them.
  void read() {
    context_.read_from_ = first_;
    context_.read_to_ = context_.problems_.all().size();
  }

 private:
  Context& context_;
  const Value* outer_;
  std::size_t from_, to_, first_;
};

void Context::report(std::string_view key, std::string message, Severity severity) {
  Mark mark = object_ ? object_->mark() : Mark{};
  const Value* at = object_;
  for (auto rest = key; at && !rest.empty();) {
    auto end = rest.find("::");
    auto step = rest.substr(0, end);
    if (at->is_list()) {
      at = at->find(step);
      if (at) mark = at->mark();
    } else {
      auto* entry = at->entry(step);
      if (entry) mark = entry->mark;
      at = entry ? &entry->value : nullptr;
    }
    rest = end == rest.npos ? "" : rest.substr(end + 2);
  }
  Problems::Scope scope(problems_, key);
  if (severity != Severity::warning && problems_.failed_at(problems_.path(), read_from_, read_to_)) return;
  switch (severity) {
    case Severity::error: return problems_.error(mark, std::move(message));
    case Severity::machine: return problems_.machine_error(mark, std::move(message));
    case Severity::warning: return problems_.warning(mark, std::move(message));
  }
}

namespace {

constexpr FieldOptions no_options;

bool one_of(std::string_view words, std::string_view word) {
  auto all = split(words, '|');
  return !words.empty() && std::find(all.begin(), all.end(), word) != all.end();
}

std::string shown(const Value& value, Context& context) {
  if (!context.problems().secret()) return value.describe();
  return value.is_list() ? "a list" : value.is_map() ? "a map" : "the value given";
}

void expected(std::string_view what, const Value& value, Context& context) {
  context.error(value, "expected {}, got {}", what, shown(value, context));
}

// Older collectors convert silently; a reference's type was not chosen by the user.
void warn_converted(std::string_view what, const Value& value, Context& context) {
  if (!value.expanded()) context.warning(value, "{} is read as {}", shown(value, context), what);
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  auto near = nearest(word, candidates);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

// ---- scalars ----

std::string show_bound(const TypeInfo& type, long double value) {
  if (type.shape == Shape::duration) return format_duration(Duration{static_cast<std::int64_t>(value)});
  if (type.shape == Shape::byte_size) return format_byte_size({static_cast<std::uint64_t>(value)});
  if (value == std::floor(value) && std::abs(value) < 1e19L) return fmt::format("{:.0f}", value);
  return format_double(static_cast<double>(value));
}

bool in_range(const TypeInfo& type, const FieldOptions& options, long double number, const Value& value,
              Context& context) {
  auto refuse = [&](std::string_view relation, long double bound) {
    auto given = context.problems().secret() ? "the value given" : show_bound(type, number);
    context.error(value, "{} is {} {}", given, relation, show_bound(type, bound));
    return false;
  };
  if (options.min && number < options.min->value) return refuse("below", options.min->value);
  if (options.max && number > options.max->value) return refuse("above", options.max->value);
  return true;
}

struct Number {
  __int128 value;
  bool converted;
};

std::optional<Number> to_integer(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::integer: return Number{value.as_int(), false};
    case Value::Kind::unsigned_integer: return Number{value.as_uint(), false};
    case Value::Kind::boolean: return Number{value.as_bool(), true};
    case Value::Kind::number:
      if (value.is_too_long_a_number()) return {};
      if (std::abs(value.as_double()) >= 0x1p64 || value.as_double() != std::floor(value.as_double())) return {};
      return Number{static_cast<__int128>(value.as_double()), true};
    case Value::Kind::string: {
      auto plain = Value::plain(std::string(trim(value.text())));
      if (plain.kind() == Value::Kind::boolean || !plain.is_scalar() || plain.kind() == Value::Kind::string) return {};
      auto number = to_integer(plain);
      if (number) number->converted = true;
      return number;
    }
    default: return {};
  }
}

void decode_integer(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out,
                    Context& context) {
  auto number = to_integer(value);
  if (!number) return expected("an integer", value, context);
  if (number->converted) warn_converted("an integer", value, context);
  __int128 top = (__int128{1} << (type.is_signed ? type.bits - 1 : type.bits)) - 1;
  __int128 bottom = type.is_signed ? -top - 1 : 0;
  FieldOptions range = options;
  if (!range.min || range.min->value < static_cast<long double>(bottom)) range.min = static_cast<long double>(bottom);
  if (!range.max || range.max->value > static_cast<long double>(top)) range.max = static_cast<long double>(top);
  if (!in_range(type, range, static_cast<long double>(number->value), value, context)) return;
  type.store(out, static_cast<std::int64_t>(number->value));
}

void decode_number(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out, Context& context) {
  auto plain = value.kind() == Value::Kind::string ? Value::plain(std::string(trim(value.text()))) : value;
  bool numeric = plain.kind() == Value::Kind::integer || plain.kind() == Value::Kind::unsigned_integer ||
                 plain.kind() == Value::Kind::number;
  if (!numeric || !std::isfinite(plain.as_double())) return expected("a number", value, context);
  if (value.kind() == Value::Kind::string) warn_converted("a number", value, context);
  if (in_range(type, options, plain.as_double(), value, context)) type.store_number(out, plain.as_double());
}

void decode_boolean(const TypeInfo& type, const Value& value, void* out, Context& context) {
  if (value.kind() == Value::Kind::boolean) return type.store(out, value.as_bool());
  constexpr std::array<std::string_view, 5> yes{"true", "yes", "on", "1", "t"}, no{"false", "no", "off", "0", "f"};
  auto word = to_lower(value.is_scalar() ? value.text() : "");
  bool is_yes = std::find(yes.begin(), yes.end(), word) != yes.end();
  if (!is_yes && std::find(no.begin(), no.end(), word) == no.end()) return expected("true or false", value, context);
  // yes, no, on and off are booleans of YAML 1.1: nothing was converted.
  if (value.kind() != Value::Kind::string || value.quoted()) warn_converted(is_yes ? "true" : "false", value, context);
  type.store(out, is_yes);
}

void decode_choice(const TypeInfo& type, const Value& value, void* out, Context& context) {
  auto choices = type.choices();
  if (value.is_text())
    for (auto& choice : choices)
      if (equal_ignore_case(choice.name, value.text())) return type.store(out, choice.value);
  std::vector<std::string_view> names;
  for (auto& choice : choices) names.push_back(choice.name);
  context.error(value, "{} is not one of {}{}", shown(value, context), fmt::join(names, ", "),
                suggestion(value.text(), names));
}

// The text for a string setting; empty after an error.
std::optional<std::string> to_text(const Value& value, Context& context) {
  if (!value.is_text()) {
    expected("a string", value, context);
    return {};
  }
  if (value.kind() != Value::Kind::string) warn_converted("a string", value, context);
  return value.text();
}

void decode_string(const FieldOptions& options, const Value& value, std::string& out, Context& context) {
  auto text = to_text(value, context);
  if (!text) return;
  if (!options.choices.empty() && !one_of(options.choices, *text)) {
    auto names = split(options.choices, '|');
    context.error(value, "{} is not one of {}{}", shown(value, context), fmt::join(names, ", "),
                  suggestion(*text, names));
    return;
  }
  out = std::move(*text);
}

void decode_duration(const TypeInfo& type, const FieldOptions& options, const Value& value, Duration& out,
                     Context& context) {
  Duration duration{};
  if (value.kind() == Value::Kind::integer) {
    duration = Duration{value.as_int()};
    if (value.as_int() != 0) context.warning(value, "{} is nanoseconds; write a unit, as in 5s", value.as_int());
  } else if (value.kind() == Value::Kind::string) {
    auto parsed = parse_duration(trim(value.text()));
    if (!parsed) return context.error(value, "{}", parsed.error().what);
    duration = *parsed;
  } else {
    return expected("a duration such as 5s or 1m30s", value, context);
  }
  if (in_range(type, options, static_cast<long double>(duration.count()), value, context)) out = duration;
}

void decode_byte_size(const TypeInfo& type, const FieldOptions& options, const Value& value, ByteSize& out,
                      Context& context) {
  auto size = parse_byte_size(value.is_scalar() ? value.text() : "");
  if (!size) return expected("a size such as 512MiB", value, context);
  if (in_range(type, options, static_cast<long double>(size->value), value, context)) out = *size;
}

// ---- lists, maps, objects ----

void decode_any(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out, Context& context);

bool takes_scalars(const TypeInfo& type) {
  if (type.shape == Shape::optional) return takes_scalars(*type.element);
  return type.shape < Shape::optional;
}

void check_length(const FieldOptions& options, std::size_t length, const Value& value, Context& context) {
  if (options.min && length < options.min->value)
    context.error(value, "has {} entries, fewer than {:.0f}", length, options.min->value);
  if (options.max && length > options.max->value)
    context.error(value, "has {} entries, more than {:.0f}", length, options.max->value);
}

// "a,b" for a list of scalars, or one thing where a list of them is expected.
std::vector<Value> as_list(const TypeInfo& type, const Value& value, Context& context) {
  std::vector<Value> items;
  if (value.kind() == Value::Kind::string && takes_scalars(*type.element)) {
    if (value.text().empty()) return items;
    for (auto part : split(value.text(), ',')) {
      items.push_back(Value::string(std::string(trim(part)), value.mark()));
      items.back().set_expanded(true);  // the list is warned about once
    }
  } else {
    items.push_back(value);
  }
  warn_converted(fmt::format("a list of {}", items.size()), value, context);
  return items;
}

void decode_list(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out, Context& context) {
  if (value.is_map() && takes_scalars(*type.element) && type.element->shape != Shape::any)
    return expected("a list", value, context);
  std::vector<Value> converted;
  if (!value.is_list()) converted = as_list(type, value, context);
  auto& items = value.is_list() ? value.items() : converted;
  type.clear(out);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Problems::Scope scope(context.problems(), fmt::format("{}", i));
    decode_any(*type.element, no_options, items[i], type.add(out, {}), context);
  }
  check_length(options, items.size(), value, context);
}

// [{name: a, value: b}], which newer collectors write where older ones had a map.
std::optional<Value> named_list(const Value& value) {
  Value map = Value::map(value.mark());
  if (!value.is_list()) return {};
  for (auto& item : value.items()) {
    auto *name = item.get("name"), *content = item.get("value");
    if (!name || !content || !name->is_scalar()) return {};
    map.entries().push_back(Entry{name->text(), name->mark(), *content});
  }
  return map;
}

void decode_map(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out, Context& context) {
  std::optional<Value> named;
  if (!value.is_map() && !(named = named_list(value))) return expected("a map", value, context);
  auto& map = named ? *named : value;
  for (auto& entry : map.entries()) {
    Problems::Scope scope(context.problems(), entry.key);
    decode_any(*type.element, no_options, entry.value, type.add(out, entry.key), context);
  }
  check_length(options, map.size(), value, context);
}

// A row with its place in the object; embedded structs are flattened.
struct Row {
  const FieldInfo* field;
  void* member;
  const Entry* given = nullptr;
};

struct Embedded {
  const TypeInfo* type;
  void* object;
};

void flatten(std::span<const FieldInfo> fields, void* object, std::vector<Row>& rows, std::vector<Embedded>& embedded) {
  for (auto& field : fields) {
    void* member = field.member ? field.member(object) : nullptr;
    if (!field.key.empty()) {
      rows.push_back({&field, member});
      continue;
    }
    flatten(field.type->fields(), member, rows, embedded);
    embedded.push_back({field.type, member});
  }
}

void unknown_key(const Entry& entry, std::span<const Row> rows, Context& context) {
  std::vector<std::string_view> keys;
  for (auto& row : rows)
    if (row.field->type) keys.push_back(row.field->key);
  auto hint = suggestion(entry.key, keys);
  if (hint.empty() && keys.size() <= 12 && !keys.empty()) hint = fmt::format("; known: {}", fmt::join(keys, ", "));
  Problems::Scope scope(context.problems(), entry.key);
  context.problems().error(entry.mark, "unknown key" + hint);
}

// Which row each key of the map belongs to.
void assign_rows(const Value& map, std::span<Row> rows, Context& context) {
  for (auto& entry : map.entries()) {
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
      return r.field->key == entry.key || one_of(r.field->options.aliases, entry.key);
    });
    if (row == rows.end()) {
      unknown_key(entry, rows, context);
    } else if (row->given) {
      context.problems().error(entry.mark, fmt::format("'{}' and '{}' are the same setting, given at line {} too",
                                                       entry.key, row->given->key, row->given->mark.line));
    } else {
      row->given = &entry;
    }
  }
}

bool hides(const TypeInfo& type) {
  return type.shape == Shape::secret || (type.element && hides(*type.element));
}

bool engaged(const TypeInfo& type, const void* optional) {
  bool found = false;
  type.visit(optional, [](void* state, std::string_view, const void*) { *static_cast<bool*>(state) = true; }, &found);
  return found;
}

// Structs that were left out still have required settings and rules of their own.
void decode_absent(const Row& row, const Mark& mark, Context& context) {
  auto& type = *row.field->type;
  if (type.shape == Shape::object || (type.shape == Shape::optional && type.element->shape == Shape::object &&
                                      engaged(type, row.member)))
    decode_any(type, no_options, Value::null(mark), row.member, context);
}

void decode_row(const Row& row, const Value& object, Context& context) {
  auto& field = *row.field;
  auto& options = field.options;
  if (!field.type) {
    if (row.given) {
      Problems::Scope scope(context.problems(), row.given->key);
      context.problems().warning(row.given->mark, fmt::format("has no effect: {}", field.doc));
    }
    return;
  }
  Problems::Scope scope(context.problems(), row.given ? row.given->key : field.key,
                        options.secret || hides(*field.type));
  const Value* value = row.given ? &row.given->value : nullptr;
  bool text = value && value->is_text();
  bool blank = !value || (value->is_null() && !text) || (value->kind() == Value::Kind::string && value->text().empty()) ||
               (!value->is_scalar() && !text && value->size() == 0 && takes_scalars(*field.type) == false &&
                field.type->shape != Shape::object && field.type->shape != Shape::custom);
  if (options.required && blank) {
    context.problems().error(row.given ? row.given->mark : object.mark(), "is required");
    return;
  }
  if (row.given && !options.deprecated.empty())
    context.problems().warning(row.given->mark, fmt::format("is deprecated: {}", options.deprecated));
  if (!value) return decode_absent(row, object.mark(), context);
  decode_any(*field.type, options, *value, row.member, context);
}

void decode_object(const TypeInfo& type, const Value& value, void* out, Context& context) {
  if (!value.is_map() && !value.is_null()) return expected("a map", value, context);
  ObjectScope object(context, value);
  std::vector<Row> rows;
  std::vector<Embedded> embedded;
  flatten(type.fields(), out, rows, embedded);
  assign_rows(value, rows, context);
  for (auto& row : rows) decode_row(row, value, context);
  object.read();
  for (auto& part : embedded)
    if (part.type->validate) part.type->validate(part.object, context);
  if (type.validate) type.validate(out, context);
}

void decode_optional(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out,
                     Context& context) {
  bool section = type.element->shape == Shape::object || type.element->shape == Shape::custom;
  if (value.is_null() && !section && !value.is_text()) return;
  decode_any(*type.element, options, value, type.add(out, {}), context);
}

void decode_custom(const TypeInfo& type, const Value& value, void* out, Context& context) {
  auto before = context.problems().errors();
  ObjectScope object(context, value);
  type.decode(value, out, context);
  if (context.problems().errors() == before && type.validate) type.validate(out, context);
}

bool is_text(Shape shape) { return shape == Shape::string || shape == Shape::secret || shape == Shape::choice; }

void refuse_too_long_numbers(const Value& value, Context& context) {
  // What is kept of any type ends as an integer with a sign.
  if (value.is_too_long_a_number() || value.kind() == Value::Kind::unsigned_integer)
    context.error(value, "{} does not fit 64 bits; write quotes around it if it is a text", shown(value, context));
  for (auto& item : value.items()) refuse_too_long_numbers(item, context);
  for (auto& entry : value.entries()) {
    Problems::Scope scope(context.problems(), entry.key);
    refuse_too_long_numbers(entry.value, context);
  }
}

void decode_any(const TypeInfo& type, const FieldOptions& options, const Value& value, void* out, Context& context) {
  if (!is_text(type.shape) && type.shape != Shape::integer && type.shape < Shape::any && value.is_too_long_a_number()) return refuse_too_long_numbers(value, context);
  switch (type.shape) {
    case Shape::object: return decode_object(type, value, out, context);
    case Shape::custom: return decode_custom(type, value, out, context);
    case Shape::optional: return decode_optional(type, options, value, out, context);
    case Shape::any: refuse_too_long_numbers(value, context); *static_cast<Value*>(out) = value; return;
    default: break;
  }
  // Of an explicit null the default stays; for a text it is the empty one, as in the collector.
  // A variable's text stays a text, whatever YAML makes of it: ~ and #x may be passwords.
  if (value.is_null() && !(is_text(type.shape) && value.is_text())) {
    if (type.shape == Shape::string) static_cast<std::string*>(out)->clear();
    if (type.shape == Shape::secret) *static_cast<Secret*>(out) = Secret();
    return;
  }
  switch (type.shape) {
    case Shape::boolean: return decode_boolean(type, value, out, context);
    case Shape::integer: return decode_integer(type, options, value, out, context);
    case Shape::number: return decode_number(type, options, value, out, context);
    case Shape::choice: return decode_choice(type, value, out, context);
    case Shape::string: return decode_string(options, value, *static_cast<std::string*>(out), context);
    case Shape::duration: return decode_duration(type, options, value, *static_cast<Duration*>(out), context);
    case Shape::byte_size: return decode_byte_size(type, options, value, *static_cast<ByteSize*>(out), context);
    case Shape::list: return decode_list(type, options, value, out, context);
    case Shape::map: return decode_map(type, options, value, out, context);
    case Shape::secret: {
      Problems::Scope scope(context.problems(), {}, true);
      if (auto text = to_text(value, context)) *static_cast<Secret*>(out) = Secret(std::move(*text));
      return;
    }
    default: return;
  }
}

// ---- printing ----

void redact(Value& value) {
  for (auto& item : value.items()) redact(item);
  for (auto& entry : value.entries()) redact(entry.value);
  if (value.is_scalar() && !value.text().empty()) value = Value::string(std::string(Secret::redacted));
}

Value encode_integer(const TypeInfo& type, const void* in) {
  auto bits = type.load(in);
  if (type.is_signed || type.bits < 64) return Value::of(bits);
  return Value::of(static_cast<std::uint64_t>(bits));
}

Value encode_choice(const TypeInfo& type, const void* in) {
  for (auto& choice : type.choices())
    if (choice.value == type.load(in)) return Value::string(std::string(choice.name));
  return Value::of(type.load(in));
}

void encode_fields(std::span<const FieldInfo> fields, const void* object, Value& out) {
  for (auto& field : fields) {
    if (!field.type) continue;
    const void* member = field.member(const_cast<void*>(object));
    if (field.key.empty()) {
      encode_fields(field.type->fields(), member, out);
      continue;
    }
    Value value = encode_erased(*field.type, member);
    if (field.options.secret) redact(value);
    out.entries().push_back(Entry{std::string(field.key), {}, std::move(value)});
  }
}

// The elements of a list, a map or an optional.
Value encode_elements(const TypeInfo& type, const void* in, Value out) {
  struct State {
    const TypeInfo& element;
    Value& out;
  } state{*type.element, out};
  type.visit(
      in,
      [](void* s, std::string_view key, const void* element) {
        auto& [element_type, to] = *static_cast<State*>(s);
        Value value = encode_erased(element_type, element);
        if (to.is_list()) to.push_back(std::move(value));
        else if (to.is_map()) to.entries().push_back(Entry{std::string(key), {}, std::move(value)});
        else to = std::move(value);
      },
      &state);
  return out;
}

}  // namespace

void decode_erased(const TypeInfo& type, const Value& value, void* out, Context& context) {
  decode_any(type, no_options, value, out, context);
}

Value encode_erased(const TypeInfo& type, const void* in) {
  switch (type.shape) {
    case Shape::boolean: return Value::of(type.load(in) != 0);
    case Shape::integer: return encode_integer(type, in);
    case Shape::number: return Value::of(type.load_number(in));
    case Shape::choice: return encode_choice(type, in);
    case Shape::string: return Value::string(*static_cast<const std::string*>(in));
    case Shape::secret: return Value::string(fmt::format("{}", *static_cast<const Secret*>(in)));
    case Shape::duration: return Value::string(format_duration(*static_cast<const Duration*>(in)));
    case Shape::byte_size: return Value::string(format_byte_size(*static_cast<const ByteSize*>(in)));
    case Shape::any: return *static_cast<const Value*>(in);
    case Shape::optional: return encode_elements(type, in, Value::null());
    case Shape::list: return encode_elements(type, in, Value::list());
    case Shape::map: return encode_elements(type, in, Value::map());
    case Shape::custom:
      if (type.encode) return type.encode(in);
      if (!type.fields) return Value::null();
      break;
    case Shape::object: break;
  }
  Value out = Value::map();
  encode_fields(type.fields(), in, out);
  return out;
}

Result<ByteSize> parse_byte_size(std::string_view text) {
  constexpr std::string_view prefixes = "kmgt";
  auto lower = to_lower(trim(text));
  auto digits = lower.find_first_not_of("0123456789._");
  std::string_view unit = digits == lower.npos ? "" : trim(std::string_view(lower).substr(digits));
  auto number = Value::plain(lower.substr(0, digits));
  double scale = 1;
  if (auto power = unit.empty() ? prefixes.npos : prefixes.find(unit[0]); power != prefixes.npos) {
    unit.remove_prefix(1);
    bool binary = unit.starts_with('i');
    if (binary) unit.remove_prefix(1);
    scale = std::pow(binary ? 1024.0 : 1000.0, power + 1);
  }
  bool numeric = number.kind() == Value::Kind::integer || number.kind() == Value::Kind::number;
  if (!numeric || (!unit.empty() && unit != "b") || number.as_double() * scale >= 0x1p63)
    return fail(Errc::config, "'{}' is not a size such as 512MiB", text);
  if (number.kind() == Value::Kind::integer) return ByteSize{static_cast<std::uint64_t>(number.as_int()) * static_cast<std::uint64_t>(scale)};
  return ByteSize{static_cast<std::uint64_t>(number.as_double() * scale)};
}

std::string format_byte_size(ByteSize size) {
  constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto value = size.value;
  for (; value != 0 && value % 1024 == 0 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{}{}", value, unit == 0 ? "" : units[unit]);
}

}  // namespace weir::config

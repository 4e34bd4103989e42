#pragma once
// Declarative settings: a struct lists its fields once, and parsing, checks, README table and JSON schema read that
// list. See README.md for an example. The templates here only name members; the work is done in field.cc on erased types.
#include <map>
#include <unordered_map>

#include "base/time.h"
#include "config/problems.h"
#include "config/types.h"

namespace weir::config {

struct FieldInfo;
struct TypeInfo;
class Context;

// One spelling of an enum value; several spellings may share a value, the first is the one printed.
struct Choice {
  std::string_view name;
  std::int64_t value;

  template <class E>
  constexpr Choice(std::string_view n, E v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

// A bound in the setting's own unit: a number, a duration, a size.
struct Bound {
  long double value;

  template <class T>
    requires std::is_arithmetic_v<T>
  constexpr Bound(T v) : value(v) {}
  template <class Rep, class Period>
  constexpr Bound(std::chrono::duration<Rep, Period> v) : value(std::chrono::duration_cast<Duration>(v).count()) {}
};

struct FieldOptions {
  std::optional<Bound> min, max;  // of the value, both allowed; for lists and maps of their length
  bool required = false;          // given, and not empty
  bool secret = false;            // never printed, nor its source line (Secret members are so by themselves)
  std::string_view choices;       // strings: "gzip|zstd|none"
  std::string_view aliases;       // other accepted keys: "old|older"
  std::string_view deprecated;    // still works; what the warning says
};

// How far the decoder, the printers and the schema see into a C++ type.
enum class Shape : std::uint8_t {
  boolean, integer, number, choice, string, secret, duration, byte_size, any, optional, list, map, object, custom
};

// The erased type of a member. Made by type_of<T>; each function is there only for the shapes that need it.
struct TypeInfo {
  Shape shape;
  bool is_signed = false;      // integer
  std::uint8_t bits = 0;       // integer
  std::string_view name = {};  // custom: the word in the docs
  const TypeInfo* element = nullptr;  // optional, list, map

  void (*store)(void*, std::int64_t) = nullptr;  // boolean, integer (bits of an unsigned one), choice
  std::int64_t (*load)(const void*) = nullptr;
  void (*store_number)(void*, double) = nullptr;
  double (*load_number)(const void*) = nullptr;

  void (*clear)(void*) = nullptr;                            // list
  void* (*add)(void*, std::string_view key) = nullptr;       // optional: engage; list: append; map: insert or find
  void (*visit)(const void*, void (*f)(void*, std::string_view key, const void* element), void* state) = nullptr;

  std::span<const Choice> (*choices)() = nullptr;
  std::span<const FieldInfo> (*fields)() = nullptr;          // object; custom ones may have them for the docs
  void (*validate)(const void*, Context&) = nullptr;
  void (*decode)(const Value&, void*, Context&) = nullptr;   // custom
  Value (*encode)(const void*) = nullptr;
  // For printing defaults of what a list or an optional would hold.
  void (*with_default)(void (*f)(void*, const void* object), void* state) = nullptr;
};

// One row. Made by field<>(), embedded<>() and ignored().
struct FieldInfo {
  std::string_view key;  // empty: the fields of an embedded struct stand at this level
  std::string_view doc;
  FieldOptions options;
  const TypeInfo* type = nullptr;          // null: accepted, without effect
  void* (*member)(void* object) = nullptr;
};

// Where a decode function or a validate() reports to.
class Context {
 public:
  explicit Context(Problems& problems) : problems_(problems) {}

  Problems& problems() { return problems_; }

  template <class... Args>
  void error(const Value& at, fmt::format_string<Args...> format, Args&&... args) {
    problems_.error(at.mark(), fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(const Value& at, fmt::format_string<Args...> format, Args&&... args) {
    problems_.warning(at.mark(), fmt::format(format, std::forward<Args>(args)...));
  }

  // In `void validate(Context&) const`: about one setting ("a", "a::b", "a::0::b") of the struct, or with "" about all
  // of it. Nothing is said about what could not be read in the first place.
  void error_at(std::string_view key, std::string message) { report(key, std::move(message), Severity::error); }
  void warning_at(std::string_view key, std::string message) { report(key, std::move(message), Severity::warning); }
  // What depends on the machine: an error of a start, a warning of a check.
  void machine_error_at(std::string_view key, std::string message) { report(key, std::move(message), Severity::machine); }

 private:
  friend class ObjectScope;
  enum class Severity : std::uint8_t { error, warning, machine };
  void report(std::string_view key, std::string message, Severity severity);

  Problems& problems_;
  const Value* object_ = nullptr;  // that is being decoded or validated; null when it was left out
  std::size_t read_from_ = 0, read_to_ = 0;  // problems of reading the object's settings, once that is over
};

// Erased entry points.
void decode_erased(const TypeInfo& type, const Value& value, void* out, Context& context);
Value encode_erased(const TypeInfo& type, const void* object);

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
// Maps: std::map, std::unordered_map, and vector<pair<string, T>> for those whose order counts.
template <class T>
struct is_map : std::false_type {};
template <class T, class... Rest>
struct is_map<std::map<std::string, T, Rest...>> : std::true_type {};
template <class T, class... Rest>
struct is_map<std::unordered_map<std::string, T, Rest...>> : std::true_type {};
template <class T>
struct is_ordered_map : std::false_type {};
template <class T>
struct is_ordered_map<std::vector<std::pair<std::string, T>>> : std::true_type {};

template <class T>
concept HasFields = requires { { T::fields() } -> std::convertible_to<std::span<const FieldInfo>>; };
template <class T>
concept HasDecode = requires(const Value& value, Context& context) {
  { T::decode(value, context) } -> std::convertible_to<Result<T>>;
};
template <class T>
concept HasEncode = requires(const T& t) { { t.encode() } -> std::convertible_to<Value>; };
template <class T>
concept HasTypeName = requires { { T::config_type } -> std::convertible_to<std::string_view>; };
template <class T>
concept ReportsAll = requires(const T& t, Context& context) { t.validate(context); };
template <class T>
concept ReportsOne = requires(const T& t) { { t.validate() } -> std::convertible_to<Result<>>; };

template <class T>
constexpr TypeInfo make_type();

}  // namespace detail

// Refers to no other type's value but through pointers, so recursive settings work.
template <class T>
inline constexpr TypeInfo type_of = detail::make_type<T>();

namespace detail {

template <class T>
const T& as(const void* p) { return *static_cast<const T*>(p); }
template <class T>
T& as(void* p) { return *static_cast<T*>(p); }

template <class T>
void validate(const void* object, Context& context) {
  if constexpr (ReportsAll<T>) as<T>(object).validate(context);
  if constexpr (ReportsOne<T>)
    if (auto result = as<T>(object).validate(); !result) context.error_at("", std::move(result.error().what));
}

template <class T>
void decode_custom(const Value& value, void* out, Context& context) {
  auto before = context.problems().errors();
  Result<T> result = T::decode(value, context);
  if (result) as<T>(out) = std::move(*result);
  else if (context.problems().errors() == before || !result.error().what.empty())
    context.problems().error(value.mark(), std::move(result.error().what));
}

template <class T>
void visit_map(const void* map, void (*f)(void*, std::string_view, const void*), void* state) {
  for (auto& [key, element] : as<T>(map)) f(state, key, &element);
}

template <class T>
void visit_list(const void* list, void (*f)(void*, std::string_view, const void*), void* state) {
  for (auto& element : as<T>(list)) f(state, {}, &element);
}

template <class T>
constexpr TypeInfo make_map() {
  using Element = typename T::mapped_type;
  TypeInfo type{.shape = Shape::map, .element = &type_of<Element>};
  type.add = [](void* map, std::string_view key) -> void* { return &as<T>(map)[std::string(key)]; };
  type.visit = visit_map<T>;
  return type;
}

template <class T>
constexpr TypeInfo make_ordered_map() {
  TypeInfo type{.shape = Shape::map, .element = &type_of<typename T::value_type::second_type>};
  type.add = [](void* map, std::string_view key) -> void* {
    for (auto& [old, element] : as<T>(map))
      if (old == key) return &element;
    return &as<T>(map).emplace_back(std::string(key), typename T::value_type::second_type{}).second;
  };
  type.visit = visit_map<T>;
  return type;
}

template <class T>
constexpr TypeInfo make_list() {
  static_assert(!std::is_same_v<T, std::vector<bool>>, "elements need addresses");
  TypeInfo type{.shape = Shape::list, .element = &type_of<typename T::value_type>};
  type.clear = [](void* list) { as<T>(list).clear(); };
  type.add = [](void* list, std::string_view) -> void* { return &as<T>(list).emplace_back(); };
  type.visit = visit_list<T>;
  return type;
}

template <class T>
constexpr TypeInfo make_optional() {
  TypeInfo type{.shape = Shape::optional, .element = &type_of<typename T::value_type>};
  type.add = [](void* optional, std::string_view) -> void* {
    auto& o = as<T>(optional);
    return o ? &*o : &o.emplace();
  };
  type.clear = [](void* optional) { as<T>(optional).reset(); };
  type.visit = [](const void* optional, void (*f)(void*, std::string_view, const void*), void* state) {
    if (auto& o = as<T>(optional)) f(state, {}, &*o);
  };
  return type;
}

template <class T>
constexpr TypeInfo make_integral(Shape shape) {
  TypeInfo type{.shape = shape, .is_signed = std::is_signed_v<T>, .bits = sizeof(T) * 8};
  type.store = [](void* out, std::int64_t value) { as<T>(out) = static_cast<T>(value); };
  type.load = [](const void* in) { return static_cast<std::int64_t>(as<T>(in)); };
  if constexpr (std::is_enum_v<T>) type.choices = [] { return std::span<const Choice>(choices_of(T{})); };
  return type;
}

template <class T>
constexpr TypeInfo make_number() {
  TypeInfo type{.shape = Shape::number};
  type.store_number = [](void* out, double value) { as<T>(out) = static_cast<T>(value); };
  type.load_number = [](const void* in) { return static_cast<double>(as<T>(in)); };
  return type;
}

template <class T>
constexpr TypeInfo make_object() {
  TypeInfo type{.shape = Shape::object};
  if constexpr (HasFields<T>) type.fields = T::fields;
  if constexpr (ReportsAll<T> || ReportsOne<T>) type.validate = validate<T>;
  if constexpr (HasDecode<T>) {
    type.shape = Shape::custom;
    type.decode = decode_custom<T>;
    if constexpr (HasEncode<T>) type.encode = [](const void* in) { return as<T>(in).encode(); };
    if constexpr (HasTypeName<T>) type.name = T::config_type;
  }
  if constexpr (HasFields<T> && std::is_default_constructible_v<T>)
    type.with_default = [](void (*f)(void*, const void*), void* state) {
      const T object{};
      f(state, &object);
    };
  return type;
}

template <class T>
constexpr TypeInfo make_type() {
  if constexpr (std::is_same_v<T, bool>) return make_integral<bool>(Shape::boolean);
  else if constexpr (std::is_enum_v<T>) return make_integral<T>(Shape::choice);
  else if constexpr (std::is_integral_v<T>) return make_integral<T>(Shape::integer);
  else if constexpr (std::is_floating_point_v<T>) return make_number<T>();
  else if constexpr (std::is_same_v<T, std::string>) return {.shape = Shape::string};
  else if constexpr (std::is_same_v<T, Secret>) return {.shape = Shape::secret};
  else if constexpr (std::is_same_v<T, Duration>) return {.shape = Shape::duration};
  else if constexpr (std::is_same_v<T, ByteSize>) return {.shape = Shape::byte_size};
  else if constexpr (std::is_same_v<T, Value>) return {.shape = Shape::any};
  else if constexpr (is_optional<T>::value) return make_optional<T>();
  else if constexpr (is_ordered_map<T>::value) return make_ordered_map<T>();
  else if constexpr (is_map<T>::value) return make_map<T>();
  else if constexpr (is_vector<T>::value) return make_list<T>();
  else {
    static_assert(HasFields<T> || HasDecode<T>, "a setting's type needs fields() or decode()");
    return make_object<T>();
  }
}

template <class T>
struct member_of;
template <class C, class M>
struct member_of<M C::*> {
  using Class = C;
  using Member = M;
};

template <auto Member>
void* member_at(void* object) {
  using Class = typename member_of<decltype(Member)>::Class;
  return &(static_cast<Class*>(object)->*Member);
}

}  // namespace detail

// The setting `key`, kept in a member.
template <auto Member>
FieldInfo field(std::string_view key, std::string_view doc, const FieldOptions& options = {}) {
  using Type = typename detail::member_of<decltype(Member)>::Member;
  return {key, doc, options, &type_of<Type>, detail::member_at<Member>};
}

// The fields of a member struct, as if they were written here ("squash").
template <auto Member>
FieldInfo embedded() {
  using Type = typename detail::member_of<decltype(Member)>::Member;
  static_assert(detail::HasFields<Type>, "only a struct with fields() can be embedded");
  return {{}, {}, {}, &type_of<Type>, detail::member_at<Member>};
}

// A key of older configurations that is accepted and does nothing; `why` is said in a warning.
inline FieldInfo ignored(std::string_view key, std::string_view why) { return {key, why, {}, nullptr, nullptr}; }

// Reads `value` on top of what `out` holds; null leaves it. False after errors.
template <class T>
bool decode(const Value& value, T& out, Context& context) {
  auto before = context.problems().errors();
  decode_erased(type_of<T>, value, &out, context);
  return context.problems().errors() == before;
}

// A whole component: null pointer and null value mean defaults. Empty after errors.
template <class T>
std::optional<T> decode(const Value* value, Problems& problems) {
  T out{};
  Context context(problems);
  if (!decode(value ? *value : Value(), out, context)) return {};
  return out;
}

// Only for decode() of a type that also has fields(): the fields, without calling decode() again.
template <class T>
bool decode_fields(const Value& value, T& out, Context& context) {
  auto before = context.problems().errors();
  TypeInfo plain = type_of<T>;
  plain.shape = Shape::object;
  decode_erased(plain, value, &out, context);
  return context.problems().errors() == before;
}

// The settings as a tree, secrets redacted.
template <class T>
Value to_value(const T& config) {
  return encode_erased(type_of<T>, &config);
}

// For error messages and docs: units B, KB/MB/GB/TB (1000) and KiB/MiB/GiB/TiB (1024), any case, B optional.
Result<ByteSize> parse_byte_size(std::string_view text);
std::string format_byte_size(ByteSize size);

}  // namespace weir::config

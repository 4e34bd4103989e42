#include "components/shared/attraction/attraction.h"

#include <doctest/doctest.h>

#include "components/shared/matching/constant.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::attraction;
using otlp::Value;
using otlp::ValueType;

namespace {

struct List {
  std::vector<Action> actions;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&List::actions>("actions", "")};
    return rows;
  }
};

std::optional<List> read(std::string_view actions, std::string* text = nullptr) {
  auto value = config::parse_yaml(fmt::format("actions: [{}]", actions));
  REQUIRE_MESSAGE(value.has_value(), value.error().what);
  config::Problems problems;
  auto list = config::decode<List>(&*value, problems);
  if (text) *text = problems.to_string();
  return list;
}

Actions compile(std::string_view actions) {
  std::string text;
  auto list = read(actions, &text);
  REQUIRE_MESSAGE(list.has_value(), text);
  auto made = Actions::make(list->actions);
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return std::move(*made);
}

// One attribute list and what becomes of it.
struct Subject {
  explicit Subject(std::string_view yaml) : attributes(*arena.make<otlp::Attributes>()) {
    auto value = config::parse_yaml(yaml);
    REQUIRE(value.has_value());
    if (value->is_map()) attributes = matching::to_otlp(*value, arena).map(arena);
  }
  bool apply(std::string_view actions, const otlp::Context* context = nullptr) {
    Actions made = compile(actions);
    made.enter(arena, context);
    return made.apply(attributes);
  }
  std::string text() { return otlp::to_text(Value::of(&attributes)); }

  Arena arena;
  otlp::Attributes& attributes;
};

}  // namespace

TEST_CASE("what each action does, and whether it changed anything") {
  struct {
    std::string_view before, actions, after;
    bool changed = true;
  } const rows[] = {
      {"{}", "{key: a, value: 1, action: insert}", R"({"a":1})"},
      {"{a: 2}", "{key: a, value: 1, action: insert}", R"({"a":2})", false},
      {"{a: 2}", "{key: a, value: 1, action: update}", R"({"a":1})"},
      {"{b: 2}", "{key: a, value: 1, action: update}", R"({"b":2})", false},
      {"{a: 1}", "{key: a, value: 1, action: update}", R"({"a":1})", false},
      {"{a: '1'}", "{key: a, value: 1, action: upsert}", R"({"a":1})"},
      {"{}", "{key: a, value: 1, action: UPSERT}", R"({"a":1})"},
      {"{}", "{key: a, value: ['x', 2, null, {y: 1.5}], action: insert}", R"({"a":["x",2,null,{"y":1.5}]})"},
      {"{}", "{key: a, value: '', action: insert}", R"({"a":""})"},
      {"{b: 7}", "{key: a, from_attribute: b, action: insert}", R"({"a":7,"b":7})"},
      {"{b: [1]}", "{key: a, from_attribute: b, action: insert}", R"({"a":[1],"b":[1]})"},
      {"{c: 7}", "{key: a, from_attribute: b, action: upsert}", R"({"c":7})", false},
      {"{c: 7}", "{key: a, from_attribute: b, default_value: z, action: upsert}", R"({"a":"z","c":7})"},
      {"{a: 1, b: 7}", "{key: a, from_attribute: b, default_value: z, action: update}", R"({"a":7,"b":7})"},
      {"{}", "{key: a, default_value: z, action: upsert}", R"({"a":"z"})"},
      {"{}", "{key: a, value: 1, default_value: z, action: upsert}", R"({"a":1})"},
      {"{a: 1, b: 2}", "{key: a, action: delete}", R"({"b":2})"},
      {"{a: 1, b: 2}", "{key: c, action: delete}", R"({"a":1,"b":2})", false},
      {"{password: 1, db.password: 2, b: 3}", "{pattern: password$, action: delete}", R"({"b":3})"},
      {"{a: 1, b1: 2, b2: 3}", "{key: a, pattern: ^b, action: delete}", R"({})"},
      {"{u: http://h.x:80/}", "{key: u, pattern: '^(?P<scheme>http)(?P<s>s)?://(?P<host>[^:]+)', action: extract}",
       R"({"host":"h.x","s":"","scheme":"http","u":"http://h.x:80/"})"},
      {"{u: x1, n: 9}", "{key: u, pattern: '(?P<n>[0-9])', action: extract}", R"({"n":"1","u":"x1"})"},
      {"{u: x1, n: '1'}", "{key: u, pattern: '(?P<n>[0-9])', action: extract}", R"({"n":"1","u":"x1"})", false},
      {"{u: x}", "{key: u, pattern: '(?P<n>[0-9])', action: extract}", R"({"u":"x"})", false},
      {"{u: 12}", "{key: u, pattern: '(?P<n>[0-9])', action: extract}", R"({"u":12})", false},
      {"{}", "{key: u, pattern: '(?P<n>[0-9])', action: extract}", R"({})", false},
      {"{}", "{key: a, value: 1, action: insert}, {key: b, from_attribute: a, action: insert}, {key: a, action: delete}",
       R"({"b":1})"},
  };
  for (auto& row : rows) {
    CAPTURE(row.before);
    CAPTURE(row.actions);
    Subject subject(row.before);
    CHECK(subject.apply(row.actions) == row.changed);
    CHECK(subject.text() == row.after);
  }
}

TEST_CASE("hash: SHA-256 of the text, of eight little-endian bytes, of one byte") {
  struct {
    std::string_view value, hash;
  } const rows[] = {
      {"'12'", "6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"},
      {"''", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"-5", "5e4f54646df2c113c3692027f87708068b722b3dbb3d23cabb996ef5e2dd7d24"},
      {"2.75", "a4bd556a68500c73b6fa225c50291abf27d9083a7c21ccd651b1907d31f01e78"},
      {"true", "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"},
      {"[a]", ""},
      {"{a: 1}", ""},
      {"null", ""},
  };
  for (auto& row : rows) {
    CAPTURE(row.value);
    Subject subject(fmt::format("{{k: {}}}", row.value));
    CHECK(subject.apply("{pattern: '.*', action: hash}"));
    CHECK(subject.attributes[0].value.text == row.hash);
  }
  Subject both("{k: '12', other: x}");
  CHECK(both.apply("{key: k, pattern: ^k$, action: hash}"));
  CHECK(both.text() == R"({"k":"ab2e30bf75636a9c97e05099d9ccc9b623c17a44f629e7ce7206dba683028db1","other":"x"})");
}

TEST_CASE("convert: what can be converted is, the rest stays") {
  struct {
    std::string_view value, type, printed;
    ValueType becomes;
    bool changed = true;
  } const rows[] = {
      {"12", "string", "12", ValueType::string},
      {"2.75", "string", "2.75", ValueType::string},
      {"1e30", "string", "1e+30", ValueType::string},
      {"true", "string", "true", ValueType::string},
      {"[a]", "string", R"(["a"])", ValueType::string},
      {"{k: 1}", "string", R"({"k":1})", ValueType::string},
      {"null", "string", "", ValueType::string},
      {"'x'", "string", "x", ValueType::string, false},
      {"'+7'", "int", "7", ValueType::integer},
      {"-2.75", "int", "-2", ValueType::integer},
      {"1e30", "int", "-9223372036854775808", ValueType::integer},
      {"true", "int", "1", ValueType::integer},
      {"'0x1F'", "int", "0x1F", ValueType::string, false},
      {"[1]", "int", "[1]", ValueType::array, false},
      {"null", "int", "", ValueType::empty, false},
      {"'1_000'", "double", "1000", ValueType::real},
      {"'0x1p4'", "double", "16", ValueType::real},
      {"-5", "double", "-5", ValueType::real},
      {"false", "double", "0", ValueType::real},
      {"'1e400'", "double", "1e400", ValueType::string, false},
      {"' 12'", "double", " 12", ValueType::string, false},
  };
  for (auto& row : rows) {
    CAPTURE(row.value);
    CAPTURE(row.type);
    Subject subject(fmt::format("{{k: {}}}", row.value));
    CHECK(subject.apply(fmt::format("{{key: k, converted_type: {}, action: convert}}", row.type)) == row.changed);
    CHECK(subject.attributes[0].value.type == row.becomes);
    CHECK(otlp::to_text(subject.attributes[0].value) == row.printed);
  }
}

TEST_CASE("from_context: headers, who was authenticated, and where it came from") {
  otlp::Context context;
  context.peer = "10.0.0.7";
  context.metadata["x-tenant"] = {"a", "b"};
  context.auth["subject"] = "joe";
  struct {
    std::string_view source, after;
  } const rows[] = {
      {"metadata.X-Tenant", R"({"k":"a;b"})"}, {"x-tenant", R"({"k":"a;b"})"},     {"auth.subject", R"({"k":"joe"})"},
      {"client.address", R"({"k":"10.0.0.7"})"}, {"metadata.nope", "{}"},          {"auth.nope", "{}"},
  };
  for (auto& row : rows) {
    CAPTURE(row.source);
    Subject subject("{}"), without("{}");
    std::string action = fmt::format("{{key: k, from_context: {}, action: insert}}", row.source);
    subject.apply(action, &context);
    CHECK(subject.text() == row.after);
    CHECK_FALSE(without.apply(action));
  }
  Subject fallback("{}");
  fallback.apply("{key: k, from_context: nope, default_value: [5], action: insert}", &context);
  CHECK(fallback.text() == R"({"k":[5]})");
}

TEST_CASE("a copied array is not shared with the original, nor between items") {
  Subject subject("{b: [1]}");
  Actions actions = compile("{key: a, from_attribute: b, action: insert}, {key: c, value: [2], action: insert}");
  actions.enter(subject.arena, nullptr);
  actions.apply(subject.attributes);
  otlp::Attributes second;
  actions.apply(second);
  subject.attributes.find("a")->array(subject.arena).push_back(subject.arena, Value::of(std::int64_t{9}));
  subject.attributes.find("c")->array(subject.arena).push_back(subject.arena, Value::of(std::int64_t{9}));
  CHECK(subject.text() == R"({"a":[1,9],"b":[1],"c":[2,9]})");
  CHECK(otlp::to_text(Value::of(&second)) == R"({"c":[2]})");
}

TEST_CASE("what was set outlives the actions: it lives in the batch's arena") {
  Subject subject("{u: x1}");
  { subject.apply("{key: a-key-too-long-for-the-string-itself, value: a value too long for the string itself, action: insert}, {key: u, pattern: '(?P<n>[0-9])', action: extract}"); }
  CHECK(subject.text() == R"({"a-key-too-long-for-the-string-itself":"a value too long for the string itself","n":"1","u":"x1"})");
}

TEST_CASE("messages that cannot be affected are not even decoded") {
  auto may_change = [](std::string_view actions, std::string_view message) { return compile(actions).may_change(message); };
  CHECK(may_change("{key: abc, action: delete}", "..abc.."));
  CHECK_FALSE(may_change("{key: abc, action: delete}", "..ab.."));
  CHECK(may_change("{key: abc, action: delete}, {key: d, action: hash}", "..d.."));
  CHECK(may_change("{pattern: abc, action: delete}", ""));
  CHECK(may_change("{key: abc, value: 1, action: insert}", ""));
  CHECK_FALSE(may_change("{key: abc, value: 1, action: update}", ""));
  CHECK_FALSE(may_change("{key: abc, from_attribute: xyz, action: insert}", "abc"));
  CHECK(may_change("{key: abc, from_attribute: b, default_value: 1, action: insert}", ""));
}

TEST_CASE("wrong actions are refused, and the message has the words that people look for") {
  struct {
    std::string_view action, said;
  } const rows[] = {
      {"{key: a, action: insert}", R"(either field "value", "from_attribute", "from_context" or "default_value" must be specified)"},
      {"{key: a, value: null, action: insert}", "must be specified"},
      {"{value: 1, action: insert}", R"(missing required field "key")"},
      {"{action: delete}", R"(at least one of "key" and "pattern")"},
      {"{key: a, value: 1, from_attribute: b, action: insert}", "multiple value sources being set"},
      {"{key: a, value: 1, pattern: x, action: insert}", R"(action "insert" does not use the "pattern" field)"},
      {"{key: a, value: 1, action: hash}", R"(action "hash" does not use the "value" field)"},
      {"{key: a, from_context: x, action: extract, pattern: '(?P<a>.)'}", R"(does not use the "from_context" field)"},
      {"{key: a, action: extract}", R"(missing required field "pattern")"},
      {"{key: a, pattern: nogroups, action: extract}", "contains no named matcher groups"},
      {"{key: a, pattern: '(x)(?P<y>.)', action: extract}", "at least one unnamed matcher group"},
      {"{key: a, pattern: '(', action: extract}", "invalid regular expression '('"},
      {"{key: a, pattern: '(', action: delete}", "invalid regular expression '('"},
      {"{key: a, action: convert}", R"(missing required field "converted_type")"},
      {"{key: a, converted_type: bool, action: convert}", "not one of string, int, double"},
      {"{key: a, converted_type: int, action: delete}", R"(does not use the "converted_type" field)"},
      {"{key: a, action: drop}", "not one of insert, update"},
      {"{key: a}", "action: is required"},
  };
  for (auto& row : rows) {
    CAPTURE(row.action);
    std::string text;
    CHECK_FALSE(read(row.action, &text));
    CHECK_MESSAGE(text.find(row.said) != text.npos, text);
  }
  CHECK(read("{key: a, from_context: x, action: delete}"));
}

// What becomes of an environment variable's text: a text setting gets it as it is, whatever YAML makes of it.
#include <doctest/doctest.h>

#include "base/gates.h"
#include "config/component_id.h"
#include "config/field.h"
#include "config/provider.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::config;

namespace {

struct Variables {
  std::string text = "unset";
  Secret password;
  std::optional<std::string> maybe;
  std::map<std::string, Secret> headers;
  std::vector<std::string> list;
  ComponentId id;
  std::int64_t number = -1;
  std::uint32_t small = 1;
  double share = 0;
  Value any;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Variables::text>("text", "."),     field<&Variables::password>("password", "."), field<&Variables::maybe>("maybe", "."),
        field<&Variables::headers>("headers", "."), field<&Variables::list>("list", "."),       field<&Variables::id>("id", "."),
        field<&Variables::number>("number", "."), field<&Variables::small>("small", "."),       field<&Variables::share>("share", "."),
        field<&Variables::any>("any", "."),
    };
    return rows;
  }
};

std::optional<Variables> read(const std::string& yaml, const std::map<std::string, std::string>& variables, Problems& problems) {
  Environment environment;
  environment.variable = [&](const std::string& name) -> std::optional<std::string> {
    auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
  std::vector<std::string> sources{"yaml:" + yaml};
  auto tree = load(sources, {}, environment, problems);
  if (!tree) return {};
  return decode<Variables>(&*tree, problems);
}

// The values that collectors were compared with, and more of their kind.
const std::vector<std::string> texts{
    "!abc", "%abc", "#x", "&x", "*x", "~", "null", "Null", "NULL", "---", "...", "--- a", "- a", "-", "?", "? a", ":", "::", "::1", "[::1]:4317",
    "[a", "[a]", "[]", "{}", "{a", "{a: b}", "a: b", "a:", "a: b: c", "a #b", "a#b", "\"quoted\"", "'quoted'", "\"open", "'open", "|", ">", "|-", "@a", "`a",
    "true", "True", "yes", "no", "on", "off", "y", "n", "0", "1", "-1", "+1", "0123", "0o17", "0x1F", "0b1", "1_000", "1e3", "1.0", ".5", "1.", ".inf", "-.inf",
    ".nan", "123456789012345678901234567890", "-9223372036854775809", "0xFFFFFFFFFFFFFFFFFF", "2020-01-01", "2001-12-14t21:59:43.10-05:00", "12:30:45", "=", "<<", "!!str x", "!!int 1",
    "a,b", " a", "a ", "\ta", "a\nb", "a\n---\nb", "a: 1\nb: 2", "- a\n- b", "p$$w", "p%w", "\\n", "ü", "%YAML 1.2", "tag:yaml.org,2002:str", "]", "}", ",", "!", "&", "*"};

}  // namespace

TEST_CASE("a text setting gets the text of a variable as it is") {
  for (auto& text : texts) {
    if (text == "p$$w") continue;  // see below
    CAPTURE(text);
    Problems problems;
    auto got = read("{text: '${env:X}', password: '${env:X}', maybe: '${env:X}', headers: {a: '${env:X}', b: 'x${env:X}y'}, list: ['${env:X}']}", {{"X", text}}, problems);
    auto said = problems.to_string();
    CAPTURE(said);
    REQUIRE(got);
    CHECK(got->text == text);
    CHECK(got->password.reveal() == text);
    CHECK(got->maybe == text);
    CHECK(got->headers["a"].reveal() == text);
    CHECK(got->headers["b"].reveal() == "x" + text + "y");
    CHECK(got->list == std::vector{text});
  }
}

TEST_CASE("a text setting gets no text of a variable that is empty or not set") {
  for (auto variables : {std::map<std::string, std::string>{}, {{"X", ""}}}) {
    Problems problems;
    auto got = read("{text: '${env:X}', password: 'a${env:X}b'}", variables, problems);
    REQUIRE(got);
    CHECK(got->text.empty());
    CHECK(got->password.reveal() == "ab");
    CHECK(problems.warnings() == 2);
  }
}

TEST_CASE("an IPv6 address stands in an endpoint") {
  Problems problems;
  auto got = read("{text: '[${env:IP}]:4317', list: ['[${env:IP}]:1']}", {{"IP", "::"}}, problems);
  REQUIRE(got);
  CHECK(got->text == "[::]:4317");
  CHECK(got->list == std::vector<std::string>{"[::]:1"});
}

TEST_CASE("a dollar sign with a name is expanded in settings, never in a secret") {
  Problems problems;
  auto got = read("{text: a$X, password: 'a$X', headers: {b: 'Bearer $X', c: '${env:X}'}}", {{"X", "!"}}, problems);
  REQUIRE(got);
  CHECK(got->text == "a!");
  CHECK(got->password.reveal() == "a$X");
  CHECK(got->headers["b"].reveal() == "Bearer $X");
  CHECK(got->headers["c"].reveal() == "!");
}

TEST_CASE("a default without env: is taken, with a warning") {
  Problems problems;
  auto got = read("{text: '${X:-there}', password: '${env:X:-fine}'}", {}, problems);
  REQUIRE(got);
  CHECK(got->text == "there");
  CHECK(problems.to_string().find("write ${env:X:-there}") != std::string::npos);
  CHECK(problems.to_string().find("write ${env:X:-fine}") == std::string::npos);
}

TEST_CASE("whole numbers beyond 64 bits are errors, and texts where a text is wanted") {
  for (std::string number : {"18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "0xFFFFFFFFFFFFFFFFFF", "99999999999999999999"}) {
    for (std::string key : {"number", "small", "share", "any"}) {
      CAPTURE(number);
      CAPTURE(key);
      for (bool variable : {false, true}) {
        Problems problems;
        read(fmt::format("{{{}: {}}}", key, variable ? "'${env:X}'" : number), {{"X", number}}, problems);
        CHECK(problems.failed());
      }
    }
    Problems problems;
    CHECK(read("{text: " + number + ", any: '" + number + "'}", {}, problems)->text == number);
  }
  Problems problems;
  read("{any: {a: [1, 18446744073709551615]}}", {}, problems);
  CHECK(problems.to_string().find("any::a") != std::string::npos);
  Problems fine;
  auto got = read("{number: -9223372036854775808, any: 9223372036854775807, share: 1e30}", {}, fine);
  REQUIRE(got);
  CHECK(got->number == std::numeric_limits<std::int64_t>::min());
  CHECK(got->share == 1e30);
}

TEST_CASE("a variable that names a whole source may be missing, lists are joined behind a gate, paths in --set take :: too") {
  Environment environment;
  environment.variable = [](const std::string&) { return std::nullopt; };
  auto loaded = [&](std::vector<std::string> sources, std::vector<std::string> sets) {
    Problems problems;
    auto tree = load(sources, sets, environment, problems);
    CHECK(tree.has_value());
    return tree ? to_json(*tree) : problems.to_string();
  };
  CHECK(loaded({"yaml:a: 1", "env:UNSET"}, {}) == "{\"a\":1}");
  CHECK(loaded({"yaml:a: 1"}, {"b::c=2", "d.e::f=3"}) == "{\"a\":1,\"b\":{\"c\":2},\"d\":{\"e\":{\"f\":3}}}");
  CHECK(loaded({"yaml:a: [1, 2]", "yaml:a: [2, 3]"}, {}) == "{\"a\":[2,3]}");
  gates::set({"confmap.enableMergeAppendOption"});
  CHECK(loaded({"yaml:a: [1, 2]", "yaml:a: [2, 3]"}, {}) == "{\"a\":[1,2,3]}");
  gates::set({});
}

TEST_CASE("a tab that indents is named") {
  Problems problems;
  CHECK(!parse_yaml(std::make_shared<const Source>(Source{"x", "a:\n  b: 1\n\tc: 2\n"}), problems));
  CHECK(problems.to_string().find("x:3:1: error: a tab indents this line") != std::string::npos);
}

TEST_CASE("a check warns about what depends on the machine, and about what nothing uses") {
  for (auto purpose : {Problems::Purpose::start, Problems::Purpose::check}) {
    Problems problems(purpose);
    problems.machine_error({}, "no such file");
    {
      Problems::Unused unused(problems);
      problems.error({}, "wrong");
    }
    CHECK(problems.errors() == (purpose == Problems::Purpose::start ? 2 : 0));
    problems.error({}, "wrong");
    CHECK(problems.failed());
  }
}

namespace {

struct Ruled {
  std::int64_t a = 1, b = 1;
  std::vector<std::string> list;
  static std::span<const FieldInfo> fields() {
    static const std::array rows{field<&Ruled::a>("a", "."), field<&Ruled::b>("b", "."), field<&Ruled::list>("list", ".")};
    return rows;
  }
  void validate(Context& context) const {
    context.error_at("a", "rule about a");
    context.error_at("b", "rule about b");
    context.error_at("b", "another about b");
    context.error_at("list::1", "rule about an element");
  }
};

}  // namespace

TEST_CASE("all that is wrong is said at once, at its element, and nothing about what could not be read") {
  Problems problems;
  auto tree = parse_yaml(std::make_shared<const Source>(Source{"x", "a: word\nlist:\n- one\n- two\nc: 1\n"}), problems);
  REQUIRE(tree);
  decode<Ruled>(&*tree, problems);
  auto said = problems.to_string();
  CAPTURE(said);
  CHECK(said.find("rule about a\n") == std::string::npos);
  CHECK(said.find("rule about b") != std::string::npos);
  CHECK(said.find("another about b") != std::string::npos);
  CHECK(said.find("x:4:3: error: list::1: rule about an element") != std::string::npos);
  CHECK(said.find("c: unknown key") != std::string::npos);
  CHECK(problems.errors() == 5);
}

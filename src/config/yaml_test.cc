#include "config/yaml.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::config;

namespace {

std::string json_of(std::string_view yaml) {
  auto value = parse_yaml(yaml);
  return value ? to_json(*value) : "error: " + value.error().what;
}

}  // namespace

TEST_CASE("plain scalars mean what the collector's YAML makes of them") {
  struct {
    std::string_view in, out;
  } const rows[] = {
      {"1", "1"}, {"-7", "-7"}, {"+7", "7"}, {"65_536", "65536"}, {"0x1F", "31"}, {"0o17", "15"}, {"0b11", "3"},
      {"017", "15"}, {"089", "89"}, {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"}, {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551616", "18446744073709551616"}, {"1e3", "1000"}, {"1.5", "1.5"}, {".5", "0.5"}, {"1.", "1"},
      {".inf", "\"Infinity\""}, {"-.inf", "\"-Infinity\""}, {".nan", "\"NaN\""},
      {"true", "true"}, {"False", "false"}, {"yes", "\"yes\""}, {"off", "\"off\""}, {"~", "null"}, {"null", "null"},
      {"''", "\"\""}, {"'1'", "\"1\""}, {"\"true\"", "\"true\""}, {"!!str 1", "\"1\""}, {"!!int '5'", "5"},
      {"!!binary aGk=", "\"hi\""}, {"30s", "\"30s\""}, {"0x", "\"0x\""}, {"1e", "\"1e\""}, {"-", "[null]"},
      {"1.2.3", "\"1.2.3\""}, {"2023-01-01", "\"2023-01-01\""}, {"0.0.0.0:4317", "\"0.0.0.0:4317\""},
      {"localhost:4317", "\"localhost:4317\""}, {"", "null"}, {"# nothing", "null"}, {"{}", "{}"}, {"[]", "[]"}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(json_of(row.in) == row.out);
  }
}

TEST_CASE("a scalar keeps its text") {
  auto value = parse_yaml("a: 00123\nb: '00123'\nc: 65_536").value();
  CHECK(value.get("a")->text() == "00123");
  CHECK_FALSE(value.get("a")->quoted());
  CHECK(value.get("a")->as_int() == 83);
  CHECK(value.get("b")->kind() == Value::Kind::string);
  CHECK(value.get("b")->quoted());
  CHECK(value.get("c")->text() == "65_536");
}

TEST_CASE("maps keep their order, marks point at keys and values") {
  auto value = parse_yaml("b: 1\na:\n  - x\n  - {k: v}\nn:\n", "relay.yaml").value();
  CHECK(to_json(value) == R"({"b":1,"a":["x",{"k":"v"}],"n":null})");
  CHECK(value.entry("a")->mark.to_string() == "relay.yaml:2:1");
  CHECK(value.find("a::0")->mark().to_string() == "relay.yaml:3:5");
  CHECK(value.find("a::1::k")->mark().to_string() == "relay.yaml:4:9");
  CHECK(value.find("n")->mark().line == 5);
  CHECK(value.find("a::2") == nullptr);
  CHECK(value.find("a::1::k::z") == nullptr);
  CHECK(value.find("b::0") == nullptr);
}

TEST_CASE("anchors, aliases and merge keys") {
  CHECK(json_of("a: &x {p: 1, q: 2}\nb: *x") == R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2}})");
  CHECK(json_of("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3") == R"({"a":{"p":1,"q":2},"b":{"q":3,"p":1}})");
  CHECK(json_of("a: &x {p: 1}\nb: &y {p: 2, r: 4}\nc: {<<: [*x, *y]}") ==
        R"({"a":{"p":1},"b":{"p":2,"r":4},"c":{"p":1,"r":4}})");
  CHECK(json_of("'<<': 1") == R"({"<<":1})");
  CHECK(json_of("<<: 1").find("'<<' takes a map or a list of maps, not the number 1") != std::string::npos);
}

TEST_CASE("YAML errors name their place") {
  struct {
    std::string_view in, place, what;
  } const rows[] = {{"a: 1\nb: 2\na: 3", "y:3:1", "the key 'a' was already given at line 1, column 1"},
                    {"a: [1", "y:1:", "end of sequence flow not found"},
                    {"a: *b", "y:1:4", "anchor"},
                    {"a: &b [*b]", "y:1:8", "an alias inside of what it stands for"},
                    {"a: 1\nb: \"caf\xe9\" # caf\xe9", "y:2:4", "text that is not UTF-8"},
                    {"\xf1\xf1: 1\n\xf1\xf0: 2", "y:1:1", "text that is not UTF-8"},
                    {"[1]: 2", "y:1:1", "a key must be a plain text"},
                    {"~: 2", "y:1:1", "a key must be a plain text"}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    auto value = parse_yaml(row.in, "y");
    REQUIRE_FALSE(value);
    CHECK(value.error().what.find(row.place) == 0);
    CHECK(value.error().what.find(row.what) != std::string::npos);
  }
}

TEST_CASE("all duplicate keys are reported, not only the first") {
  Problems problems;
  parse_yaml(std::make_shared<Source>(Source{"y", "a: 1\na: 2\nb: 1\nb: 2"}), problems);
  CHECK(problems.errors() == 2);
}

TEST_CASE("bombs are refused before they are built") {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j ? "," : "", i - 1);
    bomb += "]\n";
  }
  CHECK(json_of(bomb).find("more than 250000 values") != std::string::npos);

  std::string wide = "a: &a '" + std::string(1 << 20, 'x') + "'\nb: [";
  for (int i = 0; i < 64; ++i) wide += "*a,";
  CHECK(json_of(wide + "]").find("bytes of text, aliases counted in full") != std::string::npos);

  CHECK(json_of(std::string(150, '[') + std::string(150, ']')).find("nested more than 100 deep") != std::string::npos);
  CHECK(json_of(std::string(20'000, '[')).starts_with("error: "));

  Problems problems;
  Limits limits;
  limits.source_bytes = 10;
  CHECK_FALSE(parse_yaml(std::make_shared<Source>(Source{"y", "0123456789ab"}), problems, limits));
  CHECK(problems.to_string() == "y: error: 12 bytes; the limit is 10\n");
}

TEST_CASE("of several documents the first is used, with a warning") {
  for (std::string_view text : {"a: 1\n---\nb: 2\n", "a: 1\n---\n{{{"}) {
    CAPTURE(text);
    Problems problems;
    auto value = parse_yaml(std::make_shared<Source>(Source{"y", std::string(text)}), problems);
    REQUIRE(value);
    CHECK(to_json(*value) == R"({"a":1})");
    CHECK(problems.warnings() == 1);
  }
}

TEST_CASE("what is printed as YAML reads back as the same tree") {
  auto value = parse_yaml(R"({a: "1", b: [x, {c: null, d: "yes"}, [], {}, [1, [2]]], "k: y": "l1\nl2", e: 1.5, f: .inf,
                              g: "", h: "- x", i: "0.0.0.0:1", j: true, k: "true", l: "#"})").value();
  CHECK(parse_yaml(to_yaml(value)).value() == value);
  std::string zeros = to_yaml(parse_yaml("[0.0, -0.0, -0e3]").value());
  CHECK(to_yaml(parse_yaml(zeros).value()) == zeros);
  value.set(std::string(2000, 'k'), value);  // too long to stand before a colon
  CHECK(parse_yaml(to_yaml(value)).value() == value);
}

TEST_CASE("merging goes into maps and replaces everything else") {
  auto base = parse_yaml("{a: {x: 1, l: [1, 2]}, b: 1, c: {z: 1}}").value();
  merge(base, parse_yaml("{a: {y: 2, l: [3]}, b: {q: 1}, c: null}").value());
  CHECK(to_json(base) == R"({"a":{"x":1,"l":[3],"y":2},"b":{"q":1},"c":null})");
}

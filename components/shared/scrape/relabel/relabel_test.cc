#include <doctest/doctest.h>

#include "components/shared/scrape/relabel/relabeler.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::scrape;

namespace {

Result<std::vector<Rule>> rules_of(std::string_view yaml) {
  WEIR_ASSIGN(config::Value value, config::parse_yaml(yaml));
  config::Problems problems;
  config::Context context(problems);
  std::vector<Rule> rules;
  config::decode(value, rules, context);
  WEIR_TRY(problems.result());
  return rules;
}

// The labels after the rules, or "dropped".
std::string relabel(std::string_view yaml, Labels labels, Naming naming = Naming::utf8) {
  auto rules = rules_of(yaml);
  REQUIRE_MESSAGE(rules, (rules ? "" : rules.error().what));
  auto relabeler = Relabeler::make(*rules, naming);
  REQUIRE_MESSAGE(relabeler, (relabeler ? "" : relabeler.error().what));
  return relabeler->apply(labels) ? to_string(labels) : "dropped";
}

std::string error_of(std::string_view yaml, Naming naming = Naming::utf8) {
  auto rules = rules_of(yaml);
  if (!rules) return rules.error().what;
  auto made = Relabeler::make(*rules, naming);
  return made ? "" : made.error().what;
}

const Labels abc{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};

}  // namespace

TEST_CASE("relabel: each action") {
  struct { std::string_view rules, out; } const rows[] = {
      {R"~([{source_labels: [a], regex: "f(.*)", target_label: d, separator: ";", replacement: "ch${1}-ch${1}"}])~", R"~({a="foo", b="bar", c="baz", d="choo-choo"})~"},
      {R"~([{source_labels: [a, b], regex: "f(.*);(.*)r", target_label: a, replacement: "b${1}${2}m"}, {source_labels: [c, a], regex: "(b).*b(.*)ba(.*)", target_label: d, replacement: "$1$2$2$3"}])~",
       R"~({a="boobam", b="bar", c="baz", d="boooom"})~"},
      {R"~([{source_labels: [a], regex: ".*o.*", action: drop}])~", "dropped"},
      {R"~([{source_labels: [a], regex: "o", action: drop}])~", R"~({a="foo", b="bar", c="baz"})~"},
      {R"~([{source_labels: [a], regex: "o", action: keep}])~", "dropped"},
      {R"~([{source_labels: [a], regex: "f.+", action: Keep}])~", R"~({a="foo", b="bar", c="baz"})~"},
      {R"~([{source_labels: [missing], regex: "", action: drop}])~", "dropped"},
      {R"~([{source_labels: [a], target_label: b, action: keepequal}])~", "dropped"},
      {R"~([{source_labels: [a], target_label: b, action: dropequal}])~", R"~({a="foo", b="bar", c="baz"})~"},
      {R"~([{source_labels: [a, missing], separator: "", target_label: a, regex: "(.*)", replacement: "x$1"}])~", R"~({a="xfoo", b="bar", c="baz"})~"},
      {R"~([{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}])~", R"~({a="foo", b="bar", c="baz", d="976"})~"},
      {R"~([{regex: "(b|c)", action: labelmap, replacement: "x_$1"}])~", R"~({a="foo", b="bar", c="baz", x_b="bar", x_c="baz"})~"},
      {R"~([{regex: "(b|c)", action: labeldrop}])~", R"~({a="foo"})~"},
      {R"~([{regex: "(b|c)", action: labelkeep}])~", R"~({b="bar", c="baz"})~"},
      {R"~([{source_labels: [a], target_label: d, action: uppercase}, {source_labels: [d], target_label: b, action: lowercase}])~", R"~({a="foo", b="foo", c="baz", d="FOO"})~"},
      {R"~([{target_label: d, replacement: fixed}, {target_label: a, replacement: ""}])~", R"~({b="bar", c="baz", d="fixed"})~"},
      {R"~([{source_labels: [a], regex: "(f)oo", target_label: d, replacement: "$1ü${1}ü$01"}])~", R"~({a="foo", b="bar", c="baz", d="fü"})~"},
      {R"~([{target_label: z, replacement: first}, {target_label: y, replacement: last}, {regex: "[cyz]", action: labelmap, replacement: d}])~", R"~({a="foo", b="bar", c="baz", d="last", y="last", z="first"})~"},
      {R"~([{source_labels: [a], regex: "(f)(o)(o)", target_label: "${1}_$3", replacement: "$$1 $x ${y} ${2}$"}])~", R"~({a="foo", b="bar", c="baz", f_o="$1   o$"})~"},
      {R"~([{source_labels: [a], regex: "(?P<first>.).*", target_label: d, replacement: "${first}$first"}])~", R"~({a="foo", b="bar", c="baz", d="ff"})~"},
      {R"~([{source_labels: [a], regex: "(.*)", target_label: "$1!", replacement: "x"}])~", R"~({a="foo", b="bar", c="baz", foo!="x"})~"},
  };
  for (auto& row : rows) {
    CAPTURE(row.rules);
    CHECK(relabel(row.rules, abc) == row.out);
  }
}

TEST_CASE("relabel: a name that is not allowed is not set") {
  CHECK(relabel(R"~([{source_labels: [a], regex: "(.)", target_label: "${1}x", replacement: "y"}])~", {{"a", "-"}}, Naming::legacy) == R"~({a="-"})~");
  CHECK(relabel(R"~([{source_labels: [a], regex: "(.)", target_label: "${1}x", replacement: "y"}])~", {{"a", "-"}}) == R"~({-x="y", a="-"})~");
}

TEST_CASE("relabel: a line break is a character, and all of the text must match") {
  CHECK(relabel(R"~([{source_labels: [a], regex: "x.y", action: keep}])~", {{"a", "x\ny"}}) != "dropped");
  CHECK(relabel(R"~([{source_labels: [a], regex: "x|xy", action: keep}])~", {{"a", "xyz"}}) == "dropped");
}

TEST_CASE("relabel: rules that cannot work are refused") {
  CHECK(error_of("[{action: hashmod, target_label: a}]").find("requires non-zero modulus") != std::string::npos);
  CHECK(error_of("[{source_labels: [a]}]").find("replace action requires 'target_label' value") != std::string::npos);
  CHECK(error_of("[{action: labeldrop, source_labels: [a]}]").find("labeldrop action requires only 'regex', and no other fields") != std::string::npos);
  CHECK(error_of("[{action: keepequal, target_label: a, regex: x}]").find("and no other fields") != std::string::npos);
  CHECK(error_of("[{action: lowercase, target_label: a, replacement: x}]").find("'replacement' can not be set for lowercase action") != std::string::npos);
  CHECK(error_of("[{target_label: 'a-b'}]") == "");
  CHECK(error_of("[{source_labels: [''], target_label: a}]").find("\"\" is not a valid label name") != std::string::npos);
  CHECK(error_of("[{target_label: 'a-b'}]", Naming::legacy).find("is invalid 'target_label' for replace action") != std::string::npos);
  CHECK(error_of("[{action: labelmap, replacement: '-$1'}]", Naming::legacy).find("is invalid 'replacement' for labelmap action") != std::string::npos);
  CHECK(error_of("[{target_label: a, regex: '('}]") != "");
  CHECK(error_of("[{target_label: a, action: turn}]").find("turn") != std::string::npos);
  CHECK(error_of("[{target_label: a, sources: [b]}]").find("sources") != std::string::npos);
}

TEST_CASE("relabel: the trace tells what each rule made of the labels") {
  auto rules = rules_of("[{target_label: d, replacement: x}, {source_labels: [d], regex: x, action: drop}, {target_label: e, replacement: y}]");
  auto relabeler = Relabeler::make(*rules, Naming::utf8);
  Labels labels = abc;
  std::vector<std::string> steps;
  CHECK(!relabeler->apply(labels, [&](std::size_t rule, const Labels& now, bool kept) { steps.push_back(fmt::format("{} {} {}", rule, now.get("d"), kept)); }));
  CHECK(steps == std::vector<std::string>{"0 x true", "1 x false"});
}

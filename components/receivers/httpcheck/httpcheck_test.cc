#include <doctest/doctest.h>

#include "components/receivers/httpcheck/points.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::receivers::httpcheck;

TEST_CASE("httpcheck: findings as metrics") {
  std::vector<Finding> findings{{"http://a/", "GET", 12, 204, ""}, {"http://b/", "POST", 3, 0, "refused"}};
  auto batch = to_metrics(findings, {}, 5, 9);
  CHECK(batch.items() == 2 + 1 + 10);
  std::string out = otlp::to_json(batch);
  CAPTURE(out);
  for (std::string_view part : {R"("name":"httpcheck.duration","description":"Measures the duration of the HTTP check.","unit":"ms","gauge":{"dataPoints":[{"attributes":[{"key":"http.url","value":{"stringValue":"http://a/"}}],"startTimeUnixNano":"5","timeUnixNano":"9","asInt":"12"})",
                                R"({"key":"error.message","value":{"stringValue":"refused"}})",
                                R"([{"key":"http.url","value":{"stringValue":"http://a/"}},{"key":"http.status_code","value":{"intValue":"204"}},{"key":"http.method","value":{"stringValue":"GET"}},{"key":"http.status_class","value":{"stringValue":"2xx"}}],"startTimeUnixNano":"5","timeUnixNano":"9","asInt":"1"})"})
    CHECK_MESSAGE(out.find(part) != out.npos, part);
  batch.settle({});
  Metrics few;
  few.duration.enabled = few.error.enabled = false;
  auto less = to_metrics(findings, few, 5, 9);
  CHECK(less.items() == 10);
  less.settle({});
}

TEST_CASE("httpcheck: where redirects lead") {
  CHECK(redirected("http://a:80/x/y?q=/z", "/p") == "http://a/p");
  CHECK(redirected("https://a:8443/x/y?q=/z", "p") == "https://a:8443/x/p");
  CHECK(redirected("http://a/", "https://b/c") == "https://b/c");
  CHECK(redirected("https://a/", "//b/c") == "https://b/c");
  CHECK(redirected("http://a/", "").empty());
}

TEST_CASE("httpcheck: the status is told with the class that it is of") {
  std::vector<Finding> findings{{"http://a/", "GET", 12, 503, ""}};
  auto batch = to_metrics(findings, {}, 5, 9);
  std::string out = otlp::to_json(batch);
  batch.settle({});
  CAPTURE(out);
  std::size_t codes = 0;
  for (auto at = out.find("http.status_code"); at != out.npos; at = out.find("http.status_code", at + 1)) ++codes;
  CHECK(codes == 1);
}

TEST_CASE("httpcheck: bodies are validated") {
  auto check = [](std::vector<Validation> rules, std::string_view body) {
    auto validator = Validator::make(rules);
    REQUIRE(validator);
    std::string out;
    for (auto& verdict : validator->check(body)) out += fmt::format("{} {}:{} ", verdict.type, verdict.passed, verdict.failed);
    return out;
  };
  CHECK(check({{.contains = "ok"}, {.contains = "no"}, {.not_contains = "no"}}, "is ok") == "contains 1:1 not_contains 1:0 ");
  CHECK(check({{.max_size = 5, .min_size = 6}}, "is ok") == "size 1:1 ");
  CHECK(check({{.regex = "^is.ok$"}, {.regex = "x"}}, "is ok") == "regex 1:1 ");
  CHECK(check({{.json_path = "a", .equals = "1", .max_size = 1}}, R"({"a":1})") == "json_path 1:0 size 0:1 ");
  CHECK(check({{.json_path = "b", .max_size = 1}}, R"({"a":1})") == "json_path 0:1 ");
  CHECK(check({{.json_path = "b"}}, "no JSON") == "json_path 0:1 ");
}

TEST_CASE("httpcheck: paths into JSON") {
  std::string_view json = R"({"a":{"b":[1,2.50,"x",{"c":true},{"c":null}]},"d.e":1e2,"long":"t","n":-7,"0":"zero"})";
  auto at = [&](std::string_view path) {
    auto parsed = JsonPath::parse(path);
    REQUIRE(parsed);
    return parsed->find(json).value_or("(none)");
  };
  CHECK(at("a.b.0") == "1");
  CHECK(at("a.b.1") == "2.5");
  CHECK(at("a.b.2") == "x");
  CHECK(at("a.b.3.c") == "true");
  CHECK(at("a.b.4.c") == "");
  CHECK(at("a.b.5") == "(none)");
  CHECK(at("a.b.x") == "(none)");
  CHECK(at("a.b.#") == "5");
  CHECK(at("a.b.#.c") == "[true,null]");
  CHECK(at("d\\.e") == "100");
  CHECK(at("l*g") == "t");
  CHECK(at("l?n?") == "t");
  CHECK(at("l?n") == "(none)");
  CHECK(at("n") == "-7");
  CHECK(at("0") == "zero");
  CHECK(at("$.n") == "(none)");
  CHECK(at("a.b.3") == R"({"c":true})");
  CHECK_FALSE(JsonPath::parse("a.#(b==1)"));
  CHECK_FALSE(JsonPath::parse("@reverse"));
}

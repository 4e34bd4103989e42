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

#include "components/extensions/health_check/health_check.h"

#include "base/regex.h"
#include "components/shared/web/testing.h"
#include "config/yaml.h"

namespace weir::extensions::health_check {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::health_check;
using web::testing::Browser;

namespace {

std::shared_ptr<const Config> read(std::string_view yaml, std::string* text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto config = extensions::health_check::factory().decode(&*value, problems);
  if (text) *text = problems.to_string();
  return std::static_pointer_cast<const Config>(config);
}

struct Fixture {
  explicit Fixture(std::string_view yaml) : check(*read(yaml), browser.context({"health_check", ""})) {
    REQUIRE(check.start());
  }
  ~Fixture() { check.stop(); }
  web::testing::Reply get(std::string_view path) { return browser.get(check.endpoint(), path); }
  Browser browser;
  HealthCheck check;
};

bool is_like(std::string_view text, std::string_view pattern) { return Regex::compile(pattern)->matches_all(text); }

}  // namespace

TEST_CASE("health_check: unavailable until the pipelines are ready, and again when they are to stop") {
  Fixture f("endpoint: 127.0.0.1:0");
  const std::string down = R"({"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""})";
  auto reply = f.get("/");
  CHECK(reply.status == 503);
  CHECK(reply.body == down);
  f.check.ready();
  reply = f.get("/whatever");
  CHECK(reply.status == 200);
  CHECK(reply.type == "application/json");
  CHECK_MESSAGE(is_like(reply.body, R"(\{"status":"Server available","upSince":"20[-0-9:.T]+Z","uptime":"[0-9.a-zµ]+"\})"), reply.body);
  f.check.not_ready();
  reply = f.get("/");
  CHECK(reply.status == 503);
  CHECK(reply.body == down);
}

TEST_CASE("health_check: a path and bodies of one's own") {
  Fixture f("{endpoint: 127.0.0.1:0, path: /healthz, response_body: {healthy: fine, unhealthy: bad}}");
  CHECK(f.get("/healthz").body == "bad");
  f.check.ready();
  CHECK(f.get("/healthz").body == "fine");
  CHECK(f.browser.ask("POST", f.check.endpoint(), "/healthz").body == "fine");
  CHECK(f.get("/healthz/").status == 404);
  CHECK(f.get("/").status == 404);
}

TEST_CASE("health_check: it answers when the process has no memory left to give") {
  Fixture f("endpoint: 127.0.0.1:0");
  f.browser.host.budget().set_closed(true);
  f.check.ready();
  CHECK(f.get("/").status == 200);
}

TEST_CASE("health_check v2: the whole, a pipeline, components, configuration") {
  Fixture f("{use_v2: true, http: {endpoint: 127.0.0.1:0, status: {path: /st}, config: {enabled: true, path: /cf}}}");
  auto reply = f.get("/st");
  CHECK(reply.status == 503);
  CHECK(reply.body.find(R"("healthy":false,"status":"StatusStarting")") != std::string::npos);
  f.check.ready();
  reply = f.get("/st?verbose");
  CHECK(reply.status == 200);
  CHECK_MESSAGE(is_like(reply.body, R"(\{"start_time":"20[^"]+Z","healthy":true,"status":"StatusOK","status_time":"20[^"]+Z","attributes":\{\}\})"), reply.body);
  CHECK(f.get("/st?pipeline=traces").status == 404);
  CHECK(f.get("/cf").status == 503);
  CHECK(f.get("/").status == 404);
  f.check.not_ready();
  CHECK(f.get("/st").body.find("StatusStopping") != std::string::npos);
}

TEST_CASE("health_check v2: what is said about a plan") {
  struct Settings {
    config::Secret token{"hunter2"};
    std::string name = "x";
    static std::span<const config::FieldInfo> fields() {
      static const std::array rows{config::field<&Settings::token>("token", ""), config::field<&Settings::name>("name", "")};
      return rows;
    }
  };
  const engine::Factory in{.kind = engine::Kind::receiver, .type = "in", .signals = {otlp::Signal::traces}};
  const engine::Factory out{.kind = engine::Kind::exporter,
                            .type = "out",
                            .signals = {otlp::Signal::traces},
                            .encode = [](const void* c) { return config::to_value(*static_cast<const Settings*>(c)); }};
  engine::PlanSpec spec;
  spec.receivers = {{{"in", ""}, &in, nullptr}};
  spec.exporters = {{{"out", "a"}, &out, std::make_shared<Settings>()}};
  spec.extensions = {{{"health_check", ""}, nullptr, nullptr}};
  spec.pipelines = {{"traces/1", otlp::Signal::traces, {{"in", ""}}, {}, {{"out", "a"}}}};
  for (auto& extension : spec.extensions) extension.factory = &in;
  auto plan = engine::Plan::build(std::move(spec));
  REQUIRE(plan.has_value());
  Health health{State::ok, 1'700'000'000'000'000'000, 1'700'000'001'000'000'000};
  const std::string one = R"({"healthy":true,"status":"StatusOK","status_time":"2023-11-14T22:13:21Z","attributes":{}})";
  const std::string both = R"("components":{"receiver:in":)" + one + R"(,"exporter:out/a":)" + one + "}";
  const std::string head = R"({"start_time":"2023-11-14T22:13:20Z",)" + one.substr(1, one.size() - 2);
  CHECK(status_json(health, &*plan, "", false) == head + "}");
  CHECK(status_json(health, &*plan, "traces/1", true) == head + "," + both + "}");
  CHECK(status_json(health, &*plan, "", true) ==
        head + R"(,"components":{"extensions":)" + one.substr(0, one.size() - 1) + R"(,"components":{"extension:health_check":)" + one +
            R"(}},"pipeline:traces/1":)" + one.substr(0, one.size() - 1) + "," + both + "}}}");
  CHECK_FALSE(status_json(health, &*plan, "nope", false));
  CHECK(config_json(*plan) ==
        R"({"receivers":{"in":{}},"processors":{},"exporters":{"out/a":{"token":"[REDACTED]","name":"x"}},"connectors":{},)"
        R"("extensions":{"health_check":{}},"service":{"extensions":["health_check"],"pipelines":{"traces/1":)"
        R"({"receivers":["in"],"processors":[],"exporters":["out/a"]}}}})");
}

TEST_CASE("health_check: settings") {
  struct {
    std::string_view yaml, said;
  } const rows[] = {
      {"path: x", "path must start with /"},
      {"path: ''", "path must start with /"},
      {"endpoint: ''", "http endpoint required"},
      {"use_v2: true", "must specify at least one protocol"},
      {"{use_v2: true, http: {status: {path: a}}}", "path must start with /"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string text;
    CHECK_FALSE(read(row.yaml, &text));
    CHECK_MESSAGE(text.find(row.said) != text.npos, text);
  }
  CHECK(read("{}")->server.endpoint == "localhost:13133");
  CHECK(read("{check_collector_pipeline: {enabled: true, interval: 5m, exporter_failure_threshold: 5}}"));
  CHECK(read("{use_v2: true, http: }")->http->server.endpoint == "localhost:13133");
}

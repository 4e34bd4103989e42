#include "components/extensions/zpages/zpages.h"

#include "components/shared/web/testing.h"
#include "config/yaml.h"

namespace weir::extensions::zpages {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::zpages;

namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("zpages: pages are served, and only read") {
  web::testing::Browser browser;
  Config config;
  config.server.endpoint = "127.0.0.1:0";
  config.expvar.enabled = true;
  ZPages pages(config, browser.context({"zpages", ""}));
  REQUIRE(pages.start());
  for (std::string_view name : {"servicez", "pipelinez", "extensionz", "featurez"}) {
    CAPTURE(name);
    auto reply = browser.get(pages.endpoint(), fmt::format("/debug/{}", name));
    CHECK(reply.status == 200);
    CHECK(reply.type == "text/html; charset=utf-8");
    CHECK(reply.body.starts_with("<!DOCTYPE html>"));
    CHECK(browser.ask("POST", pages.endpoint(), fmt::format("/debug/{}", name)).status == 405);
  }
  auto reply = browser.get(pages.endpoint(), "/debug/expvarz");
  CHECK(reply.type == "application/json");
  auto parsed = config::parse_yaml(reply.body);
  REQUIRE(parsed.has_value());
  CHECK(parsed->find("cmdline")->size() > 0);
  CHECK(parsed->find("memstats::Sys")->as_int() > 0);
  CHECK(browser.get(pages.endpoint(), "/debug/tracez").status == 404);
  pages.stop();
}

TEST_CASE("zpages: a plan, what went through it, and nothing of it can become markup") {
  const engine::Factory in{.kind = engine::Kind::receiver, .type = "in", .signals = {otlp::Signal::traces}};
  const engine::Factory out{.kind = engine::Kind::exporter, .type = "out", .signals = {otlp::Signal::traces}};
  const engine::Factory tool{.kind = engine::Kind::extension, .type = "tool", .summary = "Helps & more."};
  engine::PlanSpec spec;
  spec.receivers = {{{"in", ""}, &in, nullptr}};
  spec.exporters = {{{"out", "<b>"}, &out, nullptr}};
  spec.extensions = {{{"tool", "x"}, &tool, nullptr}};
  spec.pipelines = {{"traces/1", otlp::Signal::traces, {{"in", ""}}, {}, {{"out", "<b>"}}}};
  auto plan = engine::Plan::build(std::move(spec));
  REQUIRE(plan.has_value());
  auto labels = [](std::string_view more, std::string_view value) {
    return telemetry::Labels{{"component", "out/<b>"}, {"kind", "exporter"}, {"signal", "traces"}, {std::string(more), std::string(value)}};
  };
  std::vector<telemetry::Family> metrics{
      {"weir_ledger_items", "", "", telemetry::Type::counter, {{.labels = labels("flow", "in"), .value = 12}, {.labels = labels("flow", "delivered"), .value = 7}}},
      {"weir_dropped_items_total", "", "", telemetry::Type::counter, {{.labels = labels("reason", "queue_full"), .value = 5}}}};
  std::string page = pipelines_page(&*plan, metrics);
  CHECK(has(page, "<tr><td>traces/1</td><td>in</td><td></td><td>out/&lt;b&gt;</td></tr>"));
  CHECK(has(page, "<tr><td>exporter out/&lt;b&gt; (traces)</td><td class=\"n\">12</td><td class=\"n\">0</td><td class=\"n\">0</td>"
                  "<td class=\"n\">0</td><td class=\"n\">7</td><td class=\"n\">0</td><td class=\"n\">5</td></tr>"));
  CHECK(has(page, "<td>queue_full</td><td>5</td>"));
  CHECK(has(page, "receiver in  OK is "));
  CHECK_FALSE(has(page, "<b>"));
  CHECK(has(extensions_page(&*plan), "<td>tool/x</td><td>Helps &amp; more.</td>"));
  CHECK(has(pipelines_page(nullptr, {}), "No pipeline is running"));
  CHECK(has(expvar_json({}, metrics), R"x("weir_dropped_items_total{component=out/<b>,kind=exporter,signal=traces,reason=queue_full}":5)x"));
}

TEST_CASE("zpages: the service page") {
  std::string page = service_page({.started = 1'700'000'000'000'000'000, .now = 1'700'000'090'500'000'000, .resident = 3 << 20});
  CHECK(has(page, "2023-11-14T22:13:20Z"));
  CHECK(has(page, "1m30s"));
  CHECK(has(page, "3.0 MiB"));
}

TEST_CASE("zpages: settings") {
  auto read = [](std::string_view yaml) {
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    return std::static_pointer_cast<const Config>(extensions::zpages::factory().decode(&*value, problems));
  };
  CHECK(read("{}")->server.endpoint == "localhost:55679");
  CHECK_FALSE(read("endpoint: ''"));
}

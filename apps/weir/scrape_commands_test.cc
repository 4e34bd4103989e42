#include <doctest/doctest.h>

#include "weir/scrape_commands.h"

using namespace weir;
using namespace weir::app;

TEST_CASE("weir relabel: labels in both forms") {
  scrape::Labels expected{{"__address__", "h:1"}, {"a", "b"}};
  CHECK(*parse_labels("__address__=h:1, a=b") == expected);
  CHECK(*parse_labels(R"({__address__="h:1",a="b"})") == expected);
  CHECK(!parse_labels("a"));
  CHECK(!parse_labels("{a=b}"));
}

TEST_CASE("weir relabel: each rule's effect") {
  scrape::ScrapeConfig job{.job_name = "j"};
  job.relabel_configs = {{.source_labels = {"__address__"}, .regex = "(.*):.*", .target_label = "host"}, {.regex = "zone", .action = scrape::Action::labeldrop}};
  REQUIRE(job.complete({}));
  std::string text = explain_relabeling(job, {{"__address__", "h:1"}, {"zone", "z"}});
  CAPTURE(text);
  CHECK(text.find("1. replace source_labels=[__address__] regex=\"(.*):.*\" target_label=host\n      + host=\"h\"\n") != std::string::npos);
  CHECK(text.find("2. labeldrop regex=\"zone\"\n      - zone=\"z\"\n") != std::string::npos);
  CHECK(text.find("scraped: http://h:1/metrics every 1m\n") != std::string::npos);
  job.relabel_configs = {{.source_labels = {"zone"}, .regex = "z", .action = scrape::Action::drop}};
  CHECK(explain_relabeling(job, {{"__address__", "h:1"}, {"zone", "z"}}).ends_with("      drops it\n  dropped\n"));
}

TEST_CASE("weir targets: a table of what a running weir says") {
  auto table = targets_table(R"({"jobs":[{"receiver":"prometheus","job":"j","targets":[{"url":"http://h:1/metrics","labels":{"job":"j"},"discovered_labels":{},"core":1,"health":"down","last_error":"refused","samples":0,"duration_seconds":0.1,"last_scrape":"t"}],"dropped_count":2,"dropped":[],"failures":[]}]})");
  REQUIRE(table);
  CHECK(table->find("prometheus: job j: 1 targets, 2 dropped\n  down    http://h:1/metrics  core 1") != std::string::npos);
  CHECK(table->find("error refused") != std::string::npos);
  CHECK(!targets_table("[]"));
}

#include <doctest/doctest.h>

#include "components/shared/scrape/discovery/dns_answer.h"
#include "components/shared/scrape/http/credentials.h"
#include "components/shared/scrape/http/fetcher.h"
#include "components/shared/scrape/targets.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::scrape;

namespace {

// The jobs, or the errors.
Result<std::vector<ScrapeConfig>> jobs_of(std::string_view yaml) {
  WEIR_ASSIGN(config::Value tree, config::parse_yaml(yaml));
  config::Problems problems;
  auto decoded = config::decode<PrometheusConfig>(&tree, problems);
  WEIR_TRY(problems.result());
  return decoded->jobs();
}

std::string error_of(std::string_view yaml) {
  auto jobs = jobs_of(yaml);
  return jobs ? "" : jobs.error().what;
}

ScrapeConfig job_of(std::string_view yaml) {
  auto jobs = jobs_of(fmt::format("scrape_configs: [{}]", yaml));
  REQUIRE_MESSAGE(jobs, (jobs ? "" : jobs.error().what));
  return std::move(jobs->at(0));
}

Targets targets_of(const ScrapeConfig& job, const Labels& target) {
  auto rules = Relabeler::make(job.relabel_configs, job.naming());
  REQUIRE(rules);
  return make_targets(job, *rules, {{.source = "s", .targets = {target}}});
}

}  // namespace

TEST_CASE("durations as Prometheus has them") {
  struct { std::string_view in; Duration out; } const rows[] = {{"15s", 15s}, {"1h30m", 90min}, {"500ms", 500ms}, {"1d", 24h}, {"1w", 7 * 24h}, {"1y", 365 * 24h}, {"0", 0s}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(*parse_prom_duration(row.in) == row.out);
    CHECK(*parse_prom_duration(format_prom_duration(row.out)) == row.out);
  }
  for (std::string_view bad : {"", "1", "s", "1.5s", "1m1h", "1s1s", "-1s", "1x", "99999999y"}) {
    CAPTURE(bad);
    CHECK(!parse_prom_duration(bad));
  }
  CHECK(format_prom_duration(90min) == "1h30m");
  CHECK(format_prom_duration(14 * 24h) == "2w");
}

TEST_CASE("a job takes from global what it does not say itself") {
  auto jobs = jobs_of(R"(
global: {scrape_interval: 20s, sample_limit: 7, scrape_native_histograms: true}
scrape_configs:
  - {job_name: a}
  - {job_name: b, scrape_interval: 5s, sample_limit: 3, scrape_native_histograms: false, scrape_protocols: [PrometheusText0.0.4], metric_name_validation_scheme: legacy}
)");
  REQUIRE(jobs);
  auto& a = jobs->at(0).own;
  auto& b = jobs->at(1).own;
  CHECK(a.scrape_interval.value == 20s);
  CHECK(a.scrape_timeout.value == 10s);
  CHECK(a.sample_limit == 7);
  CHECK(a.scrape_protocols.front() == Protocol::protobuf);
  CHECK(a.metric_name_escaping_scheme == "allow-utf-8");
  CHECK(b.scrape_timeout.value == 5s);
  CHECK(b.sample_limit == 3);
  CHECK(b.scrape_protocols == std::vector{Protocol::text_0_0_4});
  CHECK(b.metric_name_escaping_scheme == "underscores");
}

TEST_CASE("configurations that cannot be right are refused, with their place") {
  struct { std::string_view yaml, error; } const rows[] = {
      {"scrape_configs: [{job_name: a}, {job_name: a}]", "found multiple scrape configs with job name \"a\""},
      {"scrape_configs: [{job_name: a, scrape_timeout: 2m}]", "scrape timeout greater than scrape interval"},
      {"scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s", "3:5"},
      {"scrape_configs: [{job_name: a, consul_sd_configs: [{server: x}]}]", "consul_sd_configs is not supported"},
      {"scrape_configs: [{job_name: a, basic_auth: {username: a}, authorization: {credentials: b}}]", "at most one of basic_auth, oauth2 & authorization must be configured"},
      {"scrape_configs: [{job_name: a, static_configs: [{targets: ['http://x']}]}]", "\"http://x\" is not a valid hostname"},
      {"scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}]", "requires non-zero modulus"},
      {"scrape_configs: [{job_name: a, file_sd_configs: [{files: [x.txt]}]}]", "path name \"x.txt\" is not valid for file discovery"},
      {"scrape_configs: [{job_name: a, dns_sd_configs: [{names: [x], type: A}]}]", "a port is required"},
      {"scrape_configs: [{job_name: a, scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]}]", "duplicated protocol"},
      {"scrape_configs: [{job_name: a, http_headers: {user-agent: {values: [x]}}}]", "setting header \"user-agent\" is not allowed"},
      {"scrape_configs: [{job_name: a, body_size_limit: 1.5.5KB}]", "expected a size such as 10MB"},
      {"scrape_configs: [{job_name: a, body_size_limit: 1e30MB}]", "expected a size such as 10MB"},
      {"scrape_configs: [{job_name: a, body_size_limit: 99999999999999999999.5PB}]", "expected a size such as 10MB"},
      {"remote_write: [{url: x}]\nrule_files: [a]", "unsupported features:\n\tremote_write\n\trule_files"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string error = error_of(row.yaml);
    CAPTURE(error);
    CHECK(error.find(row.error) != std::string::npos);
  }
}

TEST_CASE("sizes may have a fraction") {
  CHECK(job_of("{job_name: a, body_size_limit: 1.5KB}").own.body_size_limit.value == 1536);
  CHECK(job_of("{job_name: a, body_size_limit: 10MiB}").own.body_size_limit.value == 10 * 1024 * 1024);
}

TEST_CASE("targets: labels of the scrape, relabeling, the URL") {
  auto job = job_of("{job_name: a, metrics_path: /m, params: {x: [\"1 2\"]}, relabel_configs: [{source_labels: [__meta_p], target_label: p}, {source_labels: [__address__], regex: 'drop.*', action: drop}]}");
  Targets made = targets_of(job, {{"__address__", "h:1"}, {"__meta_p", "v"}, {"__param_y", "z"}});
  REQUIRE(made.active.size() == 1);
  CHECK(made.active[0]->url == "http://h:1/m?x=1+2&y=z");
  CHECK(made.active[0]->labels.get("instance") == "h:1");
  CHECK(made.active[0]->labels.get("p") == "v");
  CHECK(!made.active[0]->labels.has("__meta_p"));
  CHECK(made.active[0]->discovered.get("__scheme__") == "http");
  CHECK(targets_of(job, {{"__address__", "drop:1"}}).dropped_count == 1);
  CHECK(targets_of(job, {{"x", "y"}}).failures == std::vector<std::string>{"instance 0 in group s: no address"});
  CHECK(targets_of(job, {{"__address__", "h"}, {"__scrape_timeout__", "5m"}}).failures.at(0).find("cannot be greater than scrape interval") != std::string::npos);
  CHECK(targets_of(job, {{"__address__", "h"}, {"__scrape_native_histograms__", "true"}}).active.at(0)->native_histograms);
}

TEST_CASE("lists of targets from files and services") {
  auto json = parse_groups_json(R"([{"targets": ["a:1", "b:2"], "labels": {"x": "y"}}])", "f");
  REQUIRE(json);
  CHECK(json->at(0).targets.size() == 2);
  CHECK(json->at(0).labels == Labels{{"x", "y"}});
  auto yaml = parse_groups_yaml("- targets: [a:1]\n  labels: {n: 5}\n", "f");
  REQUIRE(yaml);
  CHECK(yaml->at(0).labels == Labels{{"n", "5"}});
  for (std::string_view bad : {"{}", "[1]", R"([{"target": []}])", R"([{"targets": [1]}])", R"([{"labels": {"a": 1}}])", "["}) {
    CAPTURE(bad);
    CHECK(!parse_groups_json(bad, "f"));
  }
  CHECK(!parse_groups_yaml("- {target: [a]}", "f"));
}

TEST_CASE("records of a DNS answer") {
  // One question, answers SRV 0 0 9100 host.example. and A 10.0.0.1; 0xc00c points to the question's name.
  std::string message("\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01x\x00\x00\x21\x00\x01", 19);
  message += std::string("\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00\x14\x00\x00\x00\x00\x23\x8c\x04host\x07" "example\x00", 32);
  message += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x01", 16);
  auto records = read_dns_answer(message);
  REQUIRE(records);
  REQUIRE(records->size() == 2);
  CHECK(records->at(0).value == "host.example.");
  CHECK(records->at(0).port == 9100);
  CHECK(records->at(1).value == "10.0.0.1");
  CHECK(read_dns_answer("")->empty());
  for (std::size_t n = 1; n < message.size(); ++n) (void)read_dns_answer(std::string(message, 0, n));
}

TEST_CASE("redirects: where they lead, and whether credentials go there") {
  CHECK(*resolve_url("http://a:1/x/y?q", "/z") == "http://a:1/z");
  CHECK(*resolve_url("http://a:1/x/y", "z") == "http://a:1/x/z");
  CHECK(*resolve_url("http://a/x", "https://b/") == "https://b/");
  CHECK(!resolve_url("http://a/x", "ftp://b/"));
  CHECK(is_same_site("A.example.com", "example.com"));
  CHECK(is_same_site("example.com", "example.com"));
  CHECK(!is_same_site("badexample.com", "example.com"));
  CHECK(!is_same_site("example.com", "a.example.com"));
}

#include "weir/allocator/jobs.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "weir/allocator/settings.h"

using namespace weir;
using namespace weir::app;

namespace {

// The targets of a job with fixed targets, by address: those that are one target for Prometheus stand in one pair of brackets.
std::string targets(std::string_view yaml) {
  auto tree = config::parse_yaml(yaml);
  REQUIRE(tree);
  tree->set("job_name", config::Value::string("job"));
  auto job = monitors::make_job(*tree, {});
  REQUIRE_MESSAGE(job, (job ? "" : job.error().what));
  auto relabeler = scrape::Relabeler::make(job->config.relabel_configs, job->config.naming());
  REQUIRE(relabeler);
  std::vector<scrape::TargetGroup> groups;
  for (auto& section : job->config.static_configs) {
    auto& group = groups.emplace_back();
    for (auto& [name, value] : section.labels) group.labels.set(name, value);
    for (auto& address : section.targets) group.targets.emplace_back().set(scrape::address_label, address);
  }
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (auto& item : items_of(job->config, *relabeler, groups, true)) {
    auto same = std::find_if(found.begin(), found.end(), [&](auto& one) { return one.first == item.hash; });
    if (same == found.end()) found.emplace_back(item.hash, item.address);
    else same->second += "," + item.address;
    CHECK(!item.labels.has("job"));
    CHECK(!item.labels.has("__scheme__"));
  }
  std::string out;
  for (auto& [hash, addresses] : found) out += "[" + addresses + "]";
  return out;
}

}  // namespace

TEST_CASE("allocator: which targets are kept, and which are one, as Prometheus has it") {
  constexpr std::string_view two = "static_configs: [{targets: ['a:1', 'b:2'], labels: {zone: x, port: '1', same: '1', other: '2'}}]";
  struct { std::string_view rules, out; } const rows[] = {
      {"[]", "[a:1][b:2]"},
      {"[{source_labels: [__address__], regex: 'a:.*', action: keep}]", "[a:1]"},
      {"[{source_labels: [__address__], regex: 'a:.*', action: drop}]", "[b:2]"},
      {"[{source_labels: [port], target_label: same, action: keepequal}]", "[a:1][b:2]"},
      {"[{source_labels: [port], target_label: other, action: keepequal}]", ""},
      {"[{source_labels: [port], target_label: same, action: dropequal}]", ""},
      // One address for both: one target.
      {"[{target_label: __address__, replacement: 'proxy:9'}]", "[a:1,b:2]"},
      // As a prober has it: they stay two.
      {"[{source_labels: [__address__], target_label: __param_target}, {source_labels: [__param_target], target_label: instance}, {target_label: __address__, replacement: 'prober:9'}]", "[a:1][b:2]"},
      {"[{regex: __address__, action: labeldrop}]", "[a:1,b:2]"},
      {"[{source_labels: [__address__], modulus: 2, target_label: __tmp_shard, action: hashmod}, {source_labels: [__tmp_shard], regex: '0|1', action: keep}]", "[a:1][b:2]"},
      // Labels that a scrape has before relabeling can be looked at.
      {"[{source_labels: [job, __scheme__, __metrics_path__, __scrape_interval__, __scrape_timeout__], regex: 'job;http;/metrics;1m;10s', action: keep}]", "[a:1][b:2]"},
      {"[{source_labels: [job], regex: other, action: keep}]", ""},
      {"[{source_labels: [zone], target_label: zone, action: uppercase}, {source_labels: [zone], regex: X, action: keep}]", "[a:1][b:2]"},
      {"[{regex: 'z(.*)', replacement: 'y$1', action: labelmap}, {source_labels: [yone], regex: x, action: keep}]", "[a:1][b:2]"},
      {"[{regex: '__address__|zone|__scheme__|__metrics_path__', action: labelkeep}, {source_labels: [port], regex: '1', action: drop}]", "[a:1][b:2]"},
      // Rules for shards that the Prometheus operator writes have no effect here.
      {"[{source_labels: [__address__], modulus: 1, target_label: __tmp_hash, action: hashmod}, {source_labels: [__tmp_hash, __tmp_disable_sharding], regex: '$(SHARD);|.+;.+', action: keep}]", "[a:1][b:2]"},
  };
  for (auto& row : rows) {
    CAPTURE(row.rules);
    CHECK(targets(fmt::format("{{{}, relabel_configs: {}}}", two, row.rules)) == row.out);
  }
  CHECK(targets("{static_configs: [{targets: ['a:1'], labels: {__meta_path: /x}}, {targets: ['a:1'], labels: {__meta_path: /y}}], relabel_configs: [{source_labels: [__meta_path], target_label: __metrics_path__}]}") == "[a:1][a:1]");
  CHECK(targets("{static_configs: [{targets: ['a:1'], labels: {__meta_path: /x}}, {targets: ['a:1'], labels: {__meta_path: /y}}]}") == "[a:1,a:1]");
  CHECK(targets("{params: {module: [m]}, static_configs: [{targets: ['a:1']}], relabel_configs: [{source_labels: [__param_module], regex: m, action: keep}]}") == "[a:1]");
}

TEST_CASE("allocator: settings of its file") {
  auto settings = parse_allocator_settings("{collector_selector: {matchlabels: {a: b}}, config: {scrape_configs: [{job_name: a}]}, allocation_strategy: per-node, allocation_fallback_strategy: least-weighted, prometheus_cr: {scrape_interval: 45s}}", "file");
  REQUIRE_MESSAGE(settings, (settings ? "" : settings.error().what));
  CHECK(settings->allocation_strategy == allocation::Strategy::per_node);
  CHECK(settings->prometheus_cr.scrape_interval == 45s);
  CHECK(settings->written.find("scrape_configs::0::job_name")->text() == "a");
  CHECK(parse_allocator_settings("{}", "file", true));
  for (std::string_view wrong : {"{}", "{prometheus_cr: {enabled: true}, allocation_strategy: random}", "{prometheus_cr: {enabled: true}, filter_strategy: none}", "{prometheus_cr: {enabled: true}, https: {enabled: true}}",
                                 "{config: {scrape_configs: [{job_name: a}, {job_name: a}]}}"})
    CHECK_MESSAGE(!parse_allocator_settings(wrong, "file"), wrong);
}

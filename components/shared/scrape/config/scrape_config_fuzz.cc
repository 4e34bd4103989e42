// Any text as a Prometheus configuration, and as a list of targets.
#include "components/shared/scrape/targets.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::scrape;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("_file") != text.npos || text.size() > 20'000) return 0;  // reads nothing from disk
  (void)parse_groups_json(text, "fuzz");
  auto groups = parse_groups_yaml(text, "fuzz");
  auto tree = config::parse_yaml(text);
  if (!tree) return 0;
  config::Problems problems;
  auto config = config::decode<PrometheusConfig>(&*tree, problems);
  if (!config || problems.failed()) return 0;
  auto jobs = config->jobs();
  if (!jobs) return 0;
  for (auto& job : *jobs) {
    auto rules = Relabeler::make(job.relabel_configs, job.naming());
    WEIR_CHECK(rules.has_value());
    std::vector<TargetGroup> found;
    for (auto& section : job.static_configs)
      for (auto& address : section.targets) found.emplace_back("static").targets.emplace_back().set(address_label, address);
    for (auto& target : make_targets(job, *rules, found).active) WEIR_CHECK(target->interval >= target->timeout && target->labels.has(instance_label));
  }
  return 0;
}

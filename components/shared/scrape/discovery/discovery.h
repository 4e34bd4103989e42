#pragma once
// Where targets come from. One Discovery for each section of a job's *_sd_configs; all on the first core.
#include "components/shared/scrape/config/scrape_config.h"
#include "engine/component.h"

namespace weir::scrape {

struct TargetGroup {
  std::string source;           // for messages: "file:0"
  Labels labels;                // of all its targets
  std::vector<Labels> targets;  // at least __address__ each
};

class Discovery {
 public:
  // All groups that there are now. First when they are known, then with each change.
  using Told = std::function<void(std::vector<TargetGroup>)>;
  virtual ~Discovery() = default;
  // Tells later, not from within this call.
  virtual void start(Told told) = 0;
};

// What a kind of discovery may use. References outlive it.
struct DiscoveryContext {
  io::Executor& executor;
  engine::Host& host;
  std::string job;
};

// One for each section of the job. A new kind has its settings in ScrapeConfig and its line here.
Result<std::vector<std::unique_ptr<Discovery>>> make_discoveries(const ScrapeConfig& job, const DiscoveryContext& context);

std::unique_ptr<Discovery> make_static_discovery(const std::vector<StaticConfig>& config, const DiscoveryContext& context);
std::unique_ptr<Discovery> make_file_discovery(const FileSd& config, const DiscoveryContext& context);
Result<std::unique_ptr<Discovery>> make_http_discovery(const HttpSd& config, const DiscoveryContext& context);
Result<std::unique_ptr<Discovery>> make_kubernetes_discovery(const kubernetes_sd::Config& config, const DiscoveryContext& context);
std::unique_ptr<Discovery> make_dns_discovery(const DnsSd& config, const DiscoveryContext& context);

// [{"targets": ["host:port"], "labels": {"a": "b"}}]; nothing else may be in it.
Result<std::vector<TargetGroup>> parse_groups_json(std::string_view text, std::string_view source);
Result<std::vector<TargetGroup>> parse_groups_yaml(std::string_view text, std::string_view source);

}  // namespace weir::scrape

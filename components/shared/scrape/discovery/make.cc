#include "components/shared/scrape/discovery/discovery.h"

namespace weir::scrape {
namespace {

class StaticDiscovery final : public Discovery {
 public:
  StaticDiscovery(const std::vector<StaticConfig>& config, io::Executor& executor) : executor_(executor) {
    for (auto& section : config) {
      auto& group = groups_.emplace_back(fmt::format("{}", groups_.size()));
      for (auto& [name, value] : section.labels) group.labels.set(name, value);
      for (auto& address : section.targets) group.targets.emplace_back().set(address_label, address);
    }
  }
  ~StaticDiscovery() override { *alive_ = false; }

  void start(Told told) override {
    executor_.post([this, alive = alive_, told = std::move(told)] {
      if (*alive) told(groups_);
    });
  }

 private:
  io::Executor& executor_;
  std::vector<TargetGroup> groups_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was posted
};

}  // namespace

std::unique_ptr<Discovery> make_static_discovery(const std::vector<StaticConfig>& config, const DiscoveryContext& context) {
  return std::make_unique<StaticDiscovery>(config, context.executor);
}

Result<std::vector<std::unique_ptr<Discovery>>> make_discoveries(const ScrapeConfig& job, const DiscoveryContext& context) {
  std::vector<std::unique_ptr<Discovery>> out;
  if (!job.static_configs.empty()) out.push_back(make_static_discovery(job.static_configs, context));
  for (auto& sd : job.file_sd_configs) out.push_back(make_file_discovery(sd, context));
  for (auto& sd : job.http_sd_configs) {
    WEIR_ASSIGN(auto made, make_http_discovery(sd, context));
    out.push_back(std::move(made));
  }
  for (auto& sd : job.dns_sd_configs) out.push_back(make_dns_discovery(sd, context));
  for (auto& sd : job.kubernetes_sd_configs) {
    WEIR_ASSIGN(auto made, make_kubernetes_discovery(sd, context));
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace weir::scrape

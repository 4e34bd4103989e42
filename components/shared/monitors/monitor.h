#pragma once
// Resources of the Prometheus operator as scrape jobs.
#include "components/shared/monitors/selector.h"
#include "components/shared/scrape/config/scrape_config.h"

namespace weir::monitors {

enum class Kind : std::uint8_t { service_monitor, pod_monitor, probe, scrape_config };
inline constexpr std::array all_kinds = {Kind::service_monitor, Kind::pod_monitor, Kind::probe, Kind::scrape_config};
std::string_view to_string(Kind kind);  // ServiceMonitor
const kube::Resource& resource_of(Kind kind);

// One entry of a Secret or a ConfigMap.
struct Reference {
  bool config_map = false;
  std::string name_space, name, key;
  auto operator<=>(const Reference&) const = default;
};
// Errc::retryable: not known yet.
using Lookup = std::function<Result<std::string>(const Reference&)>;

// What is the same for all monitors.
struct Settings {
  scrape::Global global;
  std::vector<config::Value> scrape_classes;
  bool deny_files = false;  // endpoints that name files are left out
};

struct Job {
  config::Value written;        // as it would stand in prometheus.yaml
  scrape::ScrapeConfig config;  // the same, complete
};
struct Made {
  std::vector<Job> jobs;
  std::vector<std::string> left_out;  // why endpoints are not among them
};

// `object`: the whole resource. An error is about the resource as a whole.
Result<Made> jobs_of(Kind kind, const config::Value& object, const Settings& settings, const Lookup& lookup);
// The job of a text that a Prometheus configuration could have.
Result<Job> make_job(config::Value written, const scrape::Global& global);

}  // namespace weir::monitors

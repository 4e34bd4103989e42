#pragma once
#include "components/shared/points/points.h"

namespace weir::receivers::hostmetrics {

using points::MetricSwitches;

// Names that are looked at, or not.
struct Filter {
  std::string match_type;  // strict or regexp
  std::vector<std::string> devices, interfaces, fs_types, mount_points, names;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

// One scraper; the fields that are not its own stay as they are.
struct Scraper {
  MetricSwitches metrics;
  MetricSwitches resource_attributes;  // process
  std::optional<Filter> include, exclude;
  // filesystem
  std::optional<Filter> include_devices, exclude_devices, include_fs_types, exclude_fs_types, include_mount_points, exclude_mount_points;
  bool include_virtual_filesystems = false;
  bool cpu_average = false;          // load
  Duration scrape_process_delay{0};  // process

  static std::span<const config::FieldInfo> fields();
};

struct Scrapers {
  std::optional<Scraper> cpu, disk, filesystem, load, memory, network, nfs, paging, processes, process, system;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Duration collection_interval = 60s, initial_delay = 1s;
  std::string root_path;
  Scrapers scrapers;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::receivers::hostmetrics

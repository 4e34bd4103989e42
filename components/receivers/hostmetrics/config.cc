#include "components/receivers/hostmetrics/config.h"

#include <algorithm>

#include "base/regex.h"
#include "components/receivers/hostmetrics/host.h"
#include "components/receivers/hostmetrics/metrics.h"

namespace weir::receivers::hostmetrics {

using config::field;

std::span<const config::FieldInfo> Filter::fields() {
  static const std::array rows{
      field<&Filter::match_type>("match_type", "How names are compared: strict or regexp.", {.required = true, .choices = "strict|regexp"}),
      field<&Filter::devices>("devices", "Devices."),
      field<&Filter::interfaces>("interfaces", "Network interfaces."),
      field<&Filter::fs_types>("fs_types", "File system types."),
      field<&Filter::mount_points>("mount_points", "Mount points."),
      field<&Filter::names>("names", "Names of processes."),
  };
  return rows;
}

void Filter::validate(config::Context& context) const {
  if (match_type != "regexp") return;
  for (auto* list : {&devices, &interfaces, &fs_types, &mount_points, &names})
    for (auto& pattern : *list)
      if (auto good = Regex::compile(pattern); !good) context.error_at("", good.error().what);
}

std::span<const config::FieldInfo> Scraper::fields() {
  using T = Scraper;
  static const std::array rows{
      field<&T::metrics>("metrics", "Metrics that are told or not, by name."),
      field<&T::resource_attributes>("resource_attributes", "process: attributes of its resource that are told or not, by name; process.cgroup is not unless it is enabled."),
      field<&T::include>("include", "disk, network, process: only these."),
      field<&T::exclude>("exclude", "disk, network, process: not these."),
      field<&T::include_devices>("include_devices", "filesystem: only these devices."),
      field<&T::exclude_devices>("exclude_devices", "filesystem: not these devices."),
      field<&T::include_fs_types>("include_fs_types", "filesystem: only these types."),
      field<&T::exclude_fs_types>("exclude_fs_types", "filesystem: not these types."),
      field<&T::include_mount_points>("include_mount_points", "filesystem: only these mount points."),
      field<&T::exclude_mount_points>("exclude_mount_points", "filesystem: not these mount points."),
      field<&T::include_virtual_filesystems>("include_virtual_filesystems", "filesystem: also those without a device."),
      field<&T::cpu_average>("cpu_average", "load: divided by the number of CPUs."),
      field<&T::scrape_process_delay>("scrape_process_delay", "process: only those that run for so long."),
      config::ignored("mute_process_all_errors", "processes that end meanwhile are left out in silence"),
      config::ignored("mute_process_name_error", "processes that end meanwhile are left out in silence"),
      config::ignored("mute_process_exe_error", "processes that end meanwhile are left out in silence"),
      config::ignored("mute_process_io_error", "processes that end meanwhile are left out in silence"),
      config::ignored("mute_process_user_error", "processes that end meanwhile are left out in silence"),
      config::ignored("mute_process_cgroup_error", "processes that end meanwhile are left out in silence"),
  };
  return rows;
}

std::span<const config::FieldInfo> Scrapers::fields() {
  using T = Scrapers;
  static const std::array rows{
      field<&T::cpu>("cpu", "CPU times."),
      field<&T::disk>("disk", "Disk operations."),
      field<&T::filesystem>("filesystem", "Space in file systems."),
      field<&T::load>("load", "CPU load."),
      field<&T::memory>("memory", "Memory."),
      field<&T::network>("network", "Network interfaces and TCP connections."),
      field<&T::nfs>("nfs", "What the kernel's NFS client and server do."),
      field<&T::paging>("paging", "Swap, paging and page faults."),
      field<&T::processes>("processes", "Number of processes."),
      field<&T::process>("process", "Each process."),
      field<&T::system>("system", "Uptime."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::collection_interval>("collection_interval", "Time between two looks.", {.min = 100ms}),
      field<&T::initial_delay>("initial_delay", "Time before the first one.", {.min = 0s}),
      field<&T::root_path>("root_path", "Where the host's file system is mounted, e.g. /hostfs. It has to be there when the receiver starts."),
      field<&T::scrapers>("scrapers", "What is looked at."),
      config::ignored("timeout", "reading /proc takes no time-out"),
      config::ignored("metadata_collection_interval", "no entities are told"),
  };
  return rows;
}

namespace {

using Lists = std::vector<std::string> Filter::*;

// What a scraper has of the settings that all share one struct for.
struct Kind {
  std::string_view name;
  std::optional<Scraper> Scrapers::* scraper;
  std::vector<std::string_view> metrics;  // what its metrics' names begin with
  Lists names = nullptr;                  // of include and exclude
};

const std::vector<Kind>& kinds() {
  using S = Scrapers;
  static const std::vector<Kind> all{
      {"cpu", &S::cpu, {"system.cpu.time", "system.cpu.utilization", "system.cpu.logical.", "system.cpu.physical.", "system.cpu.frequency"}},
      {"disk", &S::disk, {"system.disk."}, &Filter::devices},
      {"filesystem", &S::filesystem, {"system.filesystem."}},
      {"load", &S::load, {"system.cpu.load_average."}},
      {"memory", &S::memory, {"system.memory.", "system.linux.memory."}},
      {"network", &S::network, {"system.network."}, &Filter::interfaces},
      {"nfs", &S::nfs, {"nfs."}},
      {"paging", &S::paging, {"system.paging."}},
      {"processes", &S::processes, {"system.processes."}},
      {"process", &S::process, {"process."}, &Filter::names},
      {"system", &S::system, {"system.uptime"}},
  };
  return all;
}

bool has_resource_attribute(std::string_view name) {
  constexpr std::string_view names[] = {"process.pid", "process.parent_pid", "process.executable.name", "process.executable.path", "process.command", "process.command_line", "process.owner", "process.cgroup"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// The filter has no other names than those of `own`; null: there is no such filter here.
bool fits(const std::optional<Filter>& filter, Lists own) {
  if (!filter) return true;
  if (own == nullptr) return false;
  for (Lists list : {&Filter::devices, &Filter::interfaces, &Filter::fs_types, &Filter::mount_points, &Filter::names})
    if (list != own && !((*filter).*list).empty()) return false;
  return true;
}

// The setting that a scraper of this kind does not have; "" when there is none.
std::string_view foreign_setting(const Kind& kind, const Scraper& s) {
  bool filesystem = kind.name == "filesystem";
  if (!fits(s.include, kind.names)) return "include";
  if (!fits(s.exclude, kind.names)) return "exclude";
  if (!fits(s.include_devices, filesystem ? &Filter::devices : nullptr)) return "include_devices";
  if (!fits(s.exclude_devices, filesystem ? &Filter::devices : nullptr)) return "exclude_devices";
  if (!fits(s.include_fs_types, filesystem ? &Filter::fs_types : nullptr)) return "include_fs_types";
  if (!fits(s.exclude_fs_types, filesystem ? &Filter::fs_types : nullptr)) return "exclude_fs_types";
  if (!fits(s.include_mount_points, filesystem ? &Filter::mount_points : nullptr)) return "include_mount_points";
  if (!fits(s.exclude_mount_points, filesystem ? &Filter::mount_points : nullptr)) return "exclude_mount_points";
  if (s.include_virtual_filesystems && !filesystem) return "include_virtual_filesystems";
  if (s.cpu_average && kind.name != "load") return "cpu_average";
  if (s.scrape_process_delay != 0s && kind.name != "process") return "scrape_process_delay";
  return !s.resource_attributes.empty() && kind.name != "process" ? "resource_attributes" : "";
}

void check(const Kind& kind, const Scraper& scraper, config::Context& context) {
  if (auto good = points::check_switches(table(), scraper.metrics); !good) context.error_at("scrapers", good.error().what);
  for (auto& [name, on] : scraper.metrics)
    if (std::none_of(kind.metrics.begin(), kind.metrics.end(), [&](std::string_view own) { return name.starts_with(own); }))
      context.error_at("scrapers", fmt::format("{} has no metric {}", kind.name, name));
  if (auto setting = foreign_setting(kind, scraper); !setting.empty()) context.error_at("scrapers", fmt::format("{} has no such setting, or no such names in it: {}", kind.name, setting));
  for (auto& [name, on] : scraper.resource_attributes)
    if (!has_resource_attribute(name)) context.error_at("scrapers", fmt::format("resource attribute {} is not known", name));
}

}  // namespace

void Config::validate(config::Context& context) const {
  bool any = false;
  for (auto& kind : kinds()) {
    auto& scraper = scrapers.*kind.scraper;
    if (scraper) check(kind, *scraper, context);
    any = any || scraper.has_value();
  }
  if (auto there = HostFiles::check(root_path); !there) context.machine_error_at("root_path", there.error().what);
  if (!any) context.error_at("", "must specify at least one scraper when using hostmetrics receiver");
}

}  // namespace weir::receivers::hostmetrics

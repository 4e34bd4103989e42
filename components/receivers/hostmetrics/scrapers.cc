#include "components/receivers/hostmetrics/scrapers.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/gates.h"
#include "base/number.h"
#include "base/text.h"

namespace weir::receivers::hostmetrics {
namespace {

double seconds_of_ms(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

// \040 and the like in mount tables.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool octal = text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3';
    if (!octal) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

}  // namespace

Result<Collector> Collector::make(const Config& config, HostFiles files) {
  Collector out(config, std::move(files));
  const Scrapers& s = config.scrapers;
  if (s.disk) {
    WEIR_ASSIGN(out.disks_, Choice::of(s.disk->include, s.disk->exclude, &Filter::devices));
  }
  if (s.network) {
    WEIR_ASSIGN(out.interfaces_, Choice::of(s.network->include, s.network->exclude, &Filter::interfaces));
  }
  if (s.process) {
    WEIR_ASSIGN(out.process_, ProcessScraper::make(*s.process));
  }
  if (s.filesystem) {
    WEIR_ASSIGN(out.devices_, Choice::of(s.filesystem->include_devices, s.filesystem->exclude_devices, &Filter::devices));
    WEIR_ASSIGN(out.fs_types_, Choice::of(s.filesystem->include_fs_types, s.filesystem->exclude_fs_types, &Filter::fs_types));
    WEIR_ASSIGN(out.mount_points_, Choice::of(s.filesystem->include_mount_points, s.filesystem->exclude_mount_points, &Filter::mount_points));
  }
  return out;
}

const std::vector<ProcessStat>& Collector::process_stats() const {
  if (!stats_) stats_ = read_processes(files_);
  return *stats_;
}

otlp::Batch Collector::collect(UnixNanos now) {
  stats_.reset();
  boot_ = static_cast<UnixNanos>(field_of(files_.read("/proc/stat"), "btime")) * 1'000'000'000;
  Points out(now, boot_);
  const Scrapers& s = config_.scrapers;
  auto run = [&](std::string_view name, const std::optional<Scraper>& scraper, auto work) {
    if (!scraper) return;
    out.scraper(name, scraper->metrics);
    work();
  };
  run("cpu", s.cpu, [&] { cpu(out); });
  run("load", s.load, [&] { load(out); });
  run("memory", s.memory, [&] { memory(out); });
  run("disk", s.disk, [&] { disk(out); });
  run("filesystem", s.filesystem, [&] { filesystem(out); });
  run("network", s.network, [&] { network(out); });
  run("nfs", s.nfs, [&] { nfs(out); });
  run("paging", s.paging, [&] { paging(out); });
  run("processes", s.processes, [&] { processes(out); });
  run("system", s.system, [&] { system(out); });
  run("process", s.process, [&] {
    process_->collect(out, files_, process_stats(), now, boot_);
    out.set_start(boot_);
  });
  return out.take();
}

void Collector::cpu(Points& out) {
  std::string text = files_.read("/proc/stat");
  std::int64_t count = 0;
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with("cpu") || line.starts_with("cpu ")) continue;
    auto f = words(line);
    if (f.size() < 8) continue;
    ++count;
    auto at = [&](std::size_t i) { return i < f.size() ? static_cast<double>(number(f[i])) / ticks : 0; };
    CpuTimes now{at(1), at(3), at(4), at(6), at(2), at(7), at(8), at(5)};
    std::string_view name = f[0];
    struct State {
      std::string_view name;
      double CpuTimes::* time;
    };
    constexpr State states[] = {{"user", &CpuTimes::user}, {"system", &CpuTimes::system}, {"idle", &CpuTimes::idle}, {"interrupt", &CpuTimes::interrupt},
                                {"nice", &CpuTimes::nice}, {"softirq", &CpuTimes::softirq}, {"steal", &CpuTimes::steal}, {"wait", &CpuTimes::wait}};
    auto before = cpu_before_.find(name);
    for (auto& state : states) {
      out.add("system.cpu.time", now.*state.time, {{"cpu", name}, {"state", state.name}});
      if (before == cpu_before_.end()) continue;
      double passed = now.total() - before->second.total();
      out.add("system.cpu.utilization", passed > 0 ? (now.*state.time - before->second.*state.time) / passed : 0, {{"cpu", name}, {"state", state.name}});
    }
    cpu_before_.insert_or_assign(std::string(name), now);
  }
  out.add("system.cpu.logical.count", count);
  if (out.wants("system.cpu.physical.count")) physical_cpus(out);
  if (out.wants("system.cpu.frequency")) frequencies(out);
}

// CPUs that share a core have the same list of siblings.
void Collector::physical_cpus(Points& out) const {
  std::set<std::string> cores;
  const std::string folder = "/sys/devices/system/cpu";
  for (auto& name : files_.list(folder)) {
    if (!name.starts_with("cpu") || name.size() < 4 || name[3] < '0' || name[3] > '9') continue;
    std::string siblings = files_.read(folder + "/" + name + "/topology/core_cpus_list");
    if (siblings.empty()) siblings = files_.read(folder + "/" + name + "/topology/thread_siblings_list");
    if (!siblings.empty()) cores.insert(std::move(siblings));
  }
  if (!cores.empty()) out.add("system.cpu.physical.count", static_cast<std::int64_t>(cores.size()));
}

void Collector::frequencies(Points& out) const {
  std::string text = files_.read("/proc/cpuinfo");
  std::string cpu;
  for (std::string_view line : split(text, '\n')) {
    auto colon = line.find(':');
    if (colon == line.npos) continue;
    std::string_view name = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
    if (name == "processor") cpu = fmt::format("cpu{}", value);
    if (name == "cpu MHz") out.add("system.cpu.frequency", parse_go_double(value).value_or(0) * 1e6, {{"cpu", cpu}});
  }
}

void Collector::load(Points& out) const {
  std::string text = files_.read("/proc/loadavg");
  auto f = words(text);
  if (f.size() < 3) return;
  double divisor = config_.scrapers.load->cpu_average ? static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))) : 1;
  constexpr std::string_view names[] = {"system.cpu.load_average.1m", "system.cpu.load_average.5m", "system.cpu.load_average.15m"};
  for (std::size_t i = 0; i < 3; ++i) out.add(names[i], parse_go_double(f[i]).value_or(0) / divisor);
}

void Collector::memory(Points& out) const {
  std::string text = files_.read("/proc/meminfo");
  auto kb = [&](std::string_view name) { return field_of(text, name, 1024); };
  std::int64_t total = kb("MemTotal"), free = kb("MemFree"), buffers = kb("Buffers"), reclaimable = kb("SReclaimable");
  std::int64_t cached = kb("Cached") + reclaimable;
  if (total == 0) return;
  std::int64_t available = kb("MemAvailable");  // since Linux 3.14
  bool by_available = available > 0 && gates::enabled("receiver.hostmetricsreceiver.UseLinuxMemAvailable");
  struct {
    std::string_view state;
    std::int64_t bytes;
  } const states[] = {{"used", by_available ? total - available : total - free - buffers - cached}, {"free", free}, {"buffered", buffers}, {"cached", cached}, {"slab_reclaimable", reclaimable}, {"slab_unreclaimable", kb("SUnreclaim")}};
  for (auto& row : states) {
    out.add("system.memory.usage", row.bytes, {{"state", row.state}});
    out.add("system.memory.utilization", static_cast<double>(row.bytes) / static_cast<double>(total), {{"state", row.state}});
  }
  out.add("system.memory.limit", total);
  out.add("system.memory.page_size", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE)));
  out.add("system.memory.linux.shared", kb("Shmem"));
  out.add("system.linux.memory.available", available);
  out.add("system.linux.memory.dirty", kb("Dirty"));
  huge_pages(out, text);
}

void Collector::huge_pages(Points& out, std::string_view meminfo) const {
  std::int64_t total = field_of(meminfo, "HugePages_Total"), free = field_of(meminfo, "HugePages_Free");
  out.add("system.memory.linux.hugepages.page_size", field_of(meminfo, "Hugepagesize", 1024));
  out.add("system.memory.linux.hugepages.limit", total);
  out.add("system.memory.linux.hugepages.reserved", field_of(meminfo, "HugePages_Rsvd"));
  out.add("system.memory.linux.hugepages.surplus", field_of(meminfo, "HugePages_Surp"));
  constexpr std::string_view state = "system.memory.linux.hugepages.state";
  for (auto [name, pages] : {std::pair("free", free), std::pair("used", total - free)}) {
    out.add("system.memory.linux.hugepages.usage", pages, {{state, name}});
    if (total > 0) out.add("system.memory.linux.hugepages.utilization", static_cast<double>(pages) / static_cast<double>(total), {{state, name}});
  }
}

void Collector::disk(Points& out) const {
  std::string text = files_.read("/proc/diskstats");
  for (std::string_view line : split(text, '\n')) {
    auto f = words(line);
    if (f.size() < 14 || !disks_.takes(f[2])) continue;
    auto at = [&](std::size_t i) { return number(f[i]); };
    std::string_view device = f[2];
    if (std::all_of(f.begin() + 3, f.begin() + 14, [](std::string_view w) { return w == "0"; })) continue;  // never used
    auto both = [&](std::string_view name, auto read, auto write) {
      out.add(name, read, {{"device", device}, {"direction", "read"}});
      out.add(name, write, {{"device", device}, {"direction", "write"}});
    };
    both("system.disk.io", at(5) * 512, at(9) * 512);
    both("system.disk.operations", at(3), at(7));
    out.add("system.disk.io_time", seconds_of_ms(at(12)), {{"device", device}});
    both("system.disk.operation_time", seconds_of_ms(at(6)), seconds_of_ms(at(10)));
    out.add("system.disk.weighted_io_time", seconds_of_ms(at(13)), {{"device", device}});
    out.add("system.disk.pending_operations", at(11), {{"device", device}});
    both("system.disk.merged", at(4), at(8));
  }
}

void Collector::filesystem(Points& out) const {
  std::vector<std::string> real;
  std::string known = files_.read("/proc/filesystems");
  for (std::string_view line : split(known, '\n'))
    if (!line.starts_with("nodev")) real.emplace_back(trim(line));
    else if (trim(line.substr(5)) == "zfs") real.emplace_back("zfs");
  std::string table = files_.read("/proc/1/mounts");
  if (table.empty()) table = files_.read("/proc/self/mounts");
  std::vector<std::string> seen;
  for (std::string_view line : split(table, '\n')) {
    auto f = words(line);
    if (f.size() < 4) continue;
    std::string device = unescaped(f[0]), mount = unescaped(f[1]), type(f[2]);
    if (!config_.scrapers.filesystem->include_virtual_filesystems && std::find(real.begin(), real.end(), type) == real.end()) continue;
    if (!devices_.takes(device) || !fs_types_.takes(type) || !mount_points_.takes(mount)) continue;
    std::string key = device + "\n" + mount;
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(std::move(key));
    FileSystemSpace space;
    if (!files_.space(mount, space)) continue;
    auto options = split(f[3], ',');
    std::string_view mode = std::find(options.begin(), options.end(), "rw") != options.end() ? "rw" : "ro";
    std::uint64_t used = space.total - space.free;
    auto add = [&](std::string_view name, std::uint64_t value, std::string_view state) {
      out.add(name, static_cast<std::int64_t>(value), {{"device", device}, {"mode", mode}, {"mountpoint", mount}, {"type", type}, {"state", state}});
    };
    add("system.filesystem.usage", used, "used");
    add("system.filesystem.usage", space.available, "free");
    add("system.filesystem.usage", space.free - space.available, "reserved");
    if (used + space.available > 0)
      out.add("system.filesystem.utilization", static_cast<double>(used) / static_cast<double>(used + space.available), {{"device", device}, {"mode", mode}, {"mountpoint", mount}, {"type", type}});
    add("system.filesystem.inodes.usage", space.inodes - space.free_inodes, "used");
    add("system.filesystem.inodes.usage", space.free_inodes, "free");
  }
}

void Collector::network(Points& out) const {
  std::string text = files_.read("/proc/1/net/dev");
  if (text.empty()) text = files_.read("/proc/net/dev");
  for (std::string_view line : split(text, '\n')) {
    auto colon = line.rfind(':');
    if (colon == line.npos) continue;
    std::string_view device = trim(line.substr(0, colon));
    auto f = words(line.substr(colon + 1));
    if (f.size() < 16 || !interfaces_.takes(device)) continue;
    auto both = [&](std::string_view name, std::size_t in, std::size_t to) {
      out.add(name, number(f[to]), {{"device", device}, {"direction", "transmit"}});
      out.add(name, number(f[in]), {{"device", device}, {"direction", "receive"}});
    };
    both("system.network.packets", 1, 9);
    both("system.network.dropped", 3, 11);
    both("system.network.errors", 2, 10);
    both("system.network.io", 0, 8);
  }
  if (out.wants("system.network.connections")) connections(out);
  if (out.wants("system.network.conntrack.count") || out.wants("system.network.conntrack.max")) conntrack(out);
}

void Collector::conntrack(Points& out) const {
  for (std::string_view what : {"count", "max"})
    if (std::string text = files_.read(fmt::format("/proc/sys/net/netfilter/nf_conntrack_{}", what)); !text.empty())
      out.add(fmt::format("system.network.conntrack.{}", what), number(text));
}

TcpStates Collector::states_in_files() const {
  TcpStates out{};
  for (const char* name : {"tcp", "tcp6"}) {
    std::string text = files_.read(fmt::format("/proc/1/net/{}", name));
    if (text.empty()) text = files_.read(fmt::format("/proc/net/{}", name));
    for (std::string_view line : split(text, '\n')) {
      auto f = words(line);
      if (f.size() < 4 || f[0] == "sl" || f[3].size() != 2) continue;
      unsigned state = 0;
      for (char c : f[3]) state = state * 16 + static_cast<unsigned>(c >= 'A' ? c - 'A' + 10 : c - '0');
      if (state < out.size()) ++out[state];
    }
  }
  return out;
}

void Collector::connections(Points& out) const {
  // By number in /proc/net/tcp, from 01; the names are those that the Go collector tells.
  constexpr std::string_view names[] = {"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};
  std::map<std::string_view, std::int64_t> counts{{"CLOSE_WAIT", 0}, {"CLOSE", 0}, {"CLOSING", 0}, {"DELETE", 0}, {"ESTABLISHED", 0}, {"FIN_WAIT_1", 0}, {"FIN_WAIT_2", 0}, {"LAST_ACK", 0}, {"LISTEN", 0}, {"SYN_SENT", 0}, {"SYN_RECV", 0}, {"TIME_WAIT", 0}};
  TcpStates states = files_.tcp_states().value_or(TcpStates{});
  if (states == TcpStates{}) states = states_in_files();
  for (std::size_t state = 1; state <= std::size(names); ++state)
    if (states[state] > 0) counts[names[state - 1]] += states[state];
  for (auto& [state, count] : counts) out.add("system.network.connections", count, {{"protocol", "tcp"}, {"state", state}});
}

void Collector::paging(Points& out) const {
  std::string swaps = files_.read("/proc/swaps");
  bool first = true;
  for (std::string_view line : split(swaps, '\n')) {
    auto f = words(line);
    if (std::exchange(first, false) || f.size() < 5) continue;
    std::int64_t size = number(f[2]) * 1024, used = number(f[3]) * 1024;
    out.add("system.paging.usage", used, {{"device", f[0]}, {"state", "used"}});
    out.add("system.paging.usage", size - used, {{"device", f[0]}, {"state", "free"}});
    if (size == 0) continue;
    out.add("system.paging.utilization", static_cast<double>(used) / static_cast<double>(size), {{"device", f[0]}, {"state", "used"}});
    out.add("system.paging.utilization", static_cast<double>(size - used) / static_cast<double>(size), {{"device", f[0]}, {"state", "free"}});
  }
  std::string text = files_.read("/proc/vmstat");
  // Pages of 4 KiB, and blocks of 1 KiB that are told as if they were pages, as the Go collector has it.
  auto pages = [&](std::string_view name) { return field_of(text, name, 4096); };
  out.add("system.paging.operations", pages("pswpin"), {{"direction", "page_in"}, {"type", "major"}});
  out.add("system.paging.operations", pages("pswpout"), {{"direction", "page_out"}, {"type", "major"}});
  out.add("system.paging.operations", pages("pgpgin"), {{"direction", "page_in"}, {"type", "minor"}});
  out.add("system.paging.operations", pages("pgpgout"), {{"direction", "page_out"}, {"type", "minor"}});
  out.add("system.paging.faults", pages("pgmajfault"), {{"type", "major"}});
  out.add("system.paging.faults", pages("pgfault") - pages("pgmajfault"), {{"type", "minor"}});
}

void Collector::processes(Points& out) const {
  std::map<std::string_view, std::int64_t> counts;
  for (auto& stat : process_stats()) switch (stat.state()) {
      case 'D': ++counts["blocked"]; break;
      case 'I': ++counts["idle"]; break;
      case 'R': ++counts["running"]; break;
      case 'S': ++counts["sleeping"]; break;
      case 'T':
      case 't': ++counts["stopped"]; break;
      case 'Z': ++counts["zombies"]; break;
      case 'W': ++counts["paging"]; break;
      default: ++counts["unknown"];
    }
  for (auto& [status, count] : counts) out.add("system.processes.count", count, {{"status", status}});
  out.add("system.processes.created", field_of(files_.read("/proc/stat"), "processes"));
}

void Collector::system(Points& out) const {
  std::string text = files_.read("/proc/uptime");
  auto f = words(text);
  if (!f.empty()) out.add("system.uptime", parse_go_double(f[0]).value_or(0));
}

}  // namespace weir::receivers::hostmetrics

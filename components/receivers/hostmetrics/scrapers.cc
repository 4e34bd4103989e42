#include "components/receivers/hostmetrics/scrapers.h"

#include <unistd.h>

#include <algorithm>

#include "base/number.h"
#include "base/text.h"

namespace weir::receivers::hostmetrics {
namespace {

constexpr double ticks = 100;  // USER_HZ, the same on all machines

// The number behind "Name:" in a text of such lines, times `factor`.
std::int64_t field_of(std::string_view text, std::string_view name, std::int64_t factor = 1) {
  for (std::string_view line : split(text, '\n'))
    if (line.starts_with(name) && line.size() > name.size() && (line[name.size()] == ':' || line[name.size()] == ' ')) {
      auto list = words(line.substr(name.size() + 1));
      return list.empty() ? 0 : number(list[0]) * factor;
    }
  return 0;
}

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

bool Collector::Names::has(std::string_view name) const {
  if (std::find(texts.begin(), texts.end(), name) != texts.end()) return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const Regex& p) { return p.matches(name); });
}

Result<Collector::Names> Collector::names_of(const std::optional<Filter>& filter, std::vector<std::string> Filter::* list) {
  Names out;
  if (!filter || ((*filter).*list).empty()) return out;
  out.given = true;
  for (auto& text : (*filter).*list) {
    if (filter->match_type != "regexp") {
      out.texts.push_back(text);
      continue;
    }
    WEIR_ASSIGN(Regex pattern, Regex::compile(text));
    out.patterns.push_back(std::move(pattern));
  }
  return out;
}

Result<Collector::Choice> Collector::choice_of(const std::optional<Filter>& include, const std::optional<Filter>& exclude, std::vector<std::string> Filter::* list) {
  Choice out;
  WEIR_ASSIGN(out.include, names_of(include, list));
  WEIR_ASSIGN(out.exclude, names_of(exclude, list));
  return out;
}

Result<Collector> Collector::make(const Config& config, HostFiles files) {
  Collector out(config, std::move(files));
  const Scrapers& s = config.scrapers;
  if (s.disk) {
    WEIR_ASSIGN(out.disks_, choice_of(s.disk->include, s.disk->exclude, &Filter::devices));
  }
  if (s.network) {
    WEIR_ASSIGN(out.interfaces_, choice_of(s.network->include, s.network->exclude, &Filter::interfaces));
  }
  if (s.process) {
    WEIR_ASSIGN(out.process_names_, choice_of(s.process->include, s.process->exclude, &Filter::names));
  }
  if (s.filesystem) {
    WEIR_ASSIGN(out.devices_, choice_of(s.filesystem->include_devices, s.filesystem->exclude_devices, &Filter::devices));
    WEIR_ASSIGN(out.fs_types_, choice_of(s.filesystem->include_fs_types, s.filesystem->exclude_fs_types, &Filter::fs_types));
    WEIR_ASSIGN(out.mount_points_, choice_of(s.filesystem->include_mount_points, s.filesystem->exclude_mount_points, &Filter::mount_points));
  }
  return out;
}

otlp::Batch Collector::collect(UnixNanos now) {
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
  run("paging", s.paging, [&] { paging(out); });
  run("processes", s.processes, [&] { processes(out); });
  run("system", s.system, [&] { system(out); });
  run("process", s.process, [&] { process(out, now); });
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
  struct {
    std::string_view state;
    std::int64_t bytes;
  } const states[] = {{"used", total - free - buffers - cached}, {"free", free}, {"buffered", buffers}, {"cached", cached}, {"slab_reclaimable", reclaimable}, {"slab_unreclaimable", kb("SUnreclaim")}};
  for (auto& row : states) {
    out.add("system.memory.usage", row.bytes, {{"state", row.state}});
    out.add("system.memory.utilization", static_cast<double>(row.bytes) / static_cast<double>(total), {{"state", row.state}});
  }
  out.add("system.memory.limit", total);
  out.add("system.memory.page_size", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE)));
  out.add("system.memory.linux.shared", kb("Shmem"));
  out.add("system.linux.memory.available", kb("MemAvailable"));
  out.add("system.linux.memory.dirty", kb("Dirty"));
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
}

void Collector::connections(Points& out) const {
  // By number in /proc/net/tcp, from 01; the names are those that the Go collector tells.
  constexpr std::string_view names[] = {"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};
  std::map<std::string_view, std::int64_t> counts{{"CLOSE_WAIT", 0}, {"CLOSE", 0}, {"CLOSING", 0}, {"DELETE", 0}, {"ESTABLISHED", 0}, {"FIN_WAIT_1", 0}, {"FIN_WAIT_2", 0}, {"LAST_ACK", 0}, {"LISTEN", 0}, {"SYN_SENT", 0}, {"SYN_RECV", 0}, {"TIME_WAIT", 0}};
  for (const char* name : {"tcp", "tcp6"}) {
    std::string text = files_.read(fmt::format("/proc/1/net/{}", name));
    if (text.empty()) text = files_.read(fmt::format("/proc/net/{}", name));
    for (std::string_view line : split(text, '\n')) {
      auto f = words(line);
      if (f.size() < 4 || f[0] == "sl" || f[3].size() != 2) continue;
      unsigned state = 0;
      for (char c : f[3]) state = state * 16 + static_cast<unsigned>(c >= 'A' ? c - 'A' + 10 : c - '0');
      if (state >= 1 && state <= std::size(names)) ++counts[names[state - 1]];
    }
  }
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
  for (auto& pid : files_.list("/proc")) {
    if (pid.empty() || pid[0] < '0' || pid[0] > '9') continue;
    std::string text = files_.read("/proc/" + pid + "/stat");
    auto close = text.rfind(')');
    if (close == text.npos || close + 2 >= text.size()) continue;
    switch (text[close + 2]) {
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
  }
  for (auto& [status, count] : counts) out.add("system.processes.count", count, {{"status", status}});
  out.add("system.processes.created", field_of(files_.read("/proc/stat"), "processes"));
}

void Collector::process(Points& out, UnixNanos now) const {
  for (auto& pid : files_.list("/proc"))
    if (!pid.empty() && pid[0] >= '0' && pid[0] <= '9') one_process(out, pid, now);
  out.set_start(boot_);
}

void Collector::one_process(Points& out, const std::string& pid, UnixNanos now) const {
  std::string folder = "/proc/" + pid, stat = files_.read(folder + "/stat");
  auto open = stat.find('('), close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos) return;
  auto f = words(std::string_view(stat).substr(close + 1));  // from state on: field 3 is f[0]
  if (f.size() < 22) return;
  std::string path = files_.link(folder + "/exe");
  std::string name = path.empty() ? stat.substr(open + 1, close - open - 1) : path.substr(path.rfind('/') + 1);
  if (!process_names_.takes(name)) return;
  auto began = boot_ + static_cast<UnixNanos>(number(f[19])) * (1'000'000'000 / static_cast<UnixNanos>(ticks));
  if (now < began + static_cast<UnixNanos>(config_.scrapers.process->scrape_process_delay.count())) return;
  std::string command_line = files_.read(folder + "/cmdline"), status = files_.read(folder + "/status");
  std::string command = command_line.substr(0, command_line.find('\0'));
  while (command_line.ends_with('\0')) command_line.pop_back();
  std::replace(command_line.begin(), command_line.end(), '\0', ' ');
  std::string owner = files_.user_name(static_cast<unsigned>(field_of(status, "Uid")));
  Arena& arena = out.arena();
  auto text = [&](const std::string& value) { return otlp::Value::of(arena.copy(valid_utf8(value) ? value : std::string())); };
  out.resource({{"process.pid", otlp::Value::of(number(pid))}, {"process.parent_pid", otlp::Value::of(number(f[1]))}, {"process.executable.name", text(name)}, {"process.executable.path", text(path)},
                {"process.command", text(command)}, {"process.command_line", text(command_line)}, {"process.owner", text(owner)}});
  out.set_start(began);
  out.add("process.cpu.time", static_cast<double>(number(f[11])) / ticks, {{"state", "user"}});
  out.add("process.cpu.time", static_cast<double>(number(f[12])) / ticks, {{"state", "system"}});
  out.add("process.cpu.time", f.size() > 39 ? static_cast<double>(number(f[39])) / ticks : 0.0, {{"state", "wait"}});
  out.add("process.memory.usage", number(f[21]) * static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE)));
  out.add("process.memory.virtual", number(f[20]));
  out.add("process.threads", number(f[17]));
  out.add("process.paging.faults", number(f[9]), {{"type", "major"}});
  out.add("process.paging.faults", number(f[7]), {{"type", "minor"}});
  out.add("process.uptime", static_cast<double>(now - began) / 1e9);
  std::string io = files_.read(folder + "/io");
  if (io.empty()) return;
  out.add("process.disk.io", field_of(io, "read_bytes"), {{"direction", "read"}});
  out.add("process.disk.io", field_of(io, "write_bytes"), {{"direction", "write"}});
  out.add("process.disk.operations", field_of(io, "syscr"), {{"direction", "read"}});
  out.add("process.disk.operations", field_of(io, "syscw"), {{"direction", "write"}});
}

void Collector::system(Points& out) const {
  std::string text = files_.read("/proc/uptime");
  auto f = words(text);
  if (!f.empty()) out.add("system.uptime", parse_go_double(f[0]).value_or(0));
}

}  // namespace weir::receivers::hostmetrics

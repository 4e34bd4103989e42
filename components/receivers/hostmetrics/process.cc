#include "components/receivers/hostmetrics/process.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/text.h"

namespace weir::receivers::hostmetrics {
namespace {

constexpr UnixNanos users_stay = 60'000'000'000;  // names of users are looked up again after that

// Fields of /proc/PID/stat.
constexpr std::size_t parent = 4, minor_faults = 10, major_faults = 12, user_ticks = 14, system_ticks = 15, threads = 20, begin_ticks = 22, virtual_bytes = 23, resident_pages = 24, wait_ticks = 42;

bool is_process(const std::string& name) { return !name.empty() && name[0] >= '0' && name[0] <= '9'; }

// The kernel keeps 15 bytes of a name; the first argument may have the rest.
std::string name_of(const HostFiles& files, const ProcessStat& stat) {
  std::string name(stat.command());
  if (name.size() < 15) return name;
  std::string line = files.read_short("/proc/" + stat.pid() + "/cmdline");
  std::string first = line.substr(0, line.find('\0'));
  first = first.substr(first.rfind('/') + 1);
  return first.starts_with(name) ? first : name;
}

std::string cgroup_of(const HostFiles& files, const std::string& folder) {
  std::string text = files.read_short(folder + "/cgroup");
  return std::string(trim(text));
}

}  // namespace

std::optional<ProcessStat> ProcessStat::of(std::string pid, std::string text) {
  ProcessStat out;
  out.open_ = text.find('('), out.close_ = text.rfind(')');
  if (out.open_ == text.npos || out.close_ == text.npos || out.close_ < out.open_) return {};
  out.places_.reserve(50);
  for (std::size_t at = out.close_ + 1; at < text.size();) {
    std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    if (end > at) out.places_.emplace_back(at, end - at);
    at = end + 1;
  }
  out.pid_ = std::move(pid);
  out.text_ = std::move(text);
  return out;
}

std::string_view ProcessStat::field(std::size_t number) const {
  if (number < 3 || number - 3 >= places_.size()) return {};
  auto [at, size] = places_[number - 3];
  return std::string_view(text_).substr(at, size);
}

std::vector<ProcessStat> read_processes(const HostFiles& files) {
  std::vector<ProcessStat> out;
  for (auto& pid : files.list("/proc"))
    if (is_process(pid))
      if (auto stat = ProcessStat::of(pid, files.read_short("/proc/" + pid + "/stat"))) out.push_back(std::move(*stat));
  return out;
}

Result<std::unique_ptr<ProcessScraper>> ProcessScraper::make(const Scraper& config) {
  WEIR_ASSIGN(Choice names, Choice::of(config.include, config.exclude, &Filter::names));
  return std::unique_ptr<ProcessScraper>(new ProcessScraper(config, std::move(names)));
}

bool ProcessScraper::tells(std::string_view attribute) const {
  auto at = config_.resource_attributes.find(std::string(attribute));
  return at == config_.resource_attributes.end() ? attribute != "process.cgroup" : at->second.enabled;
}

void ProcessScraper::collect(Points& out, const HostFiles& files, const std::vector<ProcessStat>& stats, UnixNanos now, UnixNanos boot) {
  ++look_;
  cpus_ = static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  memory_total_ = out.wants("process.memory.utilization") ? field_of(files.read("/proc/meminfo"), "MemTotal", 1024) : 0;
  if (now - users_since_ > users_stay) {
    users_.clear();
    users_since_ = now;
  }
  for (auto& stat : stats) one(out, files, stat, now, boot);
  std::erase_if(known_, [&](auto& entry) { return entry.second.look != look_; });
}

void ProcessScraper::one(Points& out, const HostFiles& files, const ProcessStat& stat, UnixNanos now, UnixNanos boot) {
  if (stat.field(resident_pages).empty()) return;
  std::string folder = "/proc/" + stat.pid();
  std::string name = name_of(files, stat);
  if (!names_.takes(name)) return;
  auto began = boot + static_cast<UnixNanos>(stat.integer(begin_ticks)) * (1'000'000'000 / static_cast<UnixNanos>(ticks));
  if (now < began + static_cast<UnixNanos>(config_.scrape_process_delay.count())) return;
  Known& known = known_[stat.pid()];
  if (known.began != began) known = {.began = began};
  known.look = look_;
  identify(out, files, stat, name, known);
  out.set_start(began);
  times(out, stat, known, now);
  memory(out, stat);
  out.add("process.threads", stat.integer(threads));
  out.add("process.paging.faults", stat.integer(major_faults), {{"type", "major"}});
  out.add("process.paging.faults", stat.integer(minor_faults), {{"type", "minor"}});
  out.add("process.uptime", static_cast<double>(now - began) / 1e9);
  if (out.wants("process.disk.io") || out.wants("process.disk.operations")) io(out, files, folder);
  if (out.wants("process.context_switches")) context_switches(out, files, folder);
  if (out.wants("process.open_file_descriptors")) {
    auto open = files.list(folder + "/fd");
    if (!open.empty()) out.add("process.open_file_descriptors", static_cast<std::int64_t>(std::ranges::count_if(open, is_process)));
  }
  if (out.wants("process.signals_pending")) {
    std::uint64_t mask = 0;
    std::string status = files.read_short(folder + "/status");
    std::string_view text = text_of(status, "ShdPnd");
    std::from_chars(text.data(), text.data() + text.size(), mask, 16);
    out.add("process.signals_pending", static_cast<std::int64_t>(std::popcount(mask)));
  }
}

const std::string& ProcessScraper::user_name(const HostFiles& files, unsigned user) {
  auto [at, fresh] = users_.try_emplace(user);
  if (fresh) at->second = files.user_name(user);
  return at->second;
}

// The folder is the effective user's. Only when that changes the real one, which stands in a text that costs more, is read again.
void ProcessScraper::identify(Points& out, const HostFiles& files, const ProcessStat& stat, const std::string& name, Known& known) {
  std::string folder = "/proc/" + stat.pid();
  if (tells("process.owner")) {
    auto owner = files.owner(folder);
    if (!owner || owner != known.owner_of_folder) {
      known.owner = user_name(files, static_cast<unsigned>(field_of(files.read_short(folder + "/status"), "Uid")));
      known.owner_of_folder = owner;
    }
  }
  std::string line = tells("process.command") || tells("process.command_line") ? files.read_short(folder + "/cmdline") : std::string();
  std::string command = line.substr(0, line.find('\0'));
  while (line.ends_with('\0')) line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  std::vector<points::ResourceAttribute> attributes;
  auto add = [&](std::string_view key, otlp::Value value) {
    if (tells(key)) attributes.emplace_back(key, value);
  };
  auto text = [&](const std::string& value) { return otlp::Value::of(out.arena().copy(valid_utf8(value) ? value : std::string())); };
  add("process.pid", otlp::Value::of(number(stat.pid())));
  add("process.parent_pid", otlp::Value::of(stat.integer(parent)));
  add("process.executable.name", text(name));
  if (tells("process.executable.path")) add("process.executable.path", text(files.link(folder + "/exe")));
  if (tells("process.cgroup")) add("process.cgroup", text(cgroup_of(files, folder)));
  add("process.command", text(command));
  add("process.command_line", text(line));
  add("process.owner", text(known.owner));
  out.resource(attributes);
}

void ProcessScraper::times(Points& out, const ProcessStat& stat, Known& known, UnixNanos now) const {
  Known before = known;
  known.user = static_cast<double>(stat.integer(user_ticks)) / ticks;
  known.system = static_cast<double>(stat.integer(system_ticks)) / ticks;
  known.wait = static_cast<double>(stat.integer(wait_ticks)) / ticks;
  known.time = now;
  struct {
    std::string_view state;
    double Known::* seconds;
  } const states[] = {{"user", &Known::user}, {"system", &Known::system}, {"wait", &Known::wait}};
  for (auto& [state, seconds] : states) out.add("process.cpu.time", known.*seconds, {{"state", state}});
  if (before.time == 0) return;
  double passed = static_cast<double>(now - before.time) / 1e9 * cpus_;
  for (auto& [state, seconds] : states) out.add("process.cpu.utilization", now > before.time ? (known.*seconds - before.*seconds) / passed : 0, {{"state", state}});
}

void ProcessScraper::memory(Points& out, const ProcessStat& stat) const {
  std::int64_t resident = stat.integer(resident_pages) * static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
  out.add("process.memory.usage", resident);
  out.add("process.memory.virtual", stat.integer(virtual_bytes));
  if (memory_total_ > 0) out.add("process.memory.utilization", static_cast<double>(resident) / static_cast<double>(memory_total_) * 100);
}

void ProcessScraper::io(Points& out, const HostFiles& files, const std::string& folder) const {
  std::string io = files.read_short(folder + "/io");
  if (io.empty()) return;
  out.add("process.disk.io", field_of(io, "read_bytes"), {{"direction", "read"}});
  out.add("process.disk.io", field_of(io, "write_bytes"), {{"direction", "write"}});
  out.add("process.disk.operations", field_of(io, "syscr"), {{"direction", "read"}});
  out.add("process.disk.operations", field_of(io, "syscw"), {{"direction", "write"}});
}

void ProcessScraper::context_switches(Points& out, const HostFiles& files, const std::string& folder) const {
  std::int64_t voluntary = 0, involuntary = 0;
  for (auto& task : files.list(folder + "/task")) {
    if (!is_process(task)) continue;
    std::string status = files.read_short(folder + "/task/" + task + "/status");
    voluntary += field_of(status, "voluntary_ctxt_switches");
    involuntary += field_of(status, "nonvoluntary_ctxt_switches");
  }
  out.add("process.context_switches", involuntary, {{"type", "involuntary"}});
  out.add("process.context_switches", voluntary, {{"type", "voluntary"}});
}

}  // namespace weir::receivers::hostmetrics

// The detector of the machine itself.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netpacket/packet.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "components/processors/resourcedetection/detector.h"

namespace weir::processors::resourcedetection {
namespace {

using Text = Result<std::string>;

Text host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return fail(Errc::internal, "gethostname: {}", std::strerror(errno));
  return std::string(name);
}

struct Addresses {
  explicit Addresses(const char* name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    error = getaddrinfo(name, nullptr, &hints, &first);
  }
  ~Addresses() {
    if (first != nullptr) freeaddrinfo(first);
  }
  addrinfo* first = nullptr;
  int error = 0;
};

Text canonical_name() {
  WEIR_ASSIGN(auto name, host_name());
  Addresses found(name.c_str());
  if (found.error != 0) return fail(Errc::retryable, "{}: {}", name, gai_strerror(found.error));
  if (found.first->ai_canonname == nullptr) return name;
  return std::string(found.first->ai_canonname);
}

Text name_of_address() {
  WEIR_ASSIGN(auto name, host_name());
  Addresses found(name.c_str());
  if (found.error != 0) return fail(Errc::retryable, "{}: {}", name, gai_strerror(found.error));
  for (addrinfo* at = found.first; at != nullptr; at = at->ai_next) {
    char host[NI_MAXHOST];
    if (getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, nullptr, 0, NI_NAMEREQD) == 0) return std::string(host);
  }
  return fail(Errc::retryable, "no address of {} has a name", name);
}

Text name_by(const std::string& source) {
  if (source == "os") return host_name();
  auto name = source == "lookup" ? name_of_address() : canonical_name();
  while (name && name->ends_with('.')) name->pop_back();
  return name;
}

// A value of /etc/os-release.
std::string release(const std::string& file, std::string_view key) {
  for (std::size_t at = 0; at < file.size();) {
    auto end = std::min(file.find('\n', at), file.size());
    std::string_view line = std::string_view(file).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || line.substr(key.size(), 1) != "=") continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"') line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return {};
}

std::string arch() {
  utsname about{};
  uname(&about);
  std::string machine = about.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("arm")) return "arm32";
  if (machine == "i686" || machine == "i386") return "x86";
  return machine;
}

struct Interfaces {
  std::vector<std::string> names, ips, macs;
};

std::string mac_text(const sockaddr_ll& link) {
  std::string out;
  for (int i = 0; i < link.sll_halen; ++i) out += fmt::format("{}{:02X}", i ? "-" : "", link.sll_addr[i]);
  return out;
}

// Names of all; addresses of those that are up and are not the loopback.
Interfaces interfaces() {
  Interfaces out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  for (ifaddrs* at = all; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_PACKET) out.names.emplace_back(at->ifa_name);
    if ((at->ifa_flags & IFF_LOOPBACK) != 0 || (at->ifa_flags & IFF_UP) == 0) continue;
    char text[INET6_ADDRSTRLEN];
    if (at->ifa_addr->sa_family == AF_PACKET) {
      auto& link = *reinterpret_cast<sockaddr_ll*>(at->ifa_addr);
      if (link.sll_halen > 0) out.macs.push_back(mac_text(link));
    } else if (at->ifa_addr->sa_family == AF_INET) {
      if (inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(at->ifa_addr)->sin_addr, text, sizeof text)) out.ips.emplace_back(text);
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      if (inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(at->ifa_addr)->sin6_addr, text, sizeof text)) out.ips.emplace_back(text);
    }
  }
  freeifaddrs(all);
  return out;
}

// A value of the first processor in /proc/cpuinfo.
std::string cpu_value(const std::string& file, std::string_view key) {
  auto at = file.find(std::string("\n") + std::string(key) + "\t");
  if (file.starts_with(key)) at = 0;
  if (at == file.npos) return {};
  auto colon = file.find(": ", at), end = file.find('\n', at + 1);
  return colon == file.npos || colon > end ? std::string() : file.substr(colon + 2, end - colon - 2);
}

void add_cpu(Surroundings& around, Finding& out) {
  auto file = around.read_file("/proc/cpuinfo");
  if (!file) return;
  struct {
    const char *key, *name;
  } constexpr rows[] = {{"host.cpu.vendor.id", "vendor_id"},
                        {"host.cpu.family", "cpu family"},
                        {"host.cpu.model.id", "model"},
                        {"host.cpu.model.name", "model name"},
                        {"host.cpu.stepping", "stepping"}};
  for (auto& row : rows)
    if (auto value = cpu_value(*file, row.name); !value.empty()) out.set(row.key, value);
  if (auto size = cpu_value(*file, "cache size"); !size.empty()) out.set_number("host.cpu.cache.l2.size", std::atoll(size.c_str()));
}

std::string machine_id(Surroundings& around) {
  for (const char* path : {"/etc/machine-id", "/var/lib/dbus/machine-id"})
    if (auto text = around.read_file(path); text && !text->empty()) {
      while (text->ends_with('\n')) text->pop_back();
      return *text;
    }
  return {};
}

// Some systems say more about their version elsewhere.
std::string version(Surroundings& around, const std::string& os_release) {
  std::string name = release(os_release, "ID");
  const char* file = name == "debian" ? "/etc/debian_version" : name == "alpine" ? "/etc/alpine-release" : nullptr;
  if (file != nullptr)
    if (auto text = around.read_file(file)) {
      std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
      if (!line.empty()) return std::string(line);
    }
  return release(os_release, "VERSION_ID");
}

// Without a build of its own, a system is known by its kernel's.
std::string build_id(const std::string& os_release) {
  if (auto build = release(os_release, "BUILD_ID"); !build.empty()) return build;
  utsname about{};
  uname(&about);
  return about.release;
}

std::string description(const std::string& os_release) {
  utsname about{};
  uname(&about);
  std::string kernel = fmt::format("{} {} {} {} {}", about.sysname, about.nodename, about.release, about.version, about.machine);
  std::string name = release(os_release, "PRETTY_NAME");
  if (name.empty()) name = release(os_release, "NAME") + " " + release(os_release, "VERSION");
  return fmt::format("{} ({})", name, kernel);
}

}  // namespace

Result<Finding> detect_system(const Config& config, Surroundings& around) {
  Text name = fail(Errc::config, "hostname_sources is empty");
  for (auto& source : config.system.hostname_sources)
    if (name = name_by(source); name) break;
  if (!name) return fail(Errc::retryable, "no source has the host's name, the last one says: {}", name.error().what);
  Finding out{.schema_url = std::string(schema_url)};
  out.set("host.name", *name);
  out.set("os.type", "linux");
  if (auto id = machine_id(around); !id.empty()) out.set("host.id", id);
  out.set("host.arch", arch());
  Interfaces found = interfaces();
  out.set_list("host.ip", found.ips);
  out.set_list("host.mac", found.macs);
  out.set_list("host.interface", found.names);
  std::string os_release = around.read_file("/etc/os-release").value_or("");
  out.set("os.description", description(os_release));
  out.set("os.name", release(os_release, "ID"));
  out.set("os.version", version(around, os_release));
  out.set("os.build.id", build_id(os_release));
  add_cpu(around, out);
  return out;
}

}  // namespace weir::processors::resourcedetection

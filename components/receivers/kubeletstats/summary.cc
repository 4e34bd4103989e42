#include "components/receivers/kubeletstats/summary.h"

#include <simdjson.h>

#include <set>

#include "kube/quantity.h"
#include "kube/time.h"

namespace weir::receivers::kubeletstats {
namespace {

namespace dom = simdjson::dom;
using Element = std::optional<dom::element>;
using points::Points;

Element get(const Element& in, std::string_view key) {
  dom::element out;
  if (!in || !in->is_object() || in->at_key(key).get(out) != simdjson::SUCCESS || out.is_null()) return std::nullopt;
  return out;
}

std::string_view text(const Element& in, std::string_view key) {
  std::string_view out;
  auto value = get(in, key);
  return value && value->get(out) == simdjson::SUCCESS ? out : std::string_view();
}

std::optional<std::uint64_t> number(const Element& in, std::string_view key) {
  auto value = get(in, key);
  std::uint64_t out = 0;
  if (!value || value->get(out) != simdjson::SUCCESS) return std::nullopt;
  return out;
}

template <class F>
void each(const Element& in, std::string_view key, F&& f) {
  auto list = get(in, key);
  dom::array items;
  if (!list || list->get(items) != simdjson::SUCCESS) return;
  for (dom::element item : items) f(Element(item));
}

// Requests and limits of one resource; 0: not set.
struct Bounds {
  double cpu_request = 0, cpu_limit = 0, memory_request = 0, memory_limit = 0;
};

struct Container {
  std::string id;
  Bounds bounds;
};

struct Volume {
  std::string type, claim;
};

struct Pod {
  std::map<std::string, Container, std::less<>> containers;
  std::map<std::string, Volume, std::less<>> volumes;
  std::string name_space;
  Bounds bounds;  // 0 when a container has none
};

using Pods = std::map<std::string, Pod, std::less<>>;  // by uid

Bounds bounds_of(const Element& container) {
  auto resources = get(container, "resources");
  auto read = [&](std::string_view kind, std::string_view name) { return kube::parse_quantity(text(get(resources, kind), name)).value_or(0); };
  return {read("requests", "cpu"), read("limits", "cpu"), read("requests", "memory"), read("limits", "memory")};
}

void add(Bounds& sum, const Bounds& one, bool first) {
  auto both = [&](double& a, double b) { a = !first && a == 0 ? 0 : b == 0 ? 0 : a + b; };
  both(sum.cpu_request, one.cpu_request);
  both(sum.cpu_limit, one.cpu_limit);
  both(sum.memory_request, one.memory_request);
  both(sum.memory_limit, one.memory_limit);
}

Volume volume_of(const Element& volume) {
  for (std::string_view type : {"configMap", "downwardAPI", "emptyDir", "secret", "persistentVolumeClaim", "hostPath", "awsElasticBlockStore", "gcePersistentDisk", "glusterfs", "local"})
    if (auto found = get(volume, type)) return {std::string(type), std::string(text(found, "claimName"))};
  return {};
}

Pods read_pods(const Element& root) {
  Pods out;
  each(root, "items", [&](const Element& item) {
    Pod& pod = out[std::string(text(get(item, "metadata"), "uid"))];
    pod.name_space = text(get(item, "metadata"), "namespace");
    auto spec = get(item, "spec");
    bool first = true;
    each(spec, "containers", [&](const Element& container) {
      Bounds bounds = bounds_of(container);
      pod.containers[std::string(text(container, "name"))].bounds = bounds;
      add(pod.bounds, bounds, std::exchange(first, false));
    });
    each(spec, "volumes", [&](const Element& volume) { pod.volumes[std::string(text(volume, "name"))] = volume_of(volume); });
    auto status = get(item, "status");
    for (std::string_view list : {"containerStatuses", "initContainerStatuses"})
      each(status, list, [&](const Element& run) {
        std::string_view id = text(run, "containerID");
        auto at = id.find("://");
        pod.containers[std::string(text(run, "name"))].id = at == id.npos ? id : id.substr(at + 3);
      });
  });
  return out;
}

class Writer {
 public:
  Writer(const Look& look, const Config& config, Points& out) : look_(look), config_(config), out_(out) {}

  void node(const Element& node);
  void system_container(const Element& container, std::string_view node);
  void pod(const Element& pod, const Pod* known);

 private:
  static constexpr Bounds none{};
  void container(const Element& container, const Element& pod_ref, const Pod* known);
  void volume(const Element& volume, const Element& pod_ref, const Pod* known);
  void start(std::string_view prefix, const Element& in);
  void cpu(std::string_view prefix, std::string_view utilization, const Element& in, const Bounds& bounds);
  void memory(std::string_view prefix, std::string_view utilization, const Element& in, const Bounds& bounds);
  void filesystem(std::string_view prefix, const Element& in);
  void network(std::string_view prefix, const Element& in, bool all);
  void interface(std::string_view prefix, const Element& in);
  void put(std::string_view prefix, std::string_view name, std::optional<std::uint64_t> value, std::initializer_list<points::Attribute> attributes = {}) {
    if (value) out_.add(fmt::format("{}{}", prefix, name), static_cast<std::int64_t>(std::min<std::uint64_t>(*value, INT64_MAX)), attributes);
  }
  // A share of something that is known.
  void share(std::string_view prefix, std::string_view name, double part, double whole) {
    if (whole > 0) out_.add(fmt::format("{}{}", prefix, name), part / whole);
  }

  const Look& look_;
  const Config& config_;
  Points& out_;
};

void Writer::start(std::string_view prefix, const Element& in) {
  UnixNanos began = kube::parse_time(text(in, "startTime"));
  out_.set_start(began);
  if (began != 0 && began <= look_.now) put(prefix, "uptime", (look_.now - began) / 1'000'000'000);
}

void Writer::cpu(std::string_view prefix, std::string_view utilization, const Element& in, const Bounds& bounds) {
  auto used = number(in, "usageNanoCores"), spent = number(in, "usageCoreNanoSeconds");
  if (used) {
    double cores = static_cast<double>(*used) / 1e9;
    out_.add(fmt::format("{}cpu.usage", prefix), cores);
    if (!utilization.empty()) {
      share(utilization, "cpu_limit_utilization", cores, bounds.cpu_limit);
      share(utilization, "cpu_request_utilization", cores, bounds.cpu_request);
      share(utilization, "cpu.node.utilization", cores, look_.node_cpus);
    }
  }
  if (spent) out_.add(fmt::format("{}cpu.time", prefix), static_cast<double>(*spent) / 1e9);
}

void Writer::memory(std::string_view prefix, std::string_view utilization, const Element& in, const Bounds& bounds) {
  for (auto [key, name] : {std::pair("availableBytes", "memory.available"), std::pair("usageBytes", "memory.usage"), std::pair("rssBytes", "memory.rss"),
                           std::pair("workingSetBytes", "memory.working_set"), std::pair("pageFaults", "memory.page_faults"), std::pair("majorPageFaults", "memory.major_page_faults")})
    put(prefix, name, number(in, key));
  auto used = number(in, "usageBytes");
  if (!used || utilization.empty()) return;
  share(utilization, "memory_limit_utilization", static_cast<double>(*used), bounds.memory_limit);
  share(utilization, "memory_request_utilization", static_cast<double>(*used), bounds.memory_request);
  share(utilization, "memory.node.utilization", static_cast<double>(*used), look_.node_memory);
}

void Writer::filesystem(std::string_view prefix, const Element& in) {
  put(prefix, "filesystem.available", number(in, "availableBytes"));
  put(prefix, "filesystem.capacity", number(in, "capacityBytes"));
  put(prefix, "filesystem.usage", number(in, "usedBytes"));
}

void Writer::interface(std::string_view prefix, const Element& in) {
  std::string_view name = text(in, "name");
  put(prefix, "network.io", number(in, "rxBytes"), {{"interface", name}, {"direction", "receive"}});
  put(prefix, "network.io", number(in, "txBytes"), {{"interface", name}, {"direction", "transmit"}});
  put(prefix, "network.errors", number(in, "rxErrors"), {{"interface", name}, {"direction", "receive"}});
  put(prefix, "network.errors", number(in, "txErrors"), {{"interface", name}, {"direction", "transmit"}});
}

void Writer::network(std::string_view prefix, const Element& in, bool all) {
  if (!all) return interface(prefix, in);
  each(in, "interfaces", [&](const Element& one) { interface(prefix, one); });
}

void Writer::node(const Element& node) {
  if (!config_.collects(Group::node)) return;
  out_.resource({{"k8s.node.name", otlp::Value::of(text(node, "nodeName"))}});
  constexpr std::string_view prefix = "k8s.node.";
  start(prefix, node);
  cpu(prefix, "", get(node, "cpu"), none);
  memory(prefix, "", get(node, "memory"), none);
  filesystem(prefix, get(node, "fs"));
  put(prefix, "filesystem.inode.count", number(get(node, "fs"), "inodes"));
  put(prefix, "filesystem.inode.free", number(get(node, "fs"), "inodesFree"));
  put(prefix, "pid.limit", number(get(node, "rlimit"), "maxpid"));
  put(prefix, "pid.usage", number(get(node, "rlimit"), "curproc"));
  network(prefix, get(node, "network"), config_.collect_all_network_interfaces.node);
  each(node, "systemContainers", [&](const Element& one) { system_container(one, text(node, "nodeName")); });
}

// Groups of processes of the node itself: kubelet, runtime, pods, …
void Writer::system_container(const Element& container, std::string_view node) {
  out_.resource({{"k8s.node.name", otlp::Value::of(node)}, {"k8s.node.system_container.name", otlp::Value::of(text(container, "name"))}});
  constexpr std::string_view prefix = "k8s.node.system_container.";
  out_.set_start(kube::parse_time(text(container, "startTime")));
  cpu(prefix, "", get(container, "cpu"), none);
  put(prefix, "memory.usage", number(get(container, "memory"), "usageBytes"));
  put(prefix, "memory.working_set", number(get(container, "memory"), "workingSetBytes"));
}

void Writer::pod(const Element& pod, const Pod* known) {
  auto ref = get(pod, "podRef");
  if (config_.collects(Group::pod)) {
    out_.resource({{"k8s.pod.uid", otlp::Value::of(text(ref, "uid"))}, {"k8s.pod.name", otlp::Value::of(text(ref, "name"))}, {"k8s.namespace.name", otlp::Value::of(text(ref, "namespace"))}});
    constexpr std::string_view prefix = "k8s.pod.";
    const Bounds& bounds = known ? known->bounds : none;
    start(prefix, pod);
    cpu(prefix, prefix, get(pod, "cpu"), bounds);
    memory(prefix, prefix, get(pod, "memory"), bounds);
    filesystem(prefix, get(pod, "ephemeral-storage"));
    network(prefix, get(pod, "network"), config_.collect_all_network_interfaces.pod);
  }
  if (config_.collects(Group::container)) each(pod, "containers", [&](const Element& one) { container(one, ref, known); });
  if (config_.collects(Group::volume)) each(pod, "volume", [&](const Element& one) { volume(one, ref, known); });
}

void Writer::container(const Element& container, const Element& ref, const Pod* known) {
  const Container* details = nullptr;
  if (known)
    if (auto at = known->containers.find(text(container, "name")); at != known->containers.end()) details = &at->second;
  // Without its id the series would be that of another container.
  if (config_.wants(Label::container_id) && (details == nullptr || details->id.empty())) return;
  out_.resource({{"k8s.pod.uid", otlp::Value::of(text(ref, "uid"))},
                 {"k8s.pod.name", otlp::Value::of(text(ref, "name"))},
                 {"k8s.namespace.name", otlp::Value::of(text(ref, "namespace"))},
                 {"k8s.container.name", otlp::Value::of(text(container, "name"))},
                 {"container.id", otlp::Value::of(config_.wants(Label::container_id) ? std::string_view(details->id) : std::string_view())}});
  constexpr std::string_view prefix = "container.", utilization = "k8s.container.";
  const Bounds& bounds = details ? details->bounds : none;
  start(prefix, container);
  cpu(prefix, utilization, get(container, "cpu"), bounds);
  memory(prefix, utilization, get(container, "memory"), bounds);
  filesystem(prefix, get(container, "rootfs"));
  put(utilization, "ephemeral_storage.usage", number(get(container, "rootfs"), "usedBytes"), {{"fs.type", "rootfs"}});
  put(utilization, "ephemeral_storage.usage", number(get(container, "logs"), "usedBytes"), {{"fs.type", "logs"}});
}

void Writer::volume(const Element& volume, const Element& ref, const Pod* known) {
  Volume details;
  if (known)
    if (auto at = known->volumes.find(text(volume, "name")); at != known->volumes.end()) details = at->second;
  bool typed = config_.wants(Label::volume_type);
  std::string_view claim = text(get(volume, "pvcRef"), "name");
  if (typed && look_.claims != nullptr && !details.claim.empty()) {
    auto behind = look_.claims->find(fmt::format("{}/{}", text(ref, "namespace"), details.claim));
    if (behind == look_.claims->end()) return;  // with its type the series would become another one
    if (!behind->second.empty()) details.type = behind->second;
  }
  out_.resource({{"k8s.pod.uid", otlp::Value::of(text(ref, "uid"))},
                 {"k8s.pod.name", otlp::Value::of(text(ref, "name"))},
                 {"k8s.namespace.name", otlp::Value::of(text(ref, "namespace"))},
                 {"k8s.volume.name", otlp::Value::of(text(volume, "name"))},
                 {"k8s.volume.type", otlp::Value::of(typed ? std::string_view(details.type) : std::string_view())},
                 {"k8s.persistentvolumeclaim.name", otlp::Value::of(!typed ? std::string_view() : details.claim.empty() ? claim : std::string_view(details.claim))}});
  out_.set_start(look_.began);
  for (auto [key, name] : {std::pair("availableBytes", "available"), std::pair("capacityBytes", "capacity"), std::pair("inodes", "inodes"), std::pair("inodesFree", "inodes.free"),
                           std::pair("inodesUsed", "inodes.used")})
    put("k8s.volume.", name, number(volume, key));
  put("k8s.pod.volume.", "usage", number(volume, "usedBytes"));
}

Result<Element> parse(dom::parser& parser, const std::string& json) {
  dom::element root;
  if (auto error = parser.parse(json).get(root); error != simdjson::SUCCESS) return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  if (!root.is_object()) return fail(Errc::invalid, "no JSON object");
  return Element(root);
}

}  // namespace

std::vector<std::string> claims_in(const std::string& pods) {
  dom::parser parser;
  std::set<std::string> out;
  auto list = parse(parser, pods);
  if (!list) return {};
  for (auto& [uid, pod] : read_pods(*list))
    for (auto& [name, volume] : pod.volumes)
      if (!volume.claim.empty()) out.insert(fmt::format("{}/{}", pod.name_space, volume.claim));
  return {out.begin(), out.end()};
}

std::string type_of_volume(const std::string& volume) {
  dom::parser parser;
  auto root = parse(parser, volume);
  if (!root) return "";
  for (std::string_view type : {"local", "awsElasticBlockStore", "gcePersistentDisk", "glusterfs"})
    if (get(get(*root, "spec"), type)) return std::string(type);
  return "";
}

Result<otlp::Batch> metrics_of(const Look& look, const Config& config) {
  dom::parser summary_parser, pods_parser;
  WEIR_ASSIGN(Element summary, parse(summary_parser, look.summary));
  Pods pods;
  if (!look.pods.empty()) {
    WEIR_ASSIGN(Element list, parse(pods_parser, look.pods));
    pods = read_pods(list);
  }
  Points out(table(), look.now, look.began);
  out.scope("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver", config.metrics);
  Writer writer(look, config, out);
  writer.node(get(summary, "node"));
  each(summary, "pods", [&](const Element& pod) {
    auto known = pods.find(text(get(pod, "podRef"), "uid"));
    writer.pod(pod, known == pods.end() ? nullptr : &known->second);
  });
  return out.take();
}

}  // namespace weir::receivers::kubeletstats

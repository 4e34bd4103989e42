#include "components/shared/kubernetes_sd/targets.h"

#include <set>

#include "base/text.h"

namespace weir::kubernetes_sd {
namespace {

using kube::Object;

constexpr std::string_view meta = "__meta_kubernetes_";
constexpr std::string_view service_name_label = "kubernetes.io/service-name";

std::string clean(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  return out;
}

class Writer {
 public:
  explicit Writer(Labels& to) : to_(to) {}
  void set(std::string_view name, std::string_view value) { to_.set(fmt::format("{}{}", meta, name), value); }
  void flag(std::string_view name, bool value) { set(name, value ? "true" : "false"); }
  void number(std::string_view name, int value) { set(name, std::to_string(value)); }
  void pairs(std::string_view prefix, kube::Pairs pairs) {
    for (auto& pair : pairs) {
      std::string key = clean(pair.key);
      set(fmt::format("{}_{}", prefix, key), pair.value);
      set(fmt::format("{}present_{}", prefix, key), "true");
    }
  }
  // The name, labels and annotations of an object.
  void object(std::string_view word, const Object& o) {
    set(fmt::format("{}_name", word), o.name);
    pairs(fmt::format("{}_label", word), o.labels);
    pairs(fmt::format("{}_annotation", word), o.annotations);
  }
  void address(std::string_view host, int port) {
    bool six = host.find(':') != host.npos;
    to_.set(scrape::address_label, port < 0 ? std::string(host) : six ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port));
  }

 private:
  Labels& to_;
};

std::string key_of(const Object& o) { return fmt::format("{}/{}", o.name_space, o.name); }

const Object* find(const Objects& in, std::string_view name_space, std::string_view name) {
  auto at = in.find(fmt::format("{}/{}", name_space, name));
  return at == in.end() ? nullptr : at->second.get();
}

void merge(Labels& to, const Labels& from) {
  for (auto& label : from) to.set(label.name, label.value);
}

// A port of a container, or a container without ports.
void write_container(const kube::Container& container, const kube::Port* port, Writer& to) {
  to.set("pod_container_name", container.name);
  to.set("pod_container_image", container.image);
  if (!container.id.empty()) to.set("pod_container_id", container.runtime.empty() ? std::string(container.id) : fmt::format("{}://{}", container.runtime, container.id));
  to.flag("pod_container_init", container.init);
  if (port == nullptr) return;
  to.set("pod_container_port_name", port->name);
  to.number("pod_container_port_number", port->number);
  to.set("pod_container_port_protocol", port->protocol.empty() ? "TCP" : port->protocol);
}

class Maker {
 public:
  Maker(const Config& config, const Known& known) : config_(config), known_(known) {}

  Group node(const Object& o) {
    Group group{.source = "node/" + std::string(o.name), .labels = {}, .targets = {}};
    Writer(group.labels).object("node", o);
    Writer(group.labels).set("node_provider_id", o.provider_id);
    constexpr std::array<std::string_view, 6> order = {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"};
    std::string_view address;
    for (auto type : order)
      for (auto& a : o.addresses)
        if (address.empty() && a.key == type) address = a.value;
    if (address.empty()) return group;
    Labels& target = group.targets.emplace_back();
    Writer to(target);
    to.address(address, o.kubelet_port);
    target.set(scrape::instance_label, o.name);
    std::set<std::string_view> seen;
    for (auto& a : o.addresses)
      if (seen.insert(a.key).second) to.set("node_address_" + clean(a.key), a.value);
    return group;
  }

  Group pod(const Object& o) {
    Group group{.source = "pod/" + key_of(o), .labels = pod_labels(o), .targets = {}};
    add_namespace(o.name_space, group.labels);
    if (o.ip.empty()) return group;
    if (config_.attach_metadata.node) add_node(o.node, group.labels);
    for (auto& container : o.containers) {
      if (container.ports.empty()) {
        Writer to(group.targets.emplace_back());
        to.address(o.ip, -1);
        write_container(container, nullptr, to);
      }
      for (auto& port : container.ports) {
        Writer to(group.targets.emplace_back());
        to.address(o.ip, port.number);
        write_container(container, &port, to);
      }
    }
    return group;
  }

  Group service(const Object& o) {
    Group group{.source = "svc/" + key_of(o), .labels = {}, .targets = {}};
    Writer all(group.labels);
    all.set("namespace", o.name_space);
    all.object("service", o);
    add_namespace(o.name_space, group.labels);
    for (auto& port : o.ports) {
      Writer to(group.targets.emplace_back());
      to.address(fmt::format("{}.{}.svc", o.name, o.name_space), port.number);
      to.set("service_port_name", port.name);
      to.number("service_port_number", port.number);
      to.set("service_port_protocol", port.protocol.empty() ? "TCP" : port.protocol);
      to.set("service_type", o.type);
      if (o.type == "ExternalName") to.set("service_external_name", o.external_name);
      else to.set("service_cluster_ip", o.cluster_ip);
      if (o.type == "LoadBalancer") to.set("service_loadbalancer_ip", o.balancer_ip);
    }
    return group;
  }

  Group ingress(const Object& o) {
    Group group{.source = "ingress/" + key_of(o), .labels = {}, .targets = {}};
    Writer all(group.labels);
    all.set("namespace", o.name_space);
    all.object("ingress", o);
    all.set("ingress_class_name", o.ingress_class);
    add_namespace(o.name_space, group.labels);
    for (auto& path : o.paths) {
      Writer to(group.targets.emplace_back());
      to.address(path.key, -1);
      to.set("ingress_scheme", has_tls(o, path.key) ? "https" : "http");
      to.set("ingress_host", path.key);
      to.set("ingress_path", path.value);
    }
    return group;
  }

  Group endpoints(const Object& o, bool slice) {
    std::string_view service_name = slice ? kube::find(o.labels, service_name_label) : o.name;
    Group group{.source = fmt::format("{}/{}", slice ? "endpointslice" : "endpoints", key_of(o)), .labels = {}, .targets = {}};
    Writer all(group.labels);
    all.set("namespace", o.name_space);
    all.object(slice ? "endpointslice" : "endpoints", o);
    if (const Object* service_object = service_name.empty() ? nullptr : find(known_.services, o.name_space, service_name)) all.object("service", *service_object);
    add_namespace(o.name_space, group.labels);
    seen_.clear();
    for (auto& subset : o.subsets)
      for (auto& port : subset.ports)
        for (auto& endpoint : subset.endpoints)
          for (auto address : endpoint.addresses) add_address(o, slice, port, endpoint, address, group);
    add_other_ports(group);
    return group;
  }

 private:
  static Labels pod_labels(const Object& o) {
    Labels out;
    Writer to(out);
    to.set("namespace", o.name_space);
    to.object("pod", o);
    to.set("pod_ip", o.ip);
    to.set("pod_ready", o.ready.empty() ? "unknown" : to_lower(o.ready));
    to.set("pod_phase", o.phase);
    to.set("pod_node_name", o.node);
    to.set("pod_host_ip", o.host_ip);
    to.set("pod_uid", o.uid);
    if (const kube::Owner* owner = o.controller()) {
      to.set("pod_controller_kind", owner->kind);
      to.set("pod_controller_name", owner->name);
    }
    return out;
  }

  void add_node(std::string_view name, Labels& to) const {
    auto at = known_.nodes.find("/" + std::string(name));
    if (at != known_.nodes.end()) Writer(to).object("node", *at->second);
  }

  void add_namespace(std::string_view name, Labels& to) const {
    auto at = config_.attach_metadata.name_space ? known_.namespaces.find("/" + std::string(name)) : known_.namespaces.end();
    if (at == known_.namespaces.end()) return;
    Writer(to).pairs("namespace_label", at->second->labels);
    Writer(to).pairs("namespace_annotation", at->second->annotations);
  }

  static bool has_tls(const Object& o, std::string_view host) {
    for (auto tls : o.tls_hosts) {
      if (tls == host) return true;
      bool wild = tls.starts_with("*.") && host.find('.') != host.npos;
      if (wild && host.substr(host.find('.')) == tls.substr(1)) return true;
    }
    return false;
  }

  void add_address(const Object& o, bool slice, const kube::Port& port, const kube::Endpoint& endpoint, std::string_view address, Group& group) {
    Labels& target = group.targets.emplace_back();
    Writer to(target);
    to.address(address, port.number);
    if (slice) write_slice(o, port, endpoint, to);
    else write_endpoint(port, endpoint, to);
    if (config_.attach_metadata.node) add_node(endpoint.target_kind == "Node" ? endpoint.target_name : endpoint.node, target);
    const Object* pod_object = endpoint.target_kind == "Pod" ? find(known_.pods, o.name_space, endpoint.target_name) : nullptr;
    if (pod_object == nullptr) return;
    merge(target, pod_labels(*pod_object));
    auto& ports = seen_[pod_object];
    for (auto& container : pod_object->containers)
      for (auto& own : container.ports)
        if (own.number == port.number) {
          write_container(container, &own, to);
          ports.insert(port.number);
        }
  }

  static void write_slice(const Object& o, const kube::Port& port, const kube::Endpoint& e, Writer& to) {
    to.set("endpointslice_address_type", o.type);
    to.set("endpointslice_port_name", port.name);
    to.set("endpointslice_port_protocol", port.protocol);
    to.number("endpointslice_port", port.number);
    to.set("endpointslice_port_app_protocol", port.app_protocol);
    if (e.ready_told) to.flag("endpointslice_endpoint_conditions_ready", e.ready);
    if (e.serving_told) to.flag("endpointslice_endpoint_conditions_serving", e.serving);
    if (e.terminating_told) to.flag("endpointslice_endpoint_conditions_terminating", e.terminating);
    to.set("endpointslice_endpoint_hostname", e.hostname);
    to.set("endpointslice_endpoint_node_name", e.node);
    to.set("endpointslice_endpoint_zone", e.zone);
    to.set("endpointslice_address_target_kind", e.target_kind);
    to.set("endpointslice_address_target_name", e.target_name);
  }

  static void write_endpoint(const kube::Port& port, const kube::Endpoint& e, Writer& to) {
    to.set("endpoint_port_name", port.name);
    to.set("endpoint_port_protocol", port.protocol.empty() ? "TCP" : port.protocol);
    to.flag("endpoint_ready", e.ready);
    to.set("endpoint_address_target_kind", e.target_kind);
    to.set("endpoint_address_target_name", e.target_name);
    to.set("endpoint_node_name", e.node);
    to.set("endpoint_hostname", e.hostname);
  }

  // Ports of the pods that were seen, which are not among those of the endpoints.
  void add_other_ports(Group& group) {
    for (auto& [pod_object, ports] : seen_)
      for (auto& container : pod_object->containers)
        for (auto& port : container.ports) {
          if (ports.contains(port.number)) continue;
          Labels& target = group.targets.emplace_back(pod_labels(*pod_object));
          Writer to(target);
          to.address(pod_object->ip, port.number);
          write_container(container, &port, to);
          if (config_.attach_metadata.node) add_node(pod_object->node, target);
        }
  }

  struct ByName {
    bool operator()(const Object* a, const Object* b) const { return a->name < b->name; }
  };
  const Config& config_;
  const Known& known_;
  std::map<const Object*, std::set<int>, ByName> seen_;  // of one object with endpoints
};

}  // namespace

std::vector<Group> make_groups(const Config& config, const Known& known) {
  std::vector<Group> out;
  Maker maker(config, known);
  auto each = [&](const Objects& objects, auto make) {
    for (auto& [key, object] : objects) out.push_back(make(*object));
  };
  switch (config.role) {
    case Role::node: each(known.nodes, [&](auto& o) { return maker.node(o); }); break;
    case Role::pod: each(known.pods, [&](auto& o) { return maker.pod(o); }); break;
    case Role::service: each(known.services, [&](auto& o) { return maker.service(o); }); break;
    case Role::ingress: each(known.ingresses, [&](auto& o) { return maker.ingress(o); }); break;
    case Role::endpoints: each(known.endpoints, [&](auto& o) { return maker.endpoints(o, false); }); break;
    case Role::endpoint_slice: each(known.slices, [&](auto& o) { return maker.endpoints(o, true); }); break;
  }
  return out;
}

}  // namespace weir::kubernetes_sd

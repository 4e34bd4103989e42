#include <simdjson.h>

#include <algorithm>

#include "base/arena.h"
#include "base/text.h"
#include "kube/block.h"
#include "kube/decode.h"

namespace weir::kube {
namespace {

namespace dom = simdjson::dom;
using Element = dom::element;

std::optional<Element> get(const Element& in, std::string_view key) {
  Element out;
  if (!in.is_object() || in.at_key(key).get(out) != simdjson::SUCCESS || out.is_null()) return std::nullopt;
  return out;
}

std::optional<Element> get(const std::optional<Element>& in, std::string_view key) { return in ? get(*in, key) : std::nullopt; }

std::string_view text(const std::optional<Element>& in, std::string_view key) {
  std::string_view out;
  auto value = get(in, key);
  return value && value->get(out) == simdjson::SUCCESS ? out : std::string_view();
}

bool flag(const std::optional<Element>& in, std::string_view key, bool standard = false) {
  bool out = standard;
  auto value = get(in, key);
  return value && value->get(out) == simdjson::SUCCESS ? out : standard;
}

int number(const std::optional<Element>& in, std::string_view key) {
  std::int64_t out = 0;
  auto value = get(in, key);
  if (!value || value->get(out) != simdjson::SUCCESS) return 0;
  return static_cast<int>(std::clamp<std::int64_t>(out, 0, INT32_MAX));
}

dom::array array(const std::optional<Element>& in, std::string_view key) {
  static const Element empty = [] {
    static dom::parser parser;
    return Element(parser.parse(std::string_view("[]")));
  }();
  dom::array out = empty.get_array();
  if (auto value = get(in, key); value && value->is_array()) out = value->get_array();
  return out;
}

std::size_t count(const dom::array& list) {
  std::size_t n = 0;
  for (auto element : list) (void)element, ++n;
  return n;
}

// Fills a span from a JSON array.
template <class T, class Fill>
std::span<const T> fill_array(Layout& to, const dom::array& list, Fill fill) {
  auto out = to.array<T>(count(list));
  std::size_t i = 0;
  for (Element element : list) fill(element, out[i++]);
  return out;
}

std::span<const std::string_view> texts(Layout& to, const dom::array& list) {
  return fill_array<std::string_view>(to, list, [&](Element element, std::string_view& out) {
    std::string_view value;
    if (element.get(value) == simdjson::SUCCESS) out = to.copy(value);
  });
}

Pairs pairs(Layout& to, const std::optional<Element>& map, const Keys& keys) {
  dom::object entries;
  if (!map || map->get(entries) != simdjson::SUCCESS) return {};
  std::vector<Pair> kept;
  for (auto [key, value] : entries) {
    std::string_view text_value;
    if (keys.keeps(key) && value.get(text_value) == simdjson::SUCCESS) kept.push_back({key, text_value});
  }
  std::sort(kept.begin(), kept.end(), [](auto& a, auto& b) { return a.key < b.key; });
  auto out = to.array<Pair>(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) out[i] = {to.copy(kept[i].key), to.copy(kept[i].value)};
  return out;
}

void fill_meta(Layout& to, const Element& in, const Keep& keep, Object& out) {
  auto meta = get(in, "metadata");
  out.name_space = to.copy(text(meta, "namespace"));
  out.name = to.copy(text(meta, "name"));
  out.uid = to.copy(text(meta, "uid"));
  out.version = to.copy(text(meta, "resourceVersion"));
  out.created = to.copy(text(meta, "creationTimestamp"));
  out.deleting = get(meta, "deletionTimestamp").has_value();
  out.labels = pairs(to, get(meta, "labels"), keep.labels);
  out.annotations = pairs(to, get(meta, "annotations"), keep.annotations);
  out.owners = fill_array<Owner>(to, array(meta, "ownerReferences"), [&](Element owner, Owner& o) {
    o = {to.copy(text(owner, "kind")), to.copy(text(owner, "name")), to.copy(text(owner, "uid")), flag(owner, "controller")};
  });
}

const Keys& all_keys() {
  static const Keys keys = [] {
    Keys all;
    all.add_all();
    return all;
  }();
  return keys;
}

std::span<const Port> ports(Layout& to, const dom::array& list, std::string_view number_key) {
  return fill_array<Port>(to, list, [&](Element port, Port& p) {
    p.name = to.copy(text(port, "name"));
    p.protocol = to.copy(text(port, "protocol"));
    p.app_protocol = to.copy(text(port, "appProtocol"));
    p.number = number(port, number_key);
    if (auto target = get(port, "targetPort")) p.target = to.copy(target->is_string() ? text(port, "targetPort") : std::to_string(number(port, "targetPort")));
  });
}

// "containerd://0123" -> "0123"
std::string_view bare_id(std::string_view id) {
  std::size_t at = id.find("://");
  return at == std::string_view::npos ? id : id.substr(at + 3);
}

std::string_view ready_of(const std::optional<Element>& status) {
  for (Element condition : array(status, "conditions"))
    if (text(condition, "type") == "Ready") return text(condition, "status");
  return {};
}

void fill_run(Layout& to, const Element& status, Container& out) {
  std::string_view id = text(status, "containerID");
  out.id = to.copy(bare_id(id));
  if (id.size() > out.id.size()) out.runtime = to.copy(id.substr(0, id.size() - out.id.size() - 3));
  out.image_id = to.copy(text(status, "imageID"));
  out.restarts = number(status, "restartCount");
  out.ready = flag(status, "ready");
  out.reported = true;
  out.last_id = to.copy(bare_id(text(get(get(status, "lastState"), "terminated"), "containerID")));
}

void fill_containers(Layout& to, const std::optional<Element>& spec, const std::optional<Element>& status, const Keep& keep, Object& out) {
  dom::array init = array(spec, "initContainers"), main = array(spec, "containers");
  auto containers = to.array<Container>(count(init) + count(main));
  std::size_t i = 0;
  auto add = [&](const dom::array& list, bool is_init, std::string_view statuses) {
    for (Element container : list) {
      Container& c = containers[i++];
      c.name = to.copy(text(container, "name"));
      c.image = to.copy(text(container, "image"));
      c.init = is_init;
      if (keep.ports) c.ports = ports(to, array(container, "ports"), "containerPort");
      if (keep.resources) {
        c.requests = pairs(to, get(get(container, "resources"), "requests"), all_keys());
        c.limits = pairs(to, get(get(container, "resources"), "limits"), all_keys());
      }
      for (Element run : array(status, statuses))
        if (text(run, "name") == c.name) {
          fill_run(to, run, c);
          break;
        }
    }
  };
  add(main, false, "containerStatuses");
  add(init, true, "initContainerStatuses");
  out.containers = containers;
}

void fill_pod(Layout& to, const Element& in, const Keep& keep, Object& out) {
  auto spec = get(in, "spec"), status = get(in, "status");
  out.node = to.copy(text(spec, "nodeName"));
  out.hostname = to.copy(text(spec, "hostname"));
  out.host_network = flag(spec, "hostNetwork");
  out.ip = to.copy(text(status, "podIP"));
  out.host_ip = to.copy(text(status, "hostIP"));
  out.phase = to.copy(text(status, "phase"));
  out.started = to.copy(text(status, "startTime"));
  dom::array all = array(status, "podIPs");
  out.ips = fill_array<std::string_view>(to, all, [&](Element ip, std::string_view& o) { o = to.copy(text(ip, "ip")); });
  out.ready = to.copy(ready_of(status));
  if (keep.containers) fill_containers(to, spec, status, keep, out);
}

void fill_node(Layout& to, const Element& in, const Keep& keep, Object& out) {
  auto status = get(in, "status");
  out.provider_id = to.copy(text(get(in, "spec"), "providerID"));
  out.ready = to.copy(ready_of(status));
  if (!keep.status) return;
  out.kubelet_port = number(get(get(status, "daemonEndpoints"), "kubeletEndpoint"), "Port");
  out.addresses = fill_array<Pair>(to, array(status, "addresses"), [&](Element address, Pair& p) {
    p = {to.copy(text(address, "type")), to.copy(text(address, "address"))};
  });
}

void fill_service(Layout& to, const Element& in, Object& out) {
  auto spec = get(in, "spec");
  out.cluster_ip = to.copy(text(spec, "clusterIP"));
  out.external_name = to.copy(text(spec, "externalName"));
  out.balancer_ip = to.copy(text(spec, "loadBalancerIP"));
  out.type = to.copy(text(spec, "type"));
  out.ports = ports(to, array(spec, "ports"), "port");
}

bool told(const std::optional<Element>& conditions, std::string_view name) { return get(conditions, name).has_value(); }

void fill_target(Layout& to, const Element& endpoint, Endpoint& e) {
  auto target = get(endpoint, "targetRef");
  e.hostname = to.copy(text(endpoint, "hostname"));
  e.node = to.copy(text(endpoint, "nodeName"));
  e.zone = to.copy(text(endpoint, "zone"));
  e.target_kind = to.copy(text(target, "kind"));
  e.target_name = to.copy(text(target, "name"));
}

void fill_slice(Layout& to, const Element& in, Object& out) {
  out.type = to.copy(text(in, "addressType"));
  auto subset = to.array<Subset>(1);
  subset[0].ports = ports(to, array(in, "ports"), "port");
  subset[0].endpoints = fill_array<Endpoint>(to, array(in, "endpoints"), [&](Element endpoint, Endpoint& e) {
    auto conditions = get(endpoint, "conditions");
    e.addresses = texts(to, array(endpoint, "addresses"));
    fill_target(to, endpoint, e);
    e.ready = flag(conditions, "ready", true);  // unknown counts as ready
    e.serving = flag(conditions, "serving", e.ready);
    e.terminating = flag(conditions, "terminating");
    e.ready_told = told(conditions, "ready"), e.serving_told = told(conditions, "serving"), e.terminating_told = told(conditions, "terminating");
  });
  out.subsets = subset;
}

void fill_endpoints(Layout& to, const Element& in, Object& out) {
  out.subsets = fill_array<Subset>(to, array(in, "subsets"), [&](Element subset, Subset& s) {
    dom::array ready = array(subset, "addresses"), not_ready = array(subset, "notReadyAddresses");
    auto endpoints = to.array<Endpoint>(count(ready) + count(not_ready));
    std::size_t i = 0;
    auto add = [&](const dom::array& list, bool is_ready) {
      for (Element address : list) {
        Endpoint& e = endpoints[i++];
        auto one = to.array<std::string_view>(1);
        one[0] = to.copy(text(address, "ip"));
        e.addresses = one;
        e.ready = e.serving = is_ready;
        fill_target(to, address, e);
      }
    };
    add(ready, true);
    add(not_ready, false);
    s.endpoints = endpoints;
    s.ports = ports(to, array(subset, "ports"), "port");
  });
}

void fill_ingress(Layout& to, const Element& in, Object& out) {
  auto spec = get(in, "spec");
  out.ingress_class = to.copy(text(spec, "ingressClassName"));
  std::vector<Pair> paths;
  for (Element rule : array(spec, "rules")) {
    dom::array list = array(get(rule, "http"), "paths");
    if (count(list) == 0) paths.push_back({text(rule, "host"), "/"});
    for (Element path : list) paths.push_back({text(rule, "host"), text(path, "path")});
  }
  auto made = to.array<Pair>(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) made[i] = {to.copy(paths[i].key), to.copy(paths[i].value.empty() ? "/" : paths[i].value)};
  out.paths = made;
  std::vector<std::string_view> hosts;
  for (Element tls : array(spec, "tls"))
    for (Element host : array(tls, "hosts"))
      if (std::string_view name; host.get(name) == simdjson::SUCCESS) hosts.push_back(name);
  auto tls_hosts = to.array<std::string_view>(hosts.size());
  for (std::size_t i = 0; i < hosts.size(); ++i) tls_hosts[i] = to.copy(hosts[i]);
  out.tls_hosts = tls_hosts;
}

// {"spec/replicas":3}: those of the paths that are there.
std::string parts_of(const Element& in, std::span<const std::string> paths) {
  std::string out = "{";
  for (auto& path : paths) {
    std::optional<Element> at = in;
    for (auto step : split(path, '/')) at = get(at, step);
    if (at) out += fmt::format("{}\"{}\":{}", out.size() == 1 ? "" : ",", path, simdjson::minify(*at));
  }
  return out + "}";
}

}  // namespace

struct JsonDecoder::Impl {
  dom::parser parser;
  Arena scratch;
  std::string padded;

  Result<Element> parse(std::string_view json);
  Result<ObjectPtr> make(const Element& in, Kind kind, const Keep& keep);
};

Result<Element> JsonDecoder::Impl::parse(std::string_view json) {
  padded.assign(json);
  padded.resize(json.size() + simdjson::SIMDJSON_PADDING);
  Element root;
  auto error = parser.parse(padded.data(), json.size(), false).get(root);
  if (error != simdjson::SUCCESS) return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  return root;
}

Result<ObjectPtr> JsonDecoder::Impl::make(const Element& in, Kind kind, const Keep& keep) {
  if (!in.is_object() || text(get(in, "metadata"), "name").empty()) return fail(Errc::invalid, "an object without a name");
  std::string raw;
  if (keep.raw) raw = simdjson::minify(in);
  else if (!keep.paths.empty()) raw = parts_of(in, keep.paths);
  return make_object(scratch, [&](Layout& to, Object& out) {
    out.kind = kind;
    fill_meta(to, in, keep, out);
    if (kind == Kind::pod) fill_pod(to, in, keep, out);
    if (kind == Kind::node) fill_node(to, in, keep, out);
    if (kind == Kind::service) fill_service(to, in, out);
    if (kind == Kind::endpoint_slice) fill_slice(to, in, out);
    if (kind == Kind::endpoints) fill_endpoints(to, in, out);
    if (kind == Kind::ingress) fill_ingress(to, in, out);
    out.raw = to.copy(raw);
  });
}

JsonDecoder::JsonDecoder() : impl_(std::make_unique<Impl>()) {}
JsonDecoder::~JsonDecoder() = default;

Result<ObjectPtr> JsonDecoder::object(std::string_view json, Kind kind, const Keep& keep) {
  WEIR_ASSIGN(Element root, impl_->parse(json));
  return impl_->make(root, kind, keep);
}

Result<Event> JsonDecoder::event(std::string_view json, Kind kind, const Keep& keep) {
  WEIR_ASSIGN(Element root, impl_->parse(json));
  auto object = get(root, "object");
  std::string_view type = text(root, "type");
  if (!object) return fail(Errc::invalid, "a watch event without an object");
  Event event;
  if (type == "BOOKMARK") {
    event.type = EventType::bookmark;
    auto meta = get(*object, "metadata");
    event.version = text(meta, "resourceVersion");
    event.initial_end = text(get(meta, "annotations"), "k8s.io/initial-events-end") == "true";
    return event;
  }
  if (type == "ERROR") {
    event.code = number(*object, "code");
    event.message = text(*object, "message");
    return event;
  }
  if (type == "ADDED") event.type = EventType::added;
  else if (type == "MODIFIED") event.type = EventType::modified;
  else if (type == "DELETED") event.type = EventType::deleted;
  else return fail(Errc::invalid, "unknown watch event '{}'", type.substr(0, 40));
  WEIR_ASSIGN(event.object, impl_->make(*object, kind, keep));
  return event;
}

Result<Page> JsonDecoder::page(std::string_view json, Kind kind, const Keep& keep) {
  WEIR_ASSIGN(Element root, impl_->parse(json));
  auto items = get(root, "items");
  auto meta = get(root, "metadata");
  if (!meta || (items && !items->is_array())) return fail(Errc::invalid, "not a list of objects");
  Page page{.objects = {}, .version = std::string(text(meta, "resourceVersion")), .next = std::string(text(meta, "continue"))};
  for (Element item : array(root, "items")) {
    WEIR_ASSIGN(ObjectPtr object, impl_->make(item, kind, keep));
    page.objects.push_back(std::move(object));
  }
  return page;
}

std::string JsonDecoder::status(std::string_view json) {
  auto root = impl_->parse(json);
  std::string_view message = root ? text(*root, "message") : std::string_view();
  return std::string(message.empty() ? json.substr(0, 200) : message.substr(0, 500));
}

}  // namespace weir::kube

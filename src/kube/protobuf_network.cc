// Nodes, services, endpoints and ingresses.
#include "kube/protobuf_walk.h"

namespace weir::kube {

std::string_view Walk::target_port(std::string_view message) {
  int type = 0, value = 0;
  std::string_view name;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return number(in, type);
      case 2: return number(in, value);
      case 3: return text(in, name);
      default: return false;
    }
  });
  return type == 1 ? name : arena_.copy(std::to_string(value));
}

void Walk::port(std::string_view message, const PortFields& fields, Port& out) {
  each(message, [&](Reader& in) {
    std::uint32_t field = in.field();
    if (field == fields.name) return text(in, out.name);
    if (field == fields.protocol) return text(in, out.protocol);
    if (field == fields.number) return number(in, out.number);
    if (field == fields.app_protocol) return text(in, out.app_protocol);
    return field == fields.target && nested(in, [&](std::string_view m) { out.target = target_port(m); });
  });
}

void Walk::node(std::string_view spec, std::string_view status, Object& out) {
  each(spec, [&](Reader& in) { return in.field() == 3 && text(in, out.provider_id); });
  ArenaVector<Pair> addresses;
  each(status, [&](Reader& in) {
    if (in.field() == 4) return nested(in, [&](std::string_view m) { ready(m, out); });
    if (!keep_.status) return false;
    if (in.field() == 5) return nested(in, [&](std::string_view m) { *add(addresses) = key_and_value(m); });
    auto endpoint_port = [&](std::string_view m) { each(m, [&](Reader& part) { return part.field() == 1 && number(part, out.kubelet_port); }); };
    return in.field() == 6 && nested(in, [&](std::string_view m) { each(m, [&](Reader& part) { return part.field() == 1 && nested(part, endpoint_port); }); });
  });
  out.addresses = addresses.span();
}

void Walk::service(std::string_view spec, Object& out) {
  ArenaVector<Port> ports;
  each(spec, [&](Reader& in) {
    switch (in.field()) {
      case 1: return nested(in, [&](std::string_view m) { port(m, {.name = 1, .protocol = 2, .number = 3, .app_protocol = 6, .target = 4}, *add(ports)); });
      case 3: return text(in, out.cluster_ip);
      case 4: return text(in, out.type);
      case 8: return text(in, out.balancer_ip);
      case 10: return text(in, out.external_name);
      default: return false;
    }
  });
  out.ports = ports.span();
}

void Walk::target(std::string_view message, Endpoint& out) {
  each(message, [&](Reader& in) { return in.field() == 1 ? text(in, out.target_kind) : in.field() == 3 && text(in, out.target_name); });
}

void Walk::endpoint(std::string_view message, Endpoint& out) {
  ArenaVector<std::string_view> addresses;
  auto conditions = [&](std::string_view m) {
    each(m, [&](Reader& in) {
      switch (in.field()) {
        case 1: return out.ready_told = flag(in, out.ready);
        case 2: return out.serving_told = flag(in, out.serving);
        case 3: return out.terminating_told = flag(in, out.terminating);
        default: return false;
      }
    });
  };
  out.ready = true;  // unknown counts as ready
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, *add(addresses));
      case 2: return nested(in, conditions);
      case 3: return text(in, out.hostname);
      case 4: return nested(in, [&](std::string_view m) { target(m, out); });
      case 6: return text(in, out.node);
      case 7: return text(in, out.zone);
      default: return false;
    }
  });
  if (!out.serving_told) out.serving = out.ready;
  out.addresses = addresses.span();
}

void Walk::slice(std::string_view message, Object& out) {
  ArenaVector<Endpoint> endpoints;
  ArenaVector<Port> ports;
  ArenaVector<Subset> subsets;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 2: return nested(in, [&](std::string_view m) { endpoint(m, *add(endpoints)); });
      case 3: return nested(in, [&](std::string_view m) { port(m, {.name = 1, .protocol = 2, .number = 3, .app_protocol = 4, .target = 0}, *add(ports)); });
      case 4: return text(in, out.type);
      default: return false;
    }
  });
  Subset& only = *add(subsets);
  only.endpoints = endpoints.span();
  only.ports = ports.span();
  out.subsets = subsets.span();
}

void Walk::address(std::string_view message, Endpoint& out) {
  ArenaVector<std::string_view> addresses;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, *add(addresses));
      case 2: return nested(in, [&](std::string_view m) { target(m, out); });
      case 3: return text(in, out.hostname);
      case 4: return text(in, out.node);
      default: return false;
    }
  });
  out.addresses = addresses.span();
}

void Walk::subset(std::string_view message, Subset& out) {
  ArenaVector<Endpoint> endpoints;
  ArenaVector<Port> ports;
  for (std::uint32_t field : {1u, 2u})  // those that are ready come first
    each(message, [&](Reader& in) {
      return in.field() == field && nested(in, [&](std::string_view m) {
               Endpoint& e = *add(endpoints);
               e.ready = e.serving = field == 1;
               address(m, e);
             });
    });
  each(message, [&](Reader& in) {
    return in.field() == 3 && nested(in, [&](std::string_view m) { port(m, {.name = 1, .protocol = 3, .number = 2, .app_protocol = 4, .target = 0}, *add(ports)); });
  });
  out.endpoints = endpoints.span();
  out.ports = ports.span();
}

void Walk::endpoints(std::string_view message, Object& out) {
  ArenaVector<Subset> subsets;
  each(message, [&](Reader& in) { return in.field() == 2 && nested(in, [&](std::string_view m) { subset(m, *add(subsets)); }); });
  out.subsets = subsets.span();
}

void Walk::rule(std::string_view message, ArenaVector<Pair>& paths) {
  std::string_view host;
  std::size_t before = paths.size();
  auto path = [&](std::string_view m) {
    Pair& pair = *add(paths);
    each(m, [&](Reader& in) { return in.field() == 1 && text(in, pair.value); });
    if (pair.value.empty()) pair.value = "/";
  };
  auto http = [&](std::string_view m) { each(m, [&](Reader& in) { return in.field() == 1 && nested(in, path); }); };
  each(message, [&](Reader& in) {
    if (in.field() == 1) return text(in, host);
    return in.field() == 2 && nested(in, [&](std::string_view m) { each(m, [&](Reader& value) { return value.field() == 1 && nested(value, http); }); });
  });
  if (paths.size() == before) add(paths)->value = "/";
  for (std::size_t i = before; i < paths.size(); ++i) paths[i].key = host;
}

void Walk::ingress(std::string_view spec, Object& out) {
  ArenaVector<Pair> paths;
  ArenaVector<std::string_view> hosts;
  each(spec, [&](Reader& in) {
    switch (in.field()) {
      case 2: return nested(in, [&](std::string_view m) { each(m, [&](Reader& tls) { return tls.field() == 1 && text(tls, *add(hosts)); }); });
      case 3: return nested(in, [&](std::string_view m) { rule(m, paths); });
      case 4: return text(in, out.ingress_class);
      default: return false;
    }
  });
  out.paths = paths.span();
  out.tls_hosts = hosts.span();
}

}  // namespace weir::kube

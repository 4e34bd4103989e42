#include "kube/protobuf_walk.h"

#include "base/time.h"

namespace weir::kube {

std::string_view Walk::opened(std::string_view envelope) {
  std::string_view raw;
  if (!ProtobufDecoder::is_envelope(envelope)) return fail("not an object in protobuf"), raw;
  each(envelope.substr(4), [&](Reader& in) { return in.field() == 2 && text(in, raw); });
  return raw;
}

Meta Walk::list_meta(std::string_view message) {
  Meta out;
  each(message, [&](Reader& in) { return (in.field() == 2 && text(in, out.version)) || (in.field() == 3 && text(in, out.next)); });
  return out;
}

Meta Walk::status(std::string_view message) {
  Meta out;
  each(message, [&](Reader& in) { return (in.field() == 3 && text(in, out.message)) || (in.field() == 6 && number(in, out.code)); });
  return out;
}

Meta Walk::bookmark(std::string_view message) {
  Meta out;
  auto annotation = [&](std::string_view m) {
    Pair pair = key_and_value(m);
    if (pair.key == "k8s.io/initial-events-end") out.initial_end = pair.value == "true";
  };
  each(message, [&](Reader& in) {
    return in.field() == 1 && nested(in, [&](std::string_view m) {
             each(m, [&](Reader& meta) { return meta.field() == 6 ? text(meta, out.version) : meta.field() == 12 && nested(meta, annotation); });
           });
  });
  return out;
}

// Of a map's entry, a condition, ...: texts in fields 1 and 2.
Pair Walk::key_and_value(std::string_view message) {
  Pair pair;
  each(message, [&](Reader& in) { return in.field() == 1 ? text(in, pair.key) : in.field() == 2 && text(in, pair.value); });
  return pair;
}

void Walk::entry(std::string_view message, const Keys& keys, ArenaVector<Pair>& to) {
  Pair pair = key_and_value(message);
  if (keys.keeps(pair.key)) *add(to) = pair;
}

void Walk::amount(std::string_view message, ArenaVector<Pair>& to) {
  Pair& pair = *add(to);
  each(message, [&](Reader& in) {
    if (in.field() == 1) return text(in, pair.key);
    return in.field() == 2 && nested(in, [&](std::string_view m) { each(m, [&](Reader& q) { return q.field() == 1 && text(q, pair.value); }); });
  });
}

std::span<const Pair> Walk::sorted(ArenaVector<Pair>& pairs) {
  std::sort(pairs.begin(), pairs.end(), [](auto& a, auto& b) { return a.key < b.key; });
  return pairs.span();
}

// "" for the zero time, which is sent as an empty message, and for what Kubernetes does not write.
std::string_view Walk::time(std::string_view message) {
  constexpr std::int64_t end = 9'000'000'000;  // the year 2255
  std::int64_t seconds = 0;
  each(message, [&](Reader& in) {
    if (in.field() != 1 || !in.is(WireType::varint)) return false;
    seconds = static_cast<std::int64_t>(in.varint());
    return true;
  });
  if (seconds <= 0 || seconds > end) return {};
  return arena_.copy(format_rfc3339(static_cast<UnixNanos>(seconds) * 1'000'000'000));
}

void Walk::owner(std::string_view message, Owner& out) {
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, out.kind);
      case 3: return text(in, out.name);
      case 4: return text(in, out.uid);
      case 6: return flag(in, out.controller);
      default: return false;
    }
  });
}

void Walk::meta(std::string_view message, Object& out) {
  ArenaVector<Pair> labels, annotations;
  ArenaVector<Owner> owners;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, out.name);
      case 3: return text(in, out.name_space);
      case 5: return text(in, out.uid);
      case 6: return text(in, out.version);
      case 8: return nested(in, [&](std::string_view m) { out.created = time(m); });
      case 9: return nested(in, [&](std::string_view) { out.deleting = true; });
      case 11: return nested(in, [&](std::string_view m) { entry(m, keep_.labels, labels); });
      case 12: return nested(in, [&](std::string_view m) { entry(m, keep_.annotations, annotations); });
      case 13: return nested(in, [&](std::string_view m) { owner(m, *add(owners)); });
      default: return false;
    }
  });
  out.labels = sorted(labels);
  out.annotations = sorted(annotations);
  out.owners = owners.span();
}

void Walk::ready(std::string_view condition, Object& out) {
  Pair pair = key_and_value(condition);
  if (pair.key == "Ready" && out.ready.empty()) out.ready = pair.value;
}

void Walk::resources(std::string_view message, Container& out) {
  ArenaVector<Pair> limits, requests;
  each(message, [&](Reader& in) {
    if (in.field() != 1 && in.field() != 2) return false;
    return nested(in, [&](std::string_view m) { amount(m, in.field() == 1 ? limits : requests); });
  });
  out.limits = sorted(limits);
  out.requests = sorted(requests);
}

void Walk::container(std::string_view message, Container& out) {
  ArenaVector<Port> ports;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, out.name);
      case 2: return text(in, out.image);
      case 6: return keep_.ports && nested(in, [&](std::string_view m) { port(m, {.name = 1, .protocol = 4, .number = 3, .app_protocol = 0, .target = 0}, *add(ports)); });
      case 8: return keep_.resources && nested(in, [&](std::string_view m) { resources(m, out); });
      default: return false;
    }
  });
  out.ports = ports.span();
}

void Walk::run(std::string_view message, Container& out) {
  std::string_view id, last;
  auto terminated = [&](std::string_view m) { each(m, [&](Reader& in) { return in.field() == 7 && text(in, last); }); };
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 3: return nested(in, [&](std::string_view m) { each(m, [&](Reader& state) { return state.field() == 3 && nested(state, terminated); }); });
      case 4: return flag(in, out.ready);
      case 5: return number(in, out.restarts);
      case 7: return text(in, out.image_id);
      case 8: return text(in, id);
      default: return false;
    }
  });
  auto bare = [](std::string_view whole) {
    std::size_t at = whole.find("://");
    return at == whole.npos ? whole : whole.substr(at + 3);
  };
  out.id = bare(id);
  if (id.size() > out.id.size()) out.runtime = id.substr(0, id.size() - out.id.size() - 3);
  out.last_id = bare(last);
  out.reported = true;
}

void Walk::containers(std::string_view spec, std::string_view status, Object& out) {
  ArenaVector<Container> all;
  auto add_kind = [&](std::uint32_t field, std::uint32_t status_field, bool init) {
    ArenaVector<Pair> runs;  // name and status; sorted, as a list of any length must not be searched for each container
    each(status, [&](Reader& in) {
      return in.field() == status_field && nested(in, [&](std::string_view m) {
               Pair& pair = *add(runs);
               pair.value = m;
               each(m, [&](Reader& part) { return part.field() == 1 && text(part, pair.key); });
             });
    });
    std::stable_sort(runs.begin(), runs.end(), [](auto& a, auto& b) { return a.key < b.key; });
    each(spec, [&](Reader& in) {
      return in.field() == field && nested(in, [&](std::string_view m) {
               Container& c = *add(all);
               c.init = init;
               container(m, c);
               auto at = std::lower_bound(runs.begin(), runs.end(), c.name, [](auto& a, std::string_view name) { return a.key < name; });
               if (at != runs.end() && at->key == c.name) run(at->value, c);
             });
    });
  };
  add_kind(2, 8, false);
  add_kind(20, 10, true);
  out.containers = all.span();
}

void Walk::pod(std::string_view spec, std::string_view status, Object& out) {
  each(spec, [&](Reader& in) {
    switch (in.field()) {
      case 10: return text(in, out.node);
      case 11: return flag(in, out.host_network);
      case 16: return text(in, out.hostname);
      default: return false;
    }
  });
  ArenaVector<std::string_view> ips;
  each(status, [&](Reader& in) {
    switch (in.field()) {
      case 1: return text(in, out.phase);
      case 2: return nested(in, [&](std::string_view m) { ready(m, out); });
      case 5: return text(in, out.host_ip);
      case 6: return text(in, out.ip);
      case 7: return nested(in, [&](std::string_view m) { out.started = time(m); });
      case 12: return nested(in, [&](std::string_view m) {
        std::string_view& ip = *add(ips);
        each(m, [&](Reader& part) { return part.field() == 1 && text(part, ip); });
      });
      default: return false;
    }
  });
  out.ips = ips.span();
  if (keep_.containers) containers(spec, status, out);
}

Object Walk::object(std::string_view message, Kind kind) {
  Object out;
  out.kind = kind;
  std::string_view spec, status;
  each(message, [&](Reader& in) {
    switch (in.field()) {
      case 1: return nested(in, [&](std::string_view m) { meta(m, out); });
      case 2: return text(in, spec);
      case 3: return text(in, status);
      default: return false;
    }
  });
  if (kind == Kind::pod) pod(spec, status, out);
  if (kind == Kind::node) node(spec, status, out);
  if (kind == Kind::service) service(spec, out);
  if (kind == Kind::ingress) ingress(spec, out);
  if (kind == Kind::endpoint_slice) slice(message, out);
  if (kind == Kind::endpoints) endpoints(message, out);
  if (out.name.empty()) fail("an object without a name");
  return out;
}

}  // namespace weir::kube

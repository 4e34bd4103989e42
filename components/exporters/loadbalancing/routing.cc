#include "components/exporters/loadbalancing/routing.h"

#include "base/text.h"
#include "components/exporters/loadbalancing/identity.h"

namespace weir::exporters::loadbalancing {
namespace {

using otlp::Item;
using otlp::Signal;

void put(std::string& key, std::string_view name, std::string_view value) { ((key += name) += '=').append(value) += '|'; }

// Copies: a resource that is only read stays as it came.
otlp::Resource& mutable_resource(otlp::ResourceGroup& group, Arena& arena) { return *arena.make<otlp::Resource>(group.resource.read(arena)); }
otlp::Scope& mutable_scope(otlp::ScopeGroup& scope, Arena& arena) { return *arena.make<otlp::Scope>(scope.scope.read(arena)); }

otlp::TraceId trace_id_of(Signal signal, const Item& item) {
  if (item.message == nullptr) return otlp::peek_trace_id(signal, item.raw);
  if (signal == Signal::traces) return static_cast<const otlp::Span*>(item.message)->trace_id;
  return static_cast<const otlp::LogRecord*>(item.message)->trace_id;
}

std::string_view kind_name(std::int32_t kind) {
  constexpr std::array<std::string_view, 6> names = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
  return kind >= 0 && kind < 6 ? names[static_cast<std::size_t>(kind)] : std::string_view();
}

}  // namespace

Router::Router(const Config& config, RoutingKey key, Signal signal)
    : key_(key), signal_(signal), attributes_(config.routing_attributes), bare_service_(config.ring != RingVersion::v0_158) {
  if (key_ == RoutingKey::service && signal_ == Signal::traces && !bare_service_) {
    key_ = RoutingKey::attributes;
    attributes_ = {"service.name"};
  }
}

std::vector<otlp::Batch> Router::split(otlp::Batch batch, const HashRing& ring, Rng& rng) {
  std::vector<otlp::Batch> parts;
  if (ring.endpoints().size() == 1) {
    parts.push_back(std::move(batch));
    return parts;
  }
  owners_.clear();
  route(batch, ring, rng);
  std::size_t at = 0;
  return batch.partition(ring.endpoints().size(), [&](auto&, auto&, auto&) { return owners_[at++]; });
}

void Router::route(otlp::Batch& batch, const HashRing& ring, Rng& rng) {
  Arena& arena = batch.arena();
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes) {
      Place place{group, scope, arena, ring};
      std::vector<std::string> left;
      switch (key_) {
        case RoutingKey::standard:
        case RoutingKey::trace_id: route_by_trace(place, rng); break;
        case RoutingKey::service: route_whole(place, service_key(place)); break;
        case RoutingKey::resource: route_whole(place, resource_identity(mutable_resource(group, arena), arena)); break;
        case RoutingKey::metric: route_metric_names(place); break;
        case RoutingKey::stream_id: {
          auto &resource = mutable_resource(group, arena);
          auto &in = mutable_scope(scope, arena);
          route_points(place, [&](const otlp::Metric& metric, otlp::DataPoint& point) {
            return StreamIdentity(resource, in, metric, arena).of(point.attributes, arena);
          });
          break;
        }
        case RoutingKey::attributes:
          if (signal_ == Signal::traces) {
            route_traces(place);
          } else if (std::string key = outer_key(place, left); left.empty()) {
            route_whole(place, key);
          } else if (signal_ == Signal::logs) {
            route_logs_by_attributes(place, std::move(key), left);
          } else {
            route_points(place, [&](const otlp::Metric&, otlp::DataPoint& point) {
              std::string out = key;
              for (auto& name : left) {
                auto* value = point.attributes.find(name);
                put(out, name, value ? otlp::to_text(*value) : "");
              }
              return out;
            });
          }
      }
    }
}

void Router::route_whole(Place place, const std::string& key) {
  owners_.insert(owners_.end(), place.scope.items.size(), place.ring.owner(key));
}

void Router::route_by_trace(Place place, Rng& rng) {
  otlp::TraceId before;
  Owner owner = place.ring.owner(before.view());
  for (Item& item : place.scope.items) {
    otlp::TraceId id = trace_id_of(signal_, item);
    if (signal_ == Signal::logs) {
      // Logs go by the id's text, and one without an id to anybody.
      owners_.push_back(id.empty() ? static_cast<Owner>(rng.below(place.ring.endpoints().size())) : place.ring.owner(to_hex(id.view())));
      continue;
    }
    if (id != before) owner = place.ring.owner(id.view());
    before = id;
    owners_.push_back(owner);
  }
}

// All spans that a trace has in one scope go where the first of them goes.
void Router::route_traces(Place place) {
  std::unordered_map<otlp::TraceId, Owner> known;
  for (Item& item : place.scope.items) {
    auto [at, fresh] = known.emplace(trace_id_of(signal_, item), 0);
    if (fresh) at->second = place.ring.owner(span_key(place, item));
    owners_.push_back(at->second);
  }
}

std::string Router::span_key(Place place, Item& item) const {
  std::string key;
  auto& resource = place.group.resource.read(place.arena).attributes;
  auto& scope = place.scope.scope.read(place.arena).attributes;
  for (auto& name : attributes_) {
    const otlp::Value* value = resource.find(name);
    if (value == nullptr) value = scope.find(name);
    if (value != nullptr) {
      put(key, name, otlp::to_text(*value));
      continue;
    }
    auto& span = item.read<otlp::Span>(place.arena);
    if (name == "span.kind") {
      put(key, name, kind_name(span.kind));
    } else if (name == "span.name") {
      put(key, name, span.name);
    } else {
      value = span.attributes.find(name);
      put(key, name, value ? otlp::to_text(*value) : "");
    }
  }
  return key;
}

std::string Router::service_key(Place place) {
  const otlp::Value* name = place.group.resource.read(place.arena).attributes.find("service.name");
  if (name != nullptr) return name->is(otlp::ValueType::string) ? std::string(name->text) : std::string();
  if (signal_ == Signal::metrics)
    for (auto& item : place.scope.items) nameless_ += item.points;
  return {};
}

std::string Router::outer_key(Place place, std::vector<std::string>& left) const {
  std::string key;
  auto take = [&](const otlp::Attributes& attributes, std::vector<std::string> names) {
    left.clear();
    for (auto& name : names)
      if (auto* value = attributes.find(name))
        put(key, name, otlp::to_text(*value));
      else
        left.push_back(name);
  };
  take(place.group.resource.read(place.arena).attributes, attributes_);
  take(place.scope.scope.read(place.arena).attributes, left);
  return key;
}

void Router::route_metric_names(Place place) {
  for (Item& item : place.scope.items) owners_.push_back(place.ring.owner(item.read<otlp::Metric>(place.arena).name));
}

void Router::route_logs_by_attributes(Place place, std::string outer, std::span<const std::string> left) {
  for (Item& item : place.scope.items) {
    auto& record = item.read<otlp::LogRecord>(place.arena);
    std::string key = outer;
    for (auto& name : left) {
      if (name == "log.severity") {
        put(key, name, record.severity_text);
      } else if (name == "log.body") {
        put(key, name, otlp::to_text(record.body));
      } else {
        auto* value = record.attributes.find(name);
        put(key, name, value ? otlp::to_text(*value) : "");
      }
    }
    owners_.push_back(place.ring.owner(key));
  }
}

void Router::route_points(Place place, const std::function<std::string(const otlp::Metric&, otlp::DataPoint&)>& key_of) {
  std::vector<Item> cut;
  cut.reserve(place.scope.items.size());
  std::vector<Owner> owners;
  for (Item& item : place.scope.items) {
    auto metric = item.read<otlp::Metric>(place.arena);  // its points are those of the item
    owners.clear();
    for (auto& point : metric.points) owners.push_back(place.ring.owner(key_of(metric, point)));
    if (owners.empty()) owners.push_back(place.ring.owner({}));
    bool together = std::all_of(owners.begin(), owners.end(), [&](Owner o) { return o == owners[0]; });
    if (!together) {
      cut_metric(place, item, owners, cut);
      continue;
    }
    cut.push_back(item);
    owners_.push_back(owners[0]);
  }
  place.scope.items = std::move(cut);
}

void Router::cut_metric(Place place, Item item, const std::vector<Owner>& owners, std::vector<Item>& out) {
  auto& whole = item.read<otlp::Metric>(place.arena);
  std::vector<std::pair<Owner, otlp::Metric*>> parts;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    auto at = std::find_if(parts.begin(), parts.end(), [&](auto& part) { return part.first == owners[i]; });
    if (at == parts.end()) {
      auto* part = place.arena.make<otlp::Metric>(whole);
      part->points = {};
      at = parts.insert(parts.end(), {owners[i], part});
    }
    at->second->points.push_back(place.arena, whole.points[i]);
  }
  for (auto& [owner, part] : parts) {
    out.push_back(Item::of(part, static_cast<std::uint32_t>(part->points.size())));
    owners_.push_back(owner);
  }
}

}  // namespace weir::exporters::loadbalancing

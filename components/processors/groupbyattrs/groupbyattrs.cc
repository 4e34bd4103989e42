// Moves attributes of items to their resources; items with equal ones come together.
#include <boost/unordered/unordered_flat_map.hpp>

#include "config/field.h"
#include "engine/decode.h"
#include "engine/out.h"
#include "otlp/attribute_key.h"
#include "otlp/copy.h"

namespace weir::processors::groupbyattrs {
namespace {

using otlp::Attributes;
using otlp::Batch;

struct Config {
  std::vector<std::string> keys;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&Config::keys>("keys", "Attributes that move to the resource. Empty: equal resources and scopes are only joined.")};
    return rows;
  }
};

// What of a batch's growth is not charged: most requests stay below it.
constexpr std::size_t free_growth = 16 * 1024 * 1024;

// Where what was taken apart goes.
class Target {
 public:
  explicit Target(Batch& batch) : batch_(batch), arena_(batch.arena()) {}

  struct Place {
    std::size_t resource, scope;
  };

  // `moved`: on top of the resource's attributes.
  std::size_t resource(const otlp::Resource& from, std::string_view schema, const Attributes& moved) {
    otlp::Resource resource;
    resource.attributes = copy_of(from.attributes, arena_);
    for (auto& kv : moved) resource.attributes.set(arena_, kv.key, kv.value);
    auto [at, fresh] = resources_.emplace(otlp::key_of(resource.attributes, writer_), groups_.size());
    if (fresh) {
      groups_.emplace_back(otlp::Lazy<otlp::Resource>(arena_.make<otlp::Resource>(resource)), schema);
      scopes_.emplace_back();
    }
    return at->second;
  }

  std::size_t scope(std::size_t resource, const otlp::ScopeGroup& from, const otlp::Scope& scope) {
    auto [at, fresh] = scopes_[resource].emplace(fmt::format("{}\n{}", scope.name, scope.version), groups_[resource].scopes.size());
    if (fresh) groups_[resource].scopes.push_back({from.scope, from.schema_url, from.unknown, {}});
    return at->second;
  }

  std::vector<otlp::Item>& items(Place place) { return groups_[place.resource].scopes[place.scope].items; }

  // The metric of that name and type in a place, or a new one without points.
  otlp::Metric& metric(Place place, const otlp::Metric& like) {
    auto [at, fresh] = metrics_.emplace(fmt::format("{} {} {} {}", place.resource, place.scope, static_cast<int>(like.type), like.name), nullptr);
    if (fresh) {
      at->second = otlp::copy_without_points(like, arena_);
      auto item = otlp::Item::of(at->second, 0);
      items(place).push_back(item);
    }
    return *at->second;
  }

  void finish() {
    batch_.groups() = std::move(groups_);
    for (auto& group : batch_.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items)
          if (batch_.signal() == otlp::Signal::metrics) item.points = static_cast<std::uint32_t>(item.read<otlp::Metric>(arena_).points.size());
    batch_.prune();
  }

 private:
  Batch& batch_;
  Arena& arena_;
  otlp::Writer writer_;
  std::vector<otlp::ResourceGroup> groups_;
  boost::unordered_flat_map<std::string, std::size_t> resources_;
  std::vector<boost::unordered_flat_map<std::string, std::size_t>> scopes_;
  boost::unordered_flat_map<std::string, otlp::Metric*> metrics_;
};

class GroupByAttrs final : public engine::Stage {
 public:
  GroupByAttrs(const Config& config, const engine::StageContext& context)
      : keys_(config.keys), grouped_(counter(context, "grouped", "had attributes grouped")), others_(counter(context, "non_grouped", "did not have attributes grouped")) {}

  void process(Batch batch, engine::Out& out) override {
    if (std::size_t growth = growth_of(batch); growth > free_growth && !batch.charge.grow(growth))
      return out.drop(std::move(batch), engine::Reason::too_large, {Errc::too_large, fmt::format("items may get resources of their own, and there is no memory for {} bytes", growth), {}});
    Arena& arena = batch.arena();
    Target target(batch);
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) {
        auto& resource = group.resource.read(arena);
        auto& about = scope.scope.read(arena);
        std::optional<Target::Place> plain;  // of items that have none of the attributes
        for (auto& item : scope.items)
          switch (batch.signal()) {
            case otlp::Signal::traces: move(target, group, resource, scope, about, item, const_cast<otlp::Span&>(item.read<otlp::Span>(arena)).attributes, plain, arena); break;
            case otlp::Signal::logs: move(target, group, resource, scope, about, item, const_cast<otlp::LogRecord&>(item.read<otlp::LogRecord>(arena)).attributes, plain, arena); break;
            default: move_points(target, group, resource, scope, about, item, plain, arena);
          }
      }
    target.finish();
    out.push(std::move(batch));
  }

 private:
  static telemetry::Counter& counter(const engine::StageContext& context, std::string_view which, std::string_view what) {
    std::string_view items = context.signal == otlp::Signal::traces ? "spans" : to_string(context.signal);
    return context.host.metrics().counter(fmt::format("otelcol_processor_groupbyattrs_num_{}_{}", which, items), fmt::format("Number of {} that {}", items, what), {{"processor", context.id.to_string()}});
  }

  // Takes them out of the list.
  Attributes take(Attributes& from, Arena& arena) const {
    Attributes out;
    for (auto& key : keys_)
      if (auto* value = from.find(key)) out.set(arena, arena.copy(key), *value);
    for (auto& kv : out) from.remove(kv.key);
    return out;
  }

  // How large a batch can become when each item with such an attribute gets a resource of its own, and each point a metric of its own.
  std::size_t growth_of(Batch& batch) const {
    const bool metrics = batch.signal() == otlp::Signal::metrics;
    std::size_t growth = 0;
    for (auto& group : batch.groups()) {
      const std::size_t resource = otlp::encoded_size_at_most(group.resource.read(batch.arena()));
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          std::size_t repeated = resource + (metrics ? otlp::head_size_at_most(item.read<otlp::Metric>(batch.arena())) : 0);
          if (repeated * std::max<std::size_t>(scope.items.size(), item.points) > free_growth / 16) growth += repeated * moves(batch, item);  // others hardly matter
        }
    }
    return growth;
  }

  // The number of resources that are made for it at most.
  std::size_t moves(Batch& batch, otlp::Item& item) const {
    Arena& arena = batch.arena();
    if (batch.signal() == otlp::Signal::traces) return has_any(item.read<otlp::Span>(arena).attributes);
    if (batch.signal() == otlp::Signal::logs) return has_any(item.read<otlp::LogRecord>(arena).attributes);
    auto& points = item.read<otlp::Metric>(arena).points;
    return static_cast<std::size_t>(std::ranges::count_if(points, [&](auto& point) { return has_any(point.attributes); }));
  }

  bool has_any(const Attributes& attributes) const {
    return std::ranges::any_of(keys_, [&](auto& key) { return attributes.find(key) != nullptr; });
  }

  Target::Place place_of(Target& target, otlp::ResourceGroup& group, const otlp::Resource& resource, otlp::ScopeGroup& scope, const otlp::Scope& about, const Attributes& moved) {
    std::size_t at = target.resource(resource, group.schema_url, moved);
    return {at, target.scope(at, scope, about)};
  }

  Target::Place find(Target& target, otlp::ResourceGroup& group, const otlp::Resource& resource, otlp::ScopeGroup& scope, const otlp::Scope& about, Attributes& attributes,
                     std::optional<Target::Place>& plain, Arena& arena) {
    if (has_any(attributes)) {
      grouped_.add();
      return place_of(target, group, resource, scope, about, take(attributes, arena));
    }
    others_.add();
    if (!plain) plain = place_of(target, group, resource, scope, about, {});
    return *plain;
  }

  void move(Target& target, otlp::ResourceGroup& group, const otlp::Resource& resource, otlp::ScopeGroup& scope, const otlp::Scope& about, otlp::Item& item, Attributes& attributes,
            std::optional<Target::Place>& plain, Arena& arena) {
    std::size_t before = attributes.size();
    auto place = find(target, group, resource, scope, about, attributes, plain, arena);
    if (attributes.size() != before) item.dirty = true;
    target.items(place).push_back(item);
  }

  void move_points(Target& target, otlp::ResourceGroup& group, const otlp::Resource& resource, otlp::ScopeGroup& scope, const otlp::Scope& about, otlp::Item& item,
                   std::optional<Target::Place>& plain, Arena& arena) {
    auto& metric = item.edit<otlp::Metric>(arena);
    boost::unordered_flat_map<std::size_t, otlp::Metric*> made;  // by its resource: comparing names may cost more than all of the points
    for (auto& point : metric.points) {
      auto place = find(target, group, resource, scope, about, point.attributes, plain, arena);
      auto& to = made[place.resource];
      if (to == nullptr) to = &target.metric(place, metric);
      to->points.push_back(arena, point);
    }
  }

  std::vector<std::string> keys_;
  telemetry::Counter &grouped_, &others_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "groupbyattrs",
          .summary = "Moves attributes of items to their resources and joins equal resources.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<GroupByAttrs>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::groupbyattrs

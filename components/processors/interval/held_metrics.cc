#include "components/processors/interval/held_metrics.h"

namespace weir::processors::interval {
namespace {

using metric_streams::StreamHasher;

constexpr std::size_t index_bytes = 96;  // of one point in the maps, about
// Exemplars of a point; each copy of one leaves the one before in the arena.
constexpr std::size_t max_exemplars = 16;

template <class T>
void refill(Arena& arena, ArenaVector<T>& to, const ArenaVector<T>& from) {
  to.clear();
  to.reserve(arena, from.size());
  for (auto& one : from) to.push_back(arena, one);
}

}  // namespace

otlp::Attributes HeldMetrics::copy(const otlp::Attributes& attributes) {
  otlp::Attributes out;
  out.reserve(*arena_, attributes.size());
  for (auto& kv : attributes) out.push_back(*arena_, {arena_->copy(kv.key), kv.value.deep_copy(*arena_)});
  return out;
}

// Numbers and lists are written in place where they fit.
void HeldMetrics::put(const otlp::DataPoint& from, otlp::DataPoint& to) {
  otlp::DataPoint old = to;
  to = from;
  to.attributes = old.attributes;
  to.unknown = {};
  to.exemplars = old.exemplars;
  to.bucket_counts = old.bucket_counts;
  to.explicit_bounds = old.explicit_bounds;
  to.positive.counts = old.positive.counts;
  to.negative.counts = old.negative.counts;
  to.quantiles = old.quantiles;
  refill(*arena_, to.bucket_counts, from.bucket_counts);
  refill(*arena_, to.explicit_bounds, from.explicit_bounds);
  refill(*arena_, to.positive.counts, from.positive.counts);
  refill(*arena_, to.negative.counts, from.negative.counts);
  refill(*arena_, to.quantiles, from.quantiles);
  to.exemplars.clear();
  for (std::size_t i = 0; i < std::min(from.exemplars.size(), max_exemplars); ++i) {
    otlp::Exemplar e = from.exemplars[i];
    e.filtered_attributes = copy(e.filtered_attributes);
    e.unknown = {};
    to.exemplars.push_back(*arena_, e);
  }
}

otlp::Metric& HeldMetrics::metric_of(const StreamHasher& ids, const otlp::ResourceGroup& group, const otlp::Resource& resource,
                                     const otlp::ScopeGroup& scope_group, const otlp::Scope& scope, const otlp::Metric& metric) {
  auto [at, fresh] = metrics_.try_emplace(ids.metric_id());
  if (!fresh) return *at->second;
  auto [r, new_resource] = resources_.try_emplace(ids.resource_id());
  if (new_resource) {
    auto* made = arena_->make<otlp::Resource>();
    made->attributes = copy(resource.attributes);
    made->dropped_attributes_count = resource.dropped_attributes_count;
    r->second = {made, arena_->copy(group.schema_url), {}};
  }
  auto [s, new_scope] = scopes_.try_emplace(ids.scope_id());
  if (new_scope) {
    auto* made = arena_->make<otlp::Scope>();
    made->name = arena_->copy(scope.name);
    made->version = arena_->copy(scope.version);
    made->attributes = copy(scope.attributes);
    s->second = {made, arena_->copy(scope_group.schema_url), {}};
    r->second.scopes.push_back(ids.scope_id());
  }
  auto* made = arena_->make<otlp::Metric>();
  made->name = arena_->copy(metric.name);
  made->description = arena_->copy(metric.description);
  made->unit = arena_->copy(metric.unit);
  made->metadata = copy(metric.metadata);
  made->type = metric.type;
  made->temporality = metric.temporality;
  made->is_monotonic = metric.is_monotonic;
  s->second.metrics.push_back(made);
  return *(at->second = made);
}

bool HeldMetrics::keep(const StreamHasher& ids, const otlp::ResourceGroup& group, const otlp::Resource& resource,
                       const otlp::ScopeGroup& scope_group, const otlp::Scope& scope, const otlp::Metric& metric) {
  otlp::Metric& to = metric_of(ids, group, resource, scope_group, scope, metric);
  for (auto& point : metric.points) {
    auto [at, fresh] = points_.try_emplace(ids.point(point.attributes));
    if (fresh) {
      at->second = {&to, to.points.size()};
      to.points.push_back(*arena_, {}).attributes = copy(point.attributes);
    } else if (point.time_unix_nano <= at->second.metric->points[at->second.index].time_unix_nano) {
      continue;
    }
    put(point, at->second.metric->points[at->second.index]);
  }
  std::size_t holds = arena_->footprint() + points_.size() * index_bytes;
  return holds <= charge_.bytes() || charge_.grow(holds - charge_.bytes());
}

otlp::Batch HeldMetrics::take() {
  otlp::Batch out(otlp::Signal::metrics);
  auto& groups = out.groups();
  for (auto& [id, kept] : resources_) {
    auto& group = groups.emplace_back();
    group.resource = otlp::Lazy<otlp::Resource>(kept.resource).fork(out.arena());
    group.schema_url = out.arena().copy(kept.schema_url);
    for (auto& scope_id : kept.scopes) {
      KeptScope& from = scopes_.at(scope_id);
      auto& scope = group.scopes.emplace_back();
      scope.scope = otlp::Lazy<otlp::Scope>(from.scope).fork(out.arena());
      scope.schema_url = out.arena().copy(from.schema_url);
      for (otlp::Metric* metric : from.metrics) {
        otlp::Writer writer;
        encode(*metric, writer);
        scope.items.push_back({.raw = out.arena().copy(writer.view()), .points = static_cast<std::uint32_t>(metric->points.size())});
      }
    }
  }
  out.prune();
  out.set_bytes(out.arena().footprint());
  resources_.clear();
  scopes_.clear();
  metrics_.clear();
  points_.clear();
  arena_ = std::make_unique<Arena>();
  charge_.release();
  return out;
}

}  // namespace weir::processors::interval

#include "components/connectors/routing/routing.h"

#include "base/log.h"
#include "components/shared/ottl_settings/error_log.h"
#include "otlp/copy.h"

namespace weir::connectors::routing {
namespace {

using otlp::Batch;
using ottl::ContextId;

bool fits(ContextId context, otlp::Signal signal) {
  switch (context) {
    case ContextId::resource: return true;
    case ContextId::span: return signal == otlp::Signal::traces;
    case ContextId::log: return signal == otlp::Signal::logs;
    default: return signal == otlp::Signal::metrics;
  }
}

class Routing : public engine::Stage {
 public:
  Routing(std::vector<CompiledRoute> routes, std::vector<std::size_t> default_ports, ottl::ErrorMode error_mode, engine::StageContext& context)
      : routes_(std::move(routes)),
        default_ports_(std::move(default_ports)),
        error_mode_(error_mode),
        errors_(context.id.to_string(), "a route's condition failed"),
        c_(nowhere_, context.executor, context.rng) {}

  void process(Batch batch, engine::Out& out) override {
    batch.groups();  // indexed before siblings are made, which keep alive what it points to
    c_.use_arena(batch.arena());
    c_.sender = batch.context.get();
    // Nothing leaves before all routes were tried: a condition that fails may refuse the whole batch.
    std::vector<Part> parts;
    for (auto& route : routes_) {
      if (batch.empty()) break;
      auto part = route.action == Action::copy ? copy(batch, route) : move(batch, route);
      if (!part) return refuse(std::move(batch), parts, std::move(part.error()), out);
      if (part->empty()) part->settle({});
      else parts.push_back({&route, std::move(*part)});
    }
    for (auto& part : parts) {
      if (part.route->action == Action::copy) out.count_created(part.batch.items());
      send(part.route->ports, std::move(part.batch), out);
    }
    if (batch.empty()) return batch.settle({});
    if (default_ports_.empty()) return out.drop(std::move(batch), engine::Reason::unroutable);
    send(default_ports_, std::move(batch), out);
  }

 private:
  struct Part {
    const CompiledRoute* route;
    Batch batch;
  };

  static void send(const std::vector<std::size_t>& ports, Batch part, engine::Out& out) {
    for (std::size_t i = 0; i + 1 < ports.size(); ++i) {
      out.count_created(part.items());
      out.push_to(ports[i], part.fork());
    }
    out.push_to(ports.back(), std::move(part));
  }

  // As it came: what was taken out goes back first.
  static void refuse(Batch batch, std::vector<Part>& parts, Error error, engine::Out& out) {
    log::error("a route's condition failed", {{"error", error.what}});
    for (auto& part : parts) {
      if (part.route->action == Action::move) batch.append(std::move(part.batch));
      else part.batch.settle({});
    }
    out.refuse(std::move(batch), std::move(error));
  }

  Result<Batch> copy(Batch& batch, const CompiledRoute& route) {
    Batch whole = batch.fork();
    whole.groups();
    c_.use_arena(whole.arena());
    auto part = move(whole, route);
    c_.use_arena(batch.arena());
    whole.settle({});  // the rest is still in the batch
    return part;
  }

  // Takes out of the batch what the route holds for.
  Result<Batch> move(Batch& batch, const CompiledRoute& route) {
    if (route.request) {
      if (!route.request->matches(c_.sender)) return Batch(batch.signal());
      return std::exchange(batch, Batch(batch.signal()));
    }
    if (!fits(route.context, batch.signal())) return Batch(batch.signal());
    std::size_t before = batch.items(), bytes = batch.bytes(), charged = batch.charge.bytes();
    Batch part = batch.sibling();
    Result<> done = take(batch, part, route);
    part.prune();
    batch.prune();
    part.set_bytes(bytes * part.items() / std::max<std::size_t>(before, 1));
    part.charge = batch.charge.split(charged * part.items() / std::max<std::size_t>(before, 1));
    if (done) return part;
    batch.append(std::move(part));
    return std::unexpected(std::move(done).error());
  }

  Result<> take(Batch& from, Batch& to, const CompiledRoute& route) {
    for (auto& group : from.groups()) {
      c_.resource = &group;
      if (route.context == ContextId::resource) {
        WEIR_ASSIGN(bool takes, holds(route));
        if (takes) {
          to.groups().push_back(std::move(group));
          group.scopes.clear();
        }
        continue;
      }
      otlp::ResourceGroup* target = nullptr;
      for (auto& scope : group.scopes) WEIR_TRY(take_items(scope, group, to, target, route));
    }
    return {};
  }

  Result<> take_items(otlp::ScopeGroup& scope, otlp::ResourceGroup& group, Batch& to, otlp::ResourceGroup*& target, const CompiledRoute& route) {
    std::vector<otlp::Item> taken;
    std::size_t kept = 0;
    Result<> done;
    c_.scope = &scope;
    for (std::size_t i = 0; i < scope.items.size(); ++i) {
      if (done) {
        c_.set_item(i);
        Result<otlp::Item> item = route.context == ContextId::datapoint ? take_points(scope.items[i], route) : take_item(scope.items[i], route);
        if (!item) done = std::unexpected(std::move(item).error());
        else if (item->raw.data() != nullptr || item->message != nullptr) taken.push_back(*item);
      }
      if (scope.items[i].raw.data() != nullptr || scope.items[i].message != nullptr) scope.items[kept++] = scope.items[i];
    }
    scope.items.resize(kept);
    if (taken.empty()) return done;
    if (target == nullptr) {
      to.groups().push_back({group.resource.fork(to.arena()), group.schema_url, group.unknown, {}});
      target = &to.groups().back();
    }
    target->scopes.push_back({scope.scope.fork(to.arena()), scope.schema_url, scope.unknown, std::move(taken)});
    return done;
  }

  // The item itself, when the route holds for it; an empty one is left in its place.
  Result<otlp::Item> take_item(otlp::Item& item, const CompiledRoute& route) {
    WEIR_ASSIGN(bool takes, holds(route));
    return takes ? std::exchange(item, otlp::Item{}) : otlp::Item{};
  }

  // A metric with the points that the route holds for; the others stay.
  Result<otlp::Item> take_points(otlp::Item& item, const CompiledRoute& route) {
    auto& points = const_cast<ArenaVector<otlp::DataPoint>&>(c_.metric().points);  // what read() gives is what edit() changes
    std::vector<bool> taken(points.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      c_.point = &points[i];
      WEIR_ASSIGN(bool takes, holds(route));
      taken[i] = takes;
      count += takes;
    }
    if (count == 0) return otlp::Item{};
    if (count == points.size()) return std::exchange(item, otlp::Item{});
    return cut(item, taken);
  }

  otlp::Item cut(otlp::Item& item, const std::vector<bool>& taken) {
    Arena& arena = c_.arena();
    auto& rest = item.edit<otlp::Metric>(arena);
    auto* part = otlp::copy_without_points(rest, arena);
    ArenaVector<otlp::DataPoint> kept;
    for (std::size_t i = 0; i < taken.size(); ++i) (taken[i] ? part->points : kept).push_back(arena, rest.points[i]);
    rest.points = kept;
    item.points = static_cast<std::uint32_t>(kept.size());
    return otlp::Item::of(part, static_cast<std::uint32_t>(part->points.size()));
  }

  Result<bool> holds(const CompiledRoute& route) {
    c_.next_item();
    auto ran = route.program.run_if(c_);
    if (ran || error_mode_ == ottl::ErrorMode::propagate) return ran;
    if (error_mode_ == ottl::ErrorMode::ignore) errors_.on_error()("route", ran.error().what);
    return false;
  }

  std::vector<CompiledRoute> routes_;
  std::vector<std::size_t> default_ports_;
  ottl::ErrorMode error_mode_;
  ottl::ErrorLog errors_;
  Arena nowhere_;
  ottl::EvalContext c_;
};

Result<std::vector<std::size_t>> ports_of(const std::vector<std::string>& pipelines, const engine::StageContext& context) {
  std::vector<std::size_t> out;
  for (auto& name : pipelines) {
    auto& known = context.output_pipelines;
    auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end())
      return fail(Errc::config, "pipeline not found: \"{}\" has no receiver {}", name, context.id.to_string());
    out.push_back(static_cast<std::size_t>(at - known.begin()));
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context) {
  std::vector<CompiledRoute> routes;
  for (auto& route : config.table) {
    WEIR_ASSIGN(auto compiled, CompiledRoute::make(route));
    WEIR_ASSIGN(compiled.ports, ports_of(route.pipelines, context));
    bool known = std::any_of(routes.begin(), routes.end(), [&](auto& r) { return r.context == compiled.context && r.text == compiled.text; });
    if (known) {
      log::warn("a route with this condition exists already, this one is ignored", {{"component", context.id.to_string()}, {"condition", compiled.text}});
      continue;
    }
    if (!compiled.request && !fits(compiled.context, context.signal))
      log::warn("a route never holds", {{"component", context.id.to_string()}, {"context", to_string(compiled.context)}, {"signal", to_string(context.signal)}});
    routes.push_back(std::move(compiled));
  }
  WEIR_ASSIGN(auto default_ports, ports_of(config.default_pipelines, context));
  return std::make_unique<Routing>(std::move(routes), std::move(default_ports), config.error_mode, context);
}

}  // namespace weir::connectors::routing

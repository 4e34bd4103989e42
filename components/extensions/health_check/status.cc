#include "components/extensions/health_check/status.h"

#include "base/text.h"
#include "config/value.h"

namespace weir::extensions::health_check {
namespace {

using config::Value;

// Members that every status has. Components live and die together with the whole.
Value status_of(const Health& health) {
  constexpr std::array<std::string_view, 3> words = {"StatusStarting", "StatusOK", "StatusStopping"};
  Value out = Value::map();
  out.set("healthy", Value::of(health.state == State::ok));
  out.set("status", Value::string(std::string(words[static_cast<std::size_t>(health.state)])));
  out.set("status_time", Value::string(format_rfc3339(health.changed)));
  out.set("attributes", Value::map());
  return out;
}

Value components_of(const Health& health, const engine::PlanSpec& spec, const engine::PipelineSpec& pipeline) {
  Value out = Value::map();
  auto is_connector = [&](const config::ComponentId& id) {
    return std::any_of(spec.connectors.begin(), spec.connectors.end(), [&](auto& c) { return c.id == id; });
  };
  auto add = [&](std::string_view kind, const std::vector<config::ComponentId>& ids) {
    for (auto& id : ids) out.set(fmt::format("{}:{}", is_connector(id) ? "connector" : kind, id.to_string()), status_of(health));
  };
  add("receiver", pipeline.receivers);
  add("processor", pipeline.processors);
  add("exporter", pipeline.exporters);
  return out;
}

Value extensions_of(const Health& health, const engine::PlanSpec& spec) {
  Value out = Value::map();
  for (auto& extension : spec.extensions) out.set("extension:" + extension.id.to_string(), status_of(health));
  return out;
}

void add_components(Value& to, const Health& health, const engine::PlanSpec& spec) {
  Value all = Value::map();
  Value extensions = status_of(health);
  extensions.set("components", extensions_of(health, spec));
  all.set("extensions", std::move(extensions));
  for (auto& pipeline : spec.pipelines) {
    Value one = status_of(health);
    one.set("components", components_of(health, spec, pipeline));
    all.set("pipeline:" + pipeline.id, std::move(one));
  }
  to.set("components", std::move(all));
}

Value settings_of(const std::vector<engine::ComponentSpec>& specs) {
  Value out = Value::map();
  for (auto& spec : specs) {
    bool printable = spec.factory->encode && spec.config;
    out.set(spec.id.to_string(), printable ? spec.factory->encode(spec.config.get()) : Value::map());
  }
  return out;
}

Value names_of(const std::vector<config::ComponentId>& ids) {
  Value out = Value::list();
  for (auto& id : ids) out.push_back(Value::string(id.to_string()));
  return out;
}

}  // namespace

int http_status(State state) { return state == State::ok ? 200 : 503; }

std::optional<std::string> status_json(const Health& health, const engine::Plan* plan, std::string_view pipeline, bool verbose) {
  Value out = Value::map();
  out.set("start_time", Value::string(format_rfc3339(health.started)));
  Value status = status_of(health);
  for (auto& entry : status.entries()) out.set(entry.key, entry.value);
  if (!pipeline.empty()) {
    if (plan == nullptr) return {};
    auto& all = plan->spec().pipelines;
    auto one = std::find_if(all.begin(), all.end(), [&](auto& p) { return p.id == pipeline; });
    if (one == all.end()) return {};
    if (verbose) out.set("components", components_of(health, plan->spec(), *one));
  } else if (verbose && plan) {
    add_components(out, health, plan->spec());
  }
  return config::to_json(out);
}

std::string config_json(const engine::Plan& plan) {
  auto& spec = plan.spec();
  Value out = Value::map(), service = Value::map(), pipelines = Value::map(), extensions = Value::list();
  out.set("receivers", settings_of(spec.receivers));
  out.set("processors", settings_of(spec.processors));
  out.set("exporters", settings_of(spec.exporters));
  out.set("connectors", settings_of(spec.connectors));
  out.set("extensions", settings_of(spec.extensions));
  for (auto& extension : spec.extensions) extensions.push_back(Value::string(extension.id.to_string()));
  for (auto& pipeline : spec.pipelines) {
    Value one = Value::map();
    one.set("receivers", names_of(pipeline.receivers));
    one.set("processors", names_of(pipeline.processors));
    one.set("exporters", names_of(pipeline.exporters));
    pipelines.set(pipeline.id, std::move(one));
  }
  service.set("extensions", std::move(extensions));
  service.set("pipelines", std::move(pipelines));
  out.set("service", std::move(service));
  return config::to_json(out);
}

}  // namespace weir::extensions::health_check

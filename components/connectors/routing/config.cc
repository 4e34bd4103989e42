#include "components/connectors/routing/config.h"

#include "components/connectors/routing/routing.h"
#include "engine/decode.h"

namespace weir::connectors::routing {

std::span<const config::FieldInfo> Route::fields() {
  using config::field;
  static const std::array rows{
      field<&Route::context>("context", "What is looked at, and moves: resource, span, metric, datapoint, log or request. When absent, the paths tell it; paths without a "
                             "context are those of resource."),
      field<&Route::condition>("condition", "OTTL condition of what takes this route. For request: request[\"key\"] == \"value\" or !=."),
      field<&Route::statement>("statement", "The same as a statement: route() where ...; delete_key and delete_matching_keys change what takes the route."),
      field<&Route::pipelines>("pipelines", "Where it goes."),
      field<&Route::action>("action", "move: what took this route is not looked at by the routes below. copy: it is, and by default_pipelines."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::table>("table", "Routes, tried in this order.", {.min = 1, .required = true}),
      field<&Config::default_pipelines>("default_pipelines", "For what took no route. Without them it is dropped and counted."),
      field<&Config::error_mode>("error_mode", "When a condition fails: propagate (refuse the batch), ignore (log it, not this route) or silent (not this route)."),
      config::ignored("match_once", "routes are tried in order and the first one that holds counts; see action: copy"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string at = fmt::format("table::{}", i);
    if (table[i].pipelines.empty()) context.error_at(at, "invalid route: no pipelines defined");
    std::string_view what = !table[i].condition.empty() ? "::condition" : !table[i].statement.empty() ? "::statement" : "";
    if (auto compiled = CompiledRoute::make(table[i]); !compiled) context.error_at(at + std::string(what), std::move(compiled.error().what));
  }
}

namespace {

// Each pipeline that is named must list the connector as a receiver.
Result<> check_outputs(const void* config, std::span<const std::string> pipelines) {
  auto& c = *static_cast<const Config*>(config);
  std::vector<std::string> lost;
  auto check = [&](const std::vector<std::string>& names) {
    for (auto& name : names)
      if (std::find(pipelines.begin(), pipelines.end(), name) == pipelines.end() && std::find(lost.begin(), lost.end(), name) == lost.end()) lost.push_back(name);
  };
  for (auto& route : c.table) check(route.pipelines);
  check(c.default_pipelines);
  if (lost.empty()) return {};
  return fail(Errc::config, "pipeline not found: {} {} not have this connector as a receiver", fmt::join(lost, ", "), lost.size() == 1 ? "does" : "do");
}

}  // namespace

engine::Factory factory() {
  using otlp::Signal;
  return {.kind = engine::Kind::connector,
          .type = "routing",
          .summary = "Sends telemetry to different pipelines by conditions.",
          .conversions = {{Signal::traces, Signal::traces}, {Signal::metrics, Signal::metrics}, {Signal::logs, Signal::logs}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check_outputs = check_outputs,
          // delete_key() may change a resource; the key of a trace stays.
          .edits_resource = true,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::connectors::routing

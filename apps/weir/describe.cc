#include "weir/describe.h"

#include "config/docs.h"
#include "weir/telemetry.h"

namespace weir::app {
namespace {

using config::Value;
using engine::Kind;

Value text(std::string_view words) { return Value::string(std::string(words)); }

Value object() {
  Value out = Value::map();
  out.set("type", text("object"));
  return out;
}

Value reference(const engine::Factory& factory) {
  Value out = Value::map();
  out.set("$ref", text(fmt::format("#/$defs/{}.{}", to_string(factory.kind), factory.type)));
  return out;
}

// One section: "type" or "type/name" for each type, and nothing else.
Value section(Kind kind) {
  Value out = Value::map(), patterns = Value::map(), types = Value::list();
  for (auto& factory : engine::component_table()) {
    if (factory.kind != kind) continue;
    patterns.set(fmt::format("^{}(/.+)?$", factory.type), reference(factory));
    for (auto alias : factory.aliases) patterns.set(fmt::format("^{}(/.+)?$", alias), reference(factory));
  }
  types.push_back(text("object"));
  types.push_back(text("null"));
  out.set("type", std::move(types));
  out.set("patternProperties", std::move(patterns));
  out.set("additionalProperties", Value::of(false));
  return out;
}

Value ids() {
  Value out = Value::map(), types = Value::list();
  for (auto word : {"array", "string", "null"}) types.push_back(text(word));
  out.set("type", std::move(types));
  return out;
}

Value service() {
  Value pipeline = object(), parts = Value::map(), pipelines = object(), by_name = Value::map(), out = object(), sections = Value::map();
  for (auto word : {"receivers", "processors", "exporters"}) parts.set(word, ids());
  pipeline.set("properties", std::move(parts));
  pipeline.set("additionalProperties", Value::of(false));
  by_name.set("^(traces|metrics|logs|profiles)(/.+)?$", std::move(pipeline));
  pipelines.set("patternProperties", std::move(by_name));
  pipelines.set("additionalProperties", Value::of(false));
  sections.set("extensions", ids());
  sections.set("pipelines", std::move(pipelines));
  sections.set("telemetry", config::json_schema(telemetry_fields(), Value::map()));
  out.set("properties", std::move(sections));
  out.set("additionalProperties", Value::of(false));
  return out;
}

Value defaults(const engine::Factory& factory) { return factory.encode ? factory.encode(nullptr) : Value::map(); }

}  // namespace

std::string settings_table(const engine::Factory& factory) {
  return factory.fields ? config::settings_table(factory.fields(), defaults(factory)) : "There is nothing to set.\n";
}

std::string settings_text(const engine::Factory& factory) {
  return factory.fields ? config::settings_text(factory.fields(), defaults(factory)) : "  There is nothing to set.\n";
}

std::string components_table() {
  std::string out = "| | |\n|---|---|\n";
  for (Kind kind : {Kind::receiver, Kind::processor, Kind::exporter, Kind::connector, Kind::extension}) {
    std::vector<std::string> names;
    for (auto& factory : engine::component_table())
      if (factory.kind == kind) names.push_back(fmt::format("[{0}](components/{1}s/{0}/README.md)", factory.type, to_string(kind)));
    std::sort(names.begin(), names.end());
    out += fmt::format("| {}s | {} |\n", to_string(kind), fmt::join(names, ", "));
  }
  return out;
}

config::Value config_schema() {
  Value out = object(), sections = Value::map(), definitions = Value::map();
  for (Kind kind : {Kind::receiver, Kind::processor, Kind::exporter, Kind::connector, Kind::extension})
    sections.set(fmt::format("{}s", to_string(kind)), section(kind));
  sections.set("service", service());
  for (auto& factory : engine::component_table()) {
    Value one = factory.fields ? config::json_schema(factory.fields(), defaults(factory)) : Value::map();
    one.set("description", text(factory.summary));
    definitions.set(fmt::format("{}.{}", to_string(factory.kind), factory.type), std::move(one));
  }
  out.set("$schema", text("https://json-schema.org/draft/2020-12/schema"));
  out.set("title", text("weir: an OpenTelemetry collector's configuration"));
  out.set("properties", std::move(sections));
  out.set("additionalProperties", Value::of(false));
  out.set("$defs", std::move(definitions));
  return out;
}

}  // namespace weir::app

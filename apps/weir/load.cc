#include "weir/load.h"

#include <filesystem>

#include "weir/fetch.h"

namespace weir::app {
namespace {

std::string data_dir(const Options& options) {
  if (!options.data_dir.empty()) return options.data_dir;
  if (const char* from_environment = std::getenv("WEIR_DATA_DIR")) return from_environment;
  return "weir-data";
}

}  // namespace

std::string default_config(const Options& options) {
  std::string dir = data_dir(options);
  return fmt::format(R"(receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "localhost:4317"}}
      http: {{endpoint: "localhost:4318", cors: {{allowed_origins: ["http://localhost:*", "http://127.0.0.1:*"]}}}}
exporters:
  debug: {{verbosity: basic, use_internal_logger: false}}
  file/traces: {{path: "{0}/traces.jsonl", create_directory: true, append: true}}
  file/metrics: {{path: "{0}/metrics.jsonl", create_directory: true, append: true}}
  file/logs: {{path: "{0}/logs.jsonl", create_directory: true, append: true}}
extensions:
  health_check: {{endpoint: "localhost:13133"}}
service:
  extensions: [health_check]
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug, file/traces]}}
    metrics: {{receivers: [otlp], exporters: [debug, file/metrics]}}
    logs: {{receivers: [otlp], exporters: [debug, file/logs]}}
)", dir);
}

std::string welcome_text(const Options& options) {
  return fmt::format(
      "weir takes OTLP on localhost:4317 (gRPC) and localhost:4318 (HTTP): OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\n"
      "Each request is a line here, and its data goes to {}/traces.jsonl, metrics.jsonl and logs.jsonl (OTLP JSON).\n"
      "Health: http://localhost:13133/  Own metrics: http://localhost:8888/metrics  Your configuration: weir --config=FILE\n",
      std::filesystem::absolute(data_dir(options)).string());
}

std::optional<Loaded> load(const Options& options, config::Problems& problems) {
  config::Environment environment = config::Environment::process();
  environment.fetch = fetch;
  std::vector<std::string> uris = options.uris;
  if (uris.empty()) uris.push_back("yaml:" + default_config(options));
  auto tree = config::load(uris, options.sets, environment, problems);
  if (!tree || problems.failed()) return std::nullopt;
  return bind(std::move(*tree), problems);
}

std::string redacted_yaml(const Loaded& loaded) {
  config::Value out = loaded.tree;
  auto replace = [&](std::string_view section, const std::vector<engine::ComponentSpec>& specs) {
    for (auto& spec : specs)
      if (spec.factory->encode && out.get(section)) out.get(section)->set(spec.id.to_string(), spec.factory->encode(spec.config.get()));
  };
  replace("receivers", loaded.spec.receivers);
  replace("processors", loaded.spec.processors);
  replace("exporters", loaded.spec.exporters);
  replace("connectors", loaded.spec.connectors);
  replace("extensions", loaded.spec.extensions);
  return config::to_yaml(out);
}

}  // namespace weir::app

#include "weir/load.h"

#include <filesystem>

#include "base/mask.h"
#include "config/types.h"
#include "weir/data_directory.h"
#include "weir/fetch.h"

namespace weir::app {
namespace {

// Where the default configuration writes its files.
std::string files_path(const Options& options) {
  std::string path = data_path(options).path;
  return path.empty() ? "weir-data" : path;
}

// Every scalar below.
void mask(config::Value& value) {
  if (value.is_scalar()) value = config::Value::string(std::string(config::Secret::redacted));
  for (auto& item : value.items()) mask(item);
  for (auto& entry : value.entries())
    if (entry.key != "name") mask(entry.value);
}

void mask_secrets(config::Value& value) {
  for (auto& item : value.items()) mask_secrets(item);
  for (auto& entry : value.entries()) is_secret_key(entry.key) ? mask(entry.value) : mask_secrets(entry.value);
}

// A user, a password or a query may stand in any URL.
void mask_all_urls(config::Value& value) {
  if (value.kind() == config::Value::Kind::string && value.text().find("://") != std::string::npos) value = config::Value::string(mask_urls(value.text()), value.mark());
  for (auto& item : value.items()) mask_all_urls(item);
  for (auto& entry : value.entries()) mask_all_urls(entry.value);
}

}  // namespace

std::string default_config(const Options& options) {
  std::string dir = files_path(options);
  return fmt::format(R"(receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "localhost:4317"}}
      http: {{endpoint: "localhost:4318", cors: {{allowed_origins: ["http://localhost:*", "http://127.0.0.1:*"]}}}}
exporters:
  file/traces: {{path: "{0}/traces.jsonl", create_directory: true, append: true}}
  file/metrics: {{path: "{0}/metrics.jsonl", create_directory: true, append: true}}
  file/logs: {{path: "{0}/logs.jsonl", create_directory: true, append: true}}
extensions:
  health_check: {{endpoint: "localhost:13133"}}
service:
  extensions: [health_check]
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/traces]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
    logs: {{receivers: [otlp], exporters: [file/logs]}}
)", dir);
}

std::string welcome_text(const Options& options, const Loaded& loaded) {
  auto at = [&](std::string_view path) {
    const config::Value* endpoint = loaded.tree.find(path);
    return endpoint ? endpoint->text() : "";
  };
  std::string http = at("receivers::otlp::protocols::http::endpoint");
  std::string metrics = loaded.own.prometheus.empty() ? "off" : fmt::format("http://{}/metrics", loaded.own.prometheus.front().endpoint);
  return fmt::format(
      "Send OTLP to {} (gRPC) or {} (HTTP), as in OTEL_EXPORTER_OTLP_ENDPOINT=http://{}\n"
      "What comes is counted here and kept as OTLP JSON in {}/traces.jsonl, metrics.jsonl and logs.jsonl\n"
      "Health: http://{}/  Own metrics: {}  To run your own configuration: weir --config=FILE\n",
      at("receivers::otlp::protocols::grpc::endpoint"), http, http, std::filesystem::absolute(files_path(options)).lexically_normal().string(),
      at("extensions::health_check::endpoint"), metrics);
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

config::Value redacted(const Loaded& loaded) {
  config::Value out = loaded.tree;
  mask_secrets(out);  // of what no component says itself
  auto replace = [&](std::string_view section, const std::vector<engine::ComponentSpec>& specs) {
    for (auto& spec : specs)
      if (spec.config && spec.factory->encode && out.get(section)) out.get(section)->set(spec.id.to_string(), spec.factory->encode(spec.config.get()));
  };
  replace("receivers", loaded.spec.receivers);
  replace("processors", loaded.spec.processors);
  replace("exporters", loaded.spec.exporters);
  replace("connectors", loaded.spec.connectors);
  replace("extensions", loaded.spec.extensions);
  mask_all_urls(out);
  return out;
}

}  // namespace weir::app

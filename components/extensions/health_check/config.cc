#include "components/extensions/health_check/config.h"

#include "components/extensions/health_check/health_check.h"
#include "engine/decode.h"

namespace weir::extensions::health_check {

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> ResponseBody::fields() {
  static const std::array rows{
      field<&ResponseBody::healthy>("healthy", "While data is taken."),
      field<&ResponseBody::unhealthy>("unhealthy", "While it is not."),
  };
  return rows;
}

std::span<const FieldInfo> StatusPath::fields() {
  static const std::array rows{
      field<&StatusPath::enabled>("enabled", "Serve it."),
      field<&StatusPath::path>("path", "Where. ?pipeline=<id> asks for one, ?verbose for its components."),
  };
  return rows;
}

std::span<const FieldInfo> ConfigPath::fields() {
  static const std::array rows{
      field<&ConfigPath::enabled>("enabled", "Serve the running configuration, secrets masked."),
      field<&ConfigPath::path>("path", "Where."),
  };
  return rows;
}

std::span<const FieldInfo> Http::fields() {
  static const std::array rows{
      config::embedded<&Http::server>(),
      field<&Http::status>("status", "Health of the whole, of pipelines and of components."),
      field<&Http::config>("config", "The running configuration."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      config::embedded<&Config::server>(),
      field<&Config::path>("path", "Where to answer; / answers everywhere."),
      field<&Config::response_body>("response_body", "Instead of the JSON body."),
      config::ignored("check_collector_pipeline", "it was unreliable in the collector; watch weir_dropped_items instead"),
      field<&Config::use_v2>("use_v2", "Serve the newer interface of `http` instead; `http` alone says so, too."),
      field<&Config::http>("http", "The newer interface."),
      config::ignored("grpc", "health is served over HTTP only"),
      config::ignored("component_health", "components are healthy while they run; errors show in their metrics"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (use_v2 && !http) return context.error_at("", "must specify at least one protocol");
  if (server.endpoint.empty()) context.error_at("endpoint", "http endpoint required");
  if (!path.starts_with('/')) context.error_at("path", "path must start with /");
  if (!http) return;
  if (http->server.endpoint.empty()) context.error_at("http::endpoint", "http endpoint required");
  if (!http->status.path.starts_with('/')) context.error_at("http::status::path", "path must start with /");
  if (!http->config.path.starts_with('/')) context.error_at("http::config::path", "path must start with /");
}

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "health_check",
          .aliases = {"healthcheckv2", "health_check_v2"},
          .summary = "Tells probes whether data is taken.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return make(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::extensions::health_check

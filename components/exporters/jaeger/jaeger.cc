// The name of an exporter that is no more: Jaeger takes OTLP, so OTLP is what it gets.
#include "components/exporters/jaeger/config.h"
#include "components/shared/auth/auth.h"
#include "components/shared/otlp_grpc/grpc_sender.h"
#include "engine/decode.h"

namespace weir::exporters::jaeger {
namespace {

constexpr std::string_view old_port = ":14250", otlp_port = ":4317";

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  auto settings = c.client.settings();
  settings.endpoint = c.otlp_endpoint();
  auto sender = otlp_grpc::make_grpc_sender(std::move(settings), context, std::move(authorize));
  return exporting::make_stage(c.exporting.settings(), std::move(sender), context);
}

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      config::embedded<&Config::client>(),
      config::embedded<&Config::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (client.endpoint.empty()) return context.error_at("endpoint", "must be specified");
  context.warning_at("", fmt::format("the jaeger exporter is no more: OTLP is sent to {} instead, which Jaeger takes since version 1.35. Use the otlp exporter.", otlp_endpoint()));
}

std::string Config::otlp_endpoint() const {
  std::string_view endpoint = client.endpoint;
  if (!endpoint.ends_with(old_port)) return client.endpoint;
  endpoint.remove_suffix(old_port.size());
  return std::string(endpoint) + std::string(otlp_port);
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "jaeger",
          .summary = "Old name: sends OTLP over gRPC to the Jaeger that it names.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::jaeger

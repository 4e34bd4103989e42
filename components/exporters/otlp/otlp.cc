#include "components/shared/auth/auth.h"
#include "components/shared/otlp_grpc/config.h"
#include "components/shared/otlp_grpc/grpc_sender.h"
#include "engine/decode.h"

namespace weir::exporters::otlp {
namespace {

using otlp_grpc::Config;

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  auto sender = otlp_grpc::make_grpc_sender(c.client.settings(), context, std::move(authorize));
  return exporting::make_stage(c.exporting.settings(), std::move(sender), context);
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "otlp",
          .aliases = {"otlp_grpc"},
          .summary = "Sends OTLP over gRPC.",
          .signals = {weir::otlp::all_signals.begin(), weir::otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::otlp

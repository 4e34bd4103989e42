#include "components/exporters/prometheusremotewrite/exporter.h"

#include "components/exporters/prometheusremotewrite/writer.h"
#include "components/shared/auth/auth.h"
#include "components/shared/exporting/windows.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

constexpr std::uint64_t batches_in_memory = 10'000;

}  // namespace

Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context) {
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, config.client.auth));
  exporting::Settings settings = config.exporting();
  bool on_disk = settings.queue.durable && (!settings.queue.storage.empty() || !context.host.data_directory().empty());
  if (!on_disk && !settings.queue.queue_size) settings.queue.queue_size = batches_in_memory;
  auto repeats = [every_series = config.resource_to_telemetry_conversion.enabled](otlp::Batch&) { return every_series; };
  return exporting::make_stage(settings, exporting::in_windows(make_writer(config, context, std::move(authorize)), context, repeats), context);
}

}  // namespace weir::exporters::prometheusremotewrite

#include "components/exporters/prometheusremotewrite/exporter.h"

#include "components/exporters/prometheusremotewrite/writer.h"
#include "components/shared/auth/auth.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

constexpr std::uint64_t batches_in_memory = 10'000;

}  // namespace

Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context) {
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, config.client.auth));
  exporting::Settings settings = config.exporting();
  bool on_disk = settings.queue.durable && (!settings.queue.storage.empty() || !context.host.data_directory().empty());
  if (!on_disk && !settings.queue.queue_size) settings.queue.queue_size = batches_in_memory;
  return exporting::make_stage(settings, make_writer(config, context, std::move(authorize)), context);
}

}  // namespace weir::exporters::prometheusremotewrite

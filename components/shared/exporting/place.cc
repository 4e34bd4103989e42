#include "components/shared/exporting/place.h"

#include "components/shared/storage/storage_extension.h"

namespace weir::exporting {
namespace {

const weir::storage::StorageExtension* find_extension(engine::Host& host, const std::string& name) {
  auto slash = name.find('/');
  config::ComponentId id{name.substr(0, slash), slash == name.npos ? "" : name.substr(slash + 1)};
  return dynamic_cast<const weir::storage::StorageExtension*>(host.extension(id));
}

}  // namespace

Result<std::optional<DiskSettings>> place_of(const Settings& settings, const engine::StageContext& context) {
  const QueueSettings& queue = settings.queue;
  std::string directory = context.host.data_directory();
  DiskSettings out{.sync = queue.sync.value_or(weir::storage::Sync::interval),
                   .sync_interval = queue.sync_interval,
                   .max_bytes = queue.max_disk_bytes,
                   .max_age = queue.max_age,
                   .newest_first = queue.newest_first,
                   // What is left of one backend's queue is routed anew by whoever stands in front. Where order counts one core reads all.
                   .claims = settings.endpoint.empty() && (!queue.in_order || context.shard == 0),
                   .dead_letter_bytes = queue.dead_letter_bytes};
  if (!queue.durable) return std::optional<DiskSettings>();
  if (!queue.storage.empty()) {
    auto* extension = find_extension(context.host, queue.storage);
    if (extension == nullptr) return fail(Errc::config, "sending_queue::storage: no storage extension \"{}\" runs", queue.storage);
    directory = extension->directory();
    if (!queue.sync && extension->syncs()) out.sync = weir::storage::Sync::always;
    if (extension->max_bytes()) out.max_bytes = std::min(out.max_bytes, extension->max_bytes());
  } else if (directory.empty()) {
    return std::optional<DiskSettings>();
  } else {
    directory += "/queues";
  }
  out.directory = directory + "/" + queue_directory_name(context.id.to_string(), context.signal);
  return std::optional(std::move(out));
}

engine::Durability durability(const Settings& settings, const engine::StorageInfo& storage) {
  const QueueSettings& queue = settings.queue;
  if (!queue.enabled || queue.wait_for_result) return engine::Durability::delivered;
  if (!queue.durable) return engine::Durability::memory;
  auto given = queue.storage.empty() ? std::nullopt : storage.find(queue.storage);
  if (queue.storage.empty() && !storage.data_directory) return engine::Durability::memory;
  if (queue.sync) return *queue.sync == weir::storage::Sync::always ? engine::Durability::disk : engine::Durability::os;
  return given.value_or(engine::Durability::os);
}

}  // namespace weir::exporting

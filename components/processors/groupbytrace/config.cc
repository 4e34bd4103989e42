#include "components/processors/groupbytrace/config.h"

#include "components/processors/groupbytrace/groupbytrace.h"
#include "engine/decode.h"

namespace weir::processors::groupbytrace {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::wait_duration>("wait_duration", "How long a trace waits for more of its spans, from its first span.", {.min = 0s}),
      field<&Config::num_traces>("num_traces", "Traces held per process; past this the oldest goes on early.", {.min = 1}),
      config::ignored("num_workers", "every core is a worker"),
      field<&Config::discard_orphans>("discard_orphans", "Not supported, as in the collector."),
      field<&Config::store_on_disk>("store_on_disk", "Not supported, as in the collector; see durable."),
      field<&Config::durable>("durable", "Keep what waits on disk where there is a data directory: spans are answered when they are written, and go on after a kill."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (store_on_disk) return fail(Errc::config, "option 'store_on_disk' is not supported");
  if (discard_orphans) return fail(Errc::config, "option 'discard_orphans' is not supported");
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "groupbytrace",
          .summary = "Brings the spans of a trace together before they go on.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::trace_id; },
          .durability = [](const void* config, const engine::StorageInfo& storage) {
            bool on_disk = static_cast<const Config*>(config)->durable && storage.data_directory;
            return on_disk ? engine::Durability::os : engine::Durability::delivered;  // of what is behind
          },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::groupbytrace

#include "components/processors/queue_batch/config.h"

#include "components/processors/queue_batch/queue_batch.h"
#include "engine/decode.h"

namespace weir::processors::queue_batch {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static constexpr std::string_view no_queue = "requests go into a batch at once, so no queue fills";
  static const std::array rows{
      field<&Config::batch>("batch", "How requests are joined and cut."),
      field<&Config::wait_for_result>("wait_for_result", "Senders always hear the answer from behind; otherwise only where it is better than an answer from memory."),
      config::ignored("enabled", "leave the processor out of the pipeline instead"),
      config::ignored("num_consumers", no_queue),
      config::ignored("queue_size", no_queue),
      config::ignored("sizer", no_queue),
      config::ignored("block_on_overflow", no_queue),
      config::ignored("storage", "queues on disk belong to exporters: sending_queue::storage, or the data directory"),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "queue_batch",
          .aliases = {"queuebatch"},
          .summary = "Joins small requests into larger ones, by items or bytes.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs, otlp::Signal::profiles},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::queue_batch

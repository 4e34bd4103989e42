#include "components/processors/batch/config.h"

#include "base/text.h"
#include "components/processors/batch/batch.h"
#include "engine/decode.h"

namespace weir::processors::batch {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::timeout>("timeout", "A batch is sent at the latest this long after its first item; 0 passes on at once.", {.min = 0s}),
      field<&Config::send_batch_size>("send_batch_size", "A batch of this many spans, data points or log records is sent at once; 0 passes on at once."),
      field<&Config::send_batch_max_size>("send_batch_max_size", "Larger batches are cut; 0 is no limit."),
      field<&Config::metadata_keys>("metadata_keys", "Request headers whose values are batched separately (needs include_metadata on the receiver)."),
      field<&Config::metadata_cardinality_limit>("metadata_cardinality_limit", "Sets of metadata values at one time; more are refused. 0 is no limit."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (send_batch_max_size != 0 && send_batch_max_size < send_batch_size)
    return fail(Errc::config, "send_batch_max_size must be greater or equal to send_batch_size");
  std::vector<std::string> seen;
  for (auto& key : metadata_keys) {
    std::string lower = to_lower(key);
    if (std::find(seen.begin(), seen.end(), lower) != seen.end())
      return fail(Errc::config, "duplicate entry in metadata_keys: \"{}\" (case-insensitive)", lower);
    seen.push_back(std::move(lower));
  }
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "batch",
          .summary = "Joins small requests into larger ones.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs, otlp::Signal::profiles},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::batch

#include "components/processors/probabilistic_sampler/config.h"

#include "components/processors/probabilistic_sampler/probabilistic_sampler.h"
#include "components/processors/probabilistic_sampler/threshold.h"
#include "engine/decode.h"

namespace weir::processors::probabilistic_sampler {

std::span<const config::Choice> choices_of(Mode) {
  static constexpr config::Choice rows[] = {{"hash_seed", Mode::hash_seed},
                                            {"equalizing", Mode::equalizing},
                                            {"proportional", Mode::proportional},
                                            {"", Mode::hash_seed}};
  return rows;
}

std::span<const config::Choice> choices_of(Source) {
  static constexpr config::Choice rows[] = {{"traceID", Source::trace_id}, {"record", Source::record}, {"", Source::record}};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::sampling_percentage>("sampling_percentage", "Share of the items that stays; from 100 on all of them, 0: none."),
      field<&Config::mode>("mode", "hash_seed: by a hash of the trace id; equalizing: to this share whatever was sampled before; "
                           "proportional: this share of what was sampled before. The last two use and write the threshold in the tracestate."),
      field<&Config::hash_seed>("hash_seed", "Samplers of one tier need the same, tiers that sample one after another different ones."),
      field<&Config::fail_closed>("fail_closed", "Items that cannot be decided on (no trace id, broken tracestate, thresholds that contradict) go; otherwise they stay."),
      field<&Config::sampling_precision>("sampling_precision", "Hex digits of written thresholds.", {.min = 1, .max = hex_digits}),
      field<&Config::attribute_source>("attribute_source", "Log records are decided on by traceID, or by from_attribute of the record."),
      field<&Config::from_attribute>("from_attribute", "Attribute of log records to decide by; with traceID only for records without one."),
      field<&Config::sampling_priority>("sampling_priority", "Attribute of log records that says a percentage of its own."),
  };
  return rows;
}

Result<> Config::validate() const {
  double ratio = static_cast<double>(sampling_percentage) / 100;
  if (!std::isfinite(ratio)) return fail(Errc::config, "sampling_percentage: {} is not a share", sampling_percentage);
  if (ratio < 0) return fail(Errc::config, "sampling_percentage: {}% is negative", sampling_percentage);
  if (ratio > 0 && ratio < min_probability) return fail(Errc::config, "sampling_percentage: {}% is too small", sampling_percentage);
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "probabilistic_sampler",
          .summary = "Keeps a share of all traces or log records.",
          .signals = {otlp::Signal::traces, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::probabilistic_sampler

#include "components/processors/cumulativetodelta/config.h"

#include "base/text.h"
#include "components/processors/cumulativetodelta/cumulativetodelta.h"
#include "engine/decode.h"

namespace weir::processors::cumulativetodelta {

using config::field;

std::span<const config::Choice> choices_of(InitialValue) {
  static constexpr std::array choices{config::Choice("auto", InitialValue::automatic), config::Choice("keep", InitialValue::keep),
                                      config::Choice("drop", InitialValue::drop)};
  return choices;
}

std::span<const config::FieldInfo> Match::fields() {
  static const std::array rows{
      field<&Match::match_type>("match_type", "How `metrics` are compared: strict or regexp."),
      field<&Match::metrics>("metrics", "Names of metrics."),
      field<&Match::metric_types>("metric_types", "sum, histogram, exponentialhistogram."),
      config::ignored("regexp", "matching is faster than remembering answers"),
  };
  return rows;
}

Result<> Match::validate() const {
  if (!metrics.empty() && match_type == matching::MatchType::none) return fail(Errc::config, "match_type must be set if metrics are supplied");
  if (metrics.empty() && match_type != matching::MatchType::none) return fail(Errc::config, "metrics must be supplied if match_type is set");
  for (auto& type : metric_types)
    if (std::string t = to_lower(type); t != "sum" && t != "histogram" && t != "exponentialhistogram")
      return fail(Errc::config, "found invalid metric type in metric_types: {}. Valid values are [exponentialhistogram histogram sum]", type);
  if (match_type == matching::MatchType::regexp)
    for (auto& name : metrics) WEIR_TRY(Regex::compile(name));
  return {};
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::max_staleness>("max_staleness", "A series without a new point for this long is forgotten; 0 is never.", {.min = 0s}),
      field<&Config::initial_value>("initial_value", "What happens to the first point of a series: auto sends it when it began after this process did, keep always, drop never."),
      field<&Config::include>("include", "Only these metrics."),
      field<&Config::exclude>("exclude", "Not these metrics."),
      field<&Config::max_streams>("max_streams", "Series on all cores together; points of more are dropped and counted."),
      field<&Config::max_streams_per_metric>("max_streams_per_metric", "The same for metrics of one name; 0 is no limit."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "cumulativetodelta",
          .aliases = {"cumulative_to_delta"},
          .summary = "Turns monotonic cumulative sums and cumulative histograms into deltas.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::resource; },
          .make_stage = [](const void* config, engine::StageContext& context) { return make(*static_cast<const Config*>(config), context); }};
}

}  // namespace weir::processors::cumulativetodelta

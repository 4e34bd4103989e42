#include "components/exporters/debug/config.h"

#include "base/text.h"
#include "components/exporters/debug/debug.h"
#include "engine/decode.h"

namespace weir::exporters::debug {

std::span<const config::Choice> choices_of(Verbosity) {
  static constexpr config::Choice rows[] = {
      {"basic", Verbosity::basic}, {"normal", Verbosity::normal}, {"detailed", Verbosity::detailed}};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::verbosity>("verbosity", "basic: one line for each request; normal: one for each item; detailed: everything."),
      field<&Config::sampling_initial>("sampling_initial", "Requests printed in each second, on each core, before sampling begins."),
      field<&Config::sampling_thereafter>("sampling_thereafter", "Of the further ones each so-manieth is printed; 0: none."),
      field<&Config::use_internal_logger>("use_internal_logger", "Print as lines of weir's own log, not to output_paths."),
      field<&Config::output_paths>("output_paths", "stdout, stderr or files, when the internal logger is not used. Default: stdout."),
      field<&Config::loglevel>("loglevel", "Of older collectors, in any case: debug is detailed, info is normal, the rest is basic.",
                               {.aliases = "logLevel|LogLevel|log_level|LOGLEVEL", .deprecated = "use verbosity"}),
      config::ignored("sending_queue", "requests are printed at once"),
  };
  return rows;
}

Result<> Config::validate() const {
  constexpr std::array<std::string_view, 8> levels{"", "debug", "info", "warn", "error", "dpanic", "panic", "fatal"};
  if (std::find(levels.begin(), levels.end(), to_lower(loglevel)) == levels.end())
    return fail(Errc::config, "loglevel \"{}\" is not one of debug, info, warn, error", loglevel);
  if (use_internal_logger && !output_paths.empty())
    return fail(Errc::config, "output_paths is not supported when use_internal_logger is true");
  if (!loglevel.empty() && verbosity != Verbosity::basic)
    return fail(Errc::config, "loglevel and verbosity exclude each other");
  return {};
}

Verbosity Config::level() const {
  if (loglevel.empty()) return verbosity;
  if (to_lower(loglevel) == "debug") return Verbosity::detailed;
  return to_lower(loglevel) == "info" ? Verbosity::normal : Verbosity::basic;
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "debug",
          .aliases = {"logging"},
          .summary = "Prints what it gets.",
          .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::exporters::debug

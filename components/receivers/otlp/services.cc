#include "components/receivers/otlp/services.h"

#include "base/text.h"

namespace weir::receivers::otlp {

std::optional<Signal> signal_of_method(std::string_view path) {
  constexpr std::string_view prefix = "/opentelemetry.proto.collector.";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (path == "trace.v1.TraceService/Export") return Signal::traces;
  if (path == "metrics.v1.MetricsService/Export") return Signal::metrics;
  if (path == "logs.v1.LogsService/Export") return Signal::logs;
  if (path == "profiles.v1development.ProfilesService/Export") return Signal::profiles;
  return std::nullopt;
}

std::optional<Signal> HttpPaths::signal_of(std::string_view path) const {
  if (path == traces) return Signal::traces;
  if (path == metrics) return Signal::metrics;
  if (path == logs) return Signal::logs;
  if (path == profiles) return Signal::profiles;
  return std::nullopt;
}

std::optional<Encoding> encoding_of(std::string_view type) {
  type = trim(type.substr(0, type.find(';')));
  if (equal_ignore_case(type, "application/x-protobuf")) return Encoding::protobuf;
  if (equal_ignore_case(type, "application/json")) return Encoding::json;
  return std::nullopt;
}

std::string_view content_type(Encoding encoding) {
  return encoding == Encoding::json ? "application/json" : "application/x-protobuf";
}

}  // namespace weir::receivers::otlp

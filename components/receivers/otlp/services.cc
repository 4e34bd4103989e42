#include "components/receivers/otlp/services.h"

#include "base/text.h"
#include "components/shared/otlp_grpc/method.h"

namespace weir::receivers::otlp {

std::optional<Signal> signal_of_method(std::string_view path) {
  for (Signal signal : weir::otlp::all_signals)
    if (path == otlp_grpc::method_of(signal)) return signal;
  return std::nullopt;
}

const std::string& HttpPaths::path_of(Signal signal) const {
  switch (signal) {
    case Signal::metrics: return metrics;
    case Signal::logs: return logs;
    case Signal::profiles: return profiles;
    case Signal::traces: break;
  }
  return traces;
}

std::optional<Signal> HttpPaths::signal_of(std::string_view path) const {
  for (Signal signal : weir::otlp::all_signals)
    if (path == path_of(signal)) return signal;
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

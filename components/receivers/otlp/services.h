#pragma once
// How OTLP requests name their signal, over gRPC and over HTTP.
#include <array>
#include <optional>
#include <string>

#include "otlp/model.h"

namespace weir::receivers::otlp {

using weir::otlp::Signal;

// The signal of a gRPC method path "/opentelemetry.proto.collector.trace.v1.TraceService/Export".
std::optional<Signal> signal_of_method(std::string_view path);

// The URL paths of the four signals, which users may change.
struct HttpPaths {
  std::string traces = "/v1/traces", metrics = "/v1/metrics", logs = "/v1/logs", profiles = "/v1development/profiles";

  std::optional<Signal> signal_of(std::string_view path) const;
  const std::string& path_of(Signal signal) const;
};

enum class Encoding : std::uint8_t { protobuf, json };
// From a Content-Type, whose parameters do not matter.
std::optional<Encoding> encoding_of(std::string_view content_type);
std::string_view content_type(Encoding encoding);

}  // namespace weir::receivers::otlp

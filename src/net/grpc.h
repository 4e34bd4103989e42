#pragma once
// What gRPC adds to HTTP/2: status codes, google.rpc.Status with RetryInfo, the 5-byte message prefix, time-outs.
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace weir::net {

enum class GrpcCode : std::uint8_t {
  ok,
  canceled,
  unknown,
  invalid_argument,
  deadline_exceeded,
  not_found,
  already_exists,
  permission_denied,
  resource_exhausted,
  failed_precondition,
  aborted,
  out_of_range,
  unimplemented,
  internal,
  unavailable,
  data_loss,
  unauthenticated,
};

// "Unavailable", as the collector's log lines and metrics spell it.
std::string_view to_string(GrpcCode code);
GrpcCode grpc_code_of(const Error& error);
// How the OTLP specification maps between the two.
int http_status_of(GrpcCode code);
// For answers of proxies that know no gRPC.
GrpcCode grpc_code_of_http(int status);

// google.rpc.Status. OTLP uses it in the body of HTTP errors, and gRPC in the trailer grpc-status-details-bin.
struct RpcStatus {
  GrpcCode code = GrpcCode::ok;
  std::string message;
  std::optional<Duration> retry_delay;  // from or for a google.rpc.RetryInfo in `details`
};
std::string encode_rpc_status(const RpcStatus& status);
// Unknown details and fields are skipped.
Result<RpcStatus> decode_rpc_status(std::string_view bytes);

// A message's 5 bytes: compressed flag and length.
inline constexpr std::size_t grpc_prefix_bytes = 5;
void append_grpc_prefix(std::string& out, bool compressed, std::size_t size);

// "5S", "100m" (milliseconds).
std::optional<Duration> parse_grpc_timeout(std::string_view text);
std::string format_grpc_timeout(Duration timeout);

// The percent encoding of grpc-message.
std::string encode_grpc_message(std::string_view text);
std::string decode_grpc_message(std::string_view text);

}  // namespace weir::net

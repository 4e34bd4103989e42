#include "net/grpc.h"

#include <charconv>

namespace weir::net {
namespace {

constexpr std::string_view retry_info_type = "type.googleapis.com/google.rpc.RetryInfo";

void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_number(std::string& out, int field, std::uint64_t v) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3);
  put_varint(out, v);
}

bool take_varint(std::string_view& in, std::uint64_t& v) {
  v = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    v |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

struct ProtoField {
  std::uint64_t number = 0;
  std::uint64_t value = 0;     // varints
  std::string_view bytes;      // length-delimited
};

bool take_field(std::string_view& in, ProtoField& field) {
  std::uint64_t tag = 0, size = 0;
  if (!take_varint(in, tag)) return false;
  field = {.number = tag >> 3};
  switch (tag & 7) {
    case 0: return take_varint(in, field.value);
    case 1: size = 8; break;
    case 2:
      if (!take_varint(in, size)) return false;
      break;
    case 5: size = 4; break;
    default: return false;
  }
  if (size > in.size()) return false;
  field.bytes = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

// RetryInfo{ Duration retry_delay = 1 { int64 seconds = 1; int32 nanos = 2; } }
std::string encode_retry_info(Duration delay) {
  std::string duration, info, any;
  put_number(duration, 1, static_cast<std::uint64_t>(delay / 1s));
  put_number(duration, 2, static_cast<std::uint64_t>((delay % 1s).count()));
  put_bytes(info, 1, duration);
  put_bytes(any, 1, retry_info_type);
  put_bytes(any, 2, info);
  return any;
}

Duration decode_duration(std::string_view in) {
  constexpr std::int64_t limit = 1'000'000'000;  // seconds; more would overflow a Duration
  Duration out{0};
  for (ProtoField f; !in.empty() && take_field(in, f);) {
    if (f.number == 1) out += std::chrono::seconds(std::clamp(static_cast<std::int64_t>(f.value), -limit, limit));
    if (f.number == 2) out += Duration(static_cast<std::int32_t>(f.value));
  }
  return std::max(out, Duration{0});
}

std::optional<Duration> decode_retry_info(std::string_view any) {
  std::string_view type, value;
  for (ProtoField f; !any.empty() && take_field(any, f);) {
    if (f.number == 1) type = f.bytes;
    if (f.number == 2) value = f.bytes;
  }
  if (!type.ends_with("/google.rpc.RetryInfo")) return std::nullopt;
  Duration delay{0};
  for (ProtoField f; !value.empty() && take_field(value, f);)
    if (f.number == 1) delay = decode_duration(f.bytes);
  return delay;
}

}  // namespace

std::string_view to_string(GrpcCode code) {
  static constexpr std::array<std::string_view, 17> names{
      "OK",           "Canceled",          "Unknown",          "InvalidArgument",    "DeadlineExceeded", "NotFound",
      "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",          "OutOfRange",
      "Unimplemented", "Internal",         "Unavailable",      "DataLoss",           "Unauthenticated"};
  return names[static_cast<std::size_t>(code)];
}

GrpcCode grpc_code_of(const Error& error) {
  if (error.peer_code != 0) return static_cast<GrpcCode>(error.peer_code);
  switch (error.code) {
    case Errc::refused:
    case Errc::retryable: return GrpcCode::unavailable;
    case Errc::invalid: return GrpcCode::invalid_argument;
    case Errc::too_large: return GrpcCode::resource_exhausted;
    case Errc::unauthenticated: return GrpcCode::unauthenticated;
    case Errc::unimplemented: return GrpcCode::unimplemented;
    case Errc::config:
    case Errc::permanent:
    case Errc::corrupt:
    case Errc::internal: return GrpcCode::internal;
  }
  return GrpcCode::internal;
}

int http_status_of(GrpcCode code) {
  switch (code) {
    case GrpcCode::ok: return 200;
    case GrpcCode::canceled:
    case GrpcCode::deadline_exceeded:
    case GrpcCode::aborted:
    case GrpcCode::out_of_range:
    case GrpcCode::unavailable:
    case GrpcCode::data_loss: return 503;
    case GrpcCode::resource_exhausted: return 429;
    case GrpcCode::invalid_argument: return 400;
    case GrpcCode::unauthenticated: return 401;
    case GrpcCode::permission_denied: return 403;
    case GrpcCode::unimplemented: return 404;
    default: return 500;
  }
}

GrpcCode grpc_code_of_http(int status) {
  switch (status) {
    case 400: return GrpcCode::internal;
    case 401: return GrpcCode::unauthenticated;
    case 403: return GrpcCode::permission_denied;
    case 404: return GrpcCode::unimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return GrpcCode::unavailable;
    default: return GrpcCode::unknown;
  }
}

std::string encode_rpc_status(const RpcStatus& status) {
  std::string out;
  if (status.code != GrpcCode::ok) put_number(out, 1, static_cast<std::uint64_t>(status.code));
  if (!status.message.empty()) put_bytes(out, 2, status.message);
  if (status.retry_delay) put_bytes(out, 3, encode_retry_info(*status.retry_delay));
  return out;
}

Result<RpcStatus> decode_rpc_status(std::string_view bytes) {
  RpcStatus out;
  while (!bytes.empty()) {
    ProtoField f;
    if (!take_field(bytes, f)) return fail(Errc::invalid, "google.rpc.Status is damaged");
    if (f.number == 1) out.code = f.value <= 16 ? static_cast<GrpcCode>(f.value) : GrpcCode::unknown;
    if (f.number == 2) out.message = f.bytes;
    if (f.number == 3)
      if (auto delay = decode_retry_info(f.bytes)) out.retry_delay = delay;
  }
  return out;
}

void append_grpc_prefix(std::string& out, bool compressed, std::size_t size) {
  out.push_back(compressed ? 1 : 0);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(size >> shift));
}

std::optional<Duration> parse_grpc_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t n = 0;
  if (text.front() < '0' || text.front() > '9') return std::nullopt;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, n);
  if (error != std::errc{} || end != text.data() + text.size() - 1 || n < 0) return std::nullopt;
  switch (text.back()) {
    case 'H': return std::min(n, std::int64_t{1'000'000}) * Duration(1h);
    case 'M': return std::min(n, std::int64_t{60'000'000}) * Duration(1min);
    case 'S': return n * Duration(1s);
    case 'm': return n * Duration(1ms);
    case 'u': return n * Duration(1us);
    case 'n': return Duration(n);
    default: return std::nullopt;
  }
}

// At most 8 digits are allowed.
std::string format_grpc_timeout(Duration timeout) {
  std::int64_t n = std::max<std::int64_t>(timeout.count(), 1);
  struct { std::int64_t divisor; char unit; } const units[] = {{1, 'n'}, {1000, 'u'}, {1'000'000, 'm'}, {1'000'000'000, 'S'}};
  for (auto [divisor, unit] : units)
    if (std::int64_t value = (n + divisor - 1) / divisor; value < 100'000'000) return fmt::format("{}{}", value, unit);
  return fmt::format("{}M", std::min<std::int64_t>(n / 60'000'000'000, 99'999'999));
}

std::string encode_grpc_message(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') out.push_back(c);
    else fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string decode_grpc_message(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (error == std::errc{} && end == text.data() + i + 3) {
        out.push_back(static_cast<char>(value));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace weir::net

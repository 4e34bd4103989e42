#pragma once
// What the readers of OpenCensus' protobuf share.
#include "components/shared/trace_writer/trace_writer.h"
#include "otlp/wire.h"

namespace weir::receivers::opencensus {

using otlp::Reader;
using otlp::WireType;

inline Error malformed() { return {Errc::invalid, "not an OpenCensus request: malformed protobuf", {}}; }

inline bool is_bytes(const Reader& in, std::uint32_t field) { return in.field() == field && in.is(WireType::bytes); }
inline bool is_varint(const Reader& in, std::uint32_t field) { return in.field() == field && in.is(WireType::varint); }
inline bool is_real(const Reader& in, std::uint32_t field) { return in.field() == field && in.is(WireType::fixed64); }

// Calls `on_field` for each field of a message; it reads the value and returns true, or returns false to have it skipped.
template <class OnField>
Result<> walk(std::string_view message, OnField on_field) {
  Reader in(message);
  while (in.next()) {
    Result<bool> taken = on_field(in);
    if (!taken) return fail(std::move(taken).error());
    if (!*taken) in.skip();
  }
  if (!in.ok()) return fail(malformed());
  return {};
}

inline Result<bool> taken(bool room) {
  if (!room) return fail(no_room());
  return true;
}

// google.protobuf.Timestamp: seconds = 1, nanos = 2. Wraps where 64 bits end.
inline Result<std::uint64_t> read_time(std::string_view message) {
  std::uint64_t seconds = 0, nanos = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 1)) return seconds = in.varint(), true;
    if (is_varint(in, 2)) return nanos = in.varint(), true;
    return false;
  }));
  return seconds * 1'000'000'000 + nanos;
}

// TruncatableString, and google.protobuf.StringValue: value = 1.
inline Result<std::string_view> read_text(std::string_view message) {
  std::string_view out;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> { return is_bytes(in, 1) ? (out = in.bytes(), true) : false; }));
  return out;
}

// Int64Value, UInt32Value, BoolValue: value = 1.
inline Result<std::uint64_t> read_number(std::string_view message) {
  std::uint64_t out = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> { return is_varint(in, 1) ? (out = in.varint(), true) : false; }));
  return out;
}

// DoubleValue: value = 1.
inline Result<double> read_double(std::string_view message) {
  double out = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> { return is_real(in, 1) ? (out = in.real(), true) : false; }));
  return out;
}

// An entry of map<string, V>: key = 1, value = 2.
struct Entry {
  std::string_view key, value;
};
inline Result<Entry> read_entry(std::string_view message) {
  Entry out;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) return out.key = in.bytes(), true;
    if (is_bytes(in, 2)) return out.value = in.bytes(), true;
    return false;
  }));
  return out;
}

}  // namespace weir::receivers::opencensus

#pragma once
// Reads the fields in front of a span's attributes, in the form and order in which SDKs send them.
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::otlp {

// Views into the message. A view without data: the field is not there or has another form; a Reader finds it.
struct SpanHead {
  std::string_view trace_id, span_id, parent_span_id, name;
  std::uint64_t start_time_unix_nano = 0, end_time_unix_nano = 0;
  std::uint8_t kind = 0;
  const char* end;  // the first byte that was not read

  // Inlined, so that the compiler drops the fields that a caller does not use.
  [[gnu::always_inline]] explicit SpanHead(std::string_view span) : end(span.data()) {
    const char* limit = span.data() + span.size();
    auto has = [&](std::ptrdiff_t size) { return limit - end >= size; };
    auto begins_with = [&](std::uint8_t tag, std::uint8_t size) { return has(size + 2) && byte(0) == tag && byte(1) == size; };
    if (begins_with(0x0A, 16)) trace_id = take(16);
    if (begins_with(0x12, 8)) span_id = take(8);
    if (begins_with(0x22, 8)) parent_span_id = take(8);
    if (has(2) && byte(0) == 0x2A && byte(1) < 0x80 && has(byte(1) + 2)) name = take(byte(1));
    if (has(2) && byte(0) == 0x30 && byte(1) < 0x80) kind = byte(1), end += 2;
    if (has(9) && byte(0) == 0x39) start_time_unix_nano = number();
    if (has(9) && byte(0) == 0x41) end_time_unix_nano = number();
  }

 private:
  std::uint8_t byte(std::size_t at) const { return static_cast<std::uint8_t>(end[at]); }
  std::string_view take(std::size_t size) {
    std::string_view out(end + 2, size);
    end += 2 + size;
    return out;
  }
  std::uint64_t number() {
    std::uint64_t out;
    std::memcpy(&out, end + 1, sizeof out);
    end += 9;
    return out;
  }
};

}  // namespace weir::otlp

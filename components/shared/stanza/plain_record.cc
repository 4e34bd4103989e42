#include "components/shared/stanza/plain_record.h"

#include <bit>
#include <cstring>

#include "base/text.h"
#include "otlp/wire.h"

namespace weir::stanza {
namespace {

using otlp::varint_size;

// A part of a text that was checked is valid when it begins and ends between characters.
bool is_valid(std::string_view text, std::string_view checked) {
  auto address = [](const char* p) { return reinterpret_cast<std::uintptr_t>(p); };
  const char *end = text.data() + text.size(), *checked_end = checked.data() + checked.size();
  if (text.empty()) return true;
  if (address(text.data()) < address(checked.data()) || address(end) > address(checked_end)) return valid_utf8(text);
  auto continues = [&](const char* p) { return p != checked_end && (static_cast<unsigned char>(*p) & 0xC0) == 0x80; };
  return !continues(text.data()) && !continues(end);
}

bool is_plain(const Value& value, std::string_view checked) {
  switch (value.type) {
    case ValueType::array:
    case ValueType::map: return false;
    case ValueType::string: return is_valid(value.text, checked);
    default: return true;
  }
}

// Of a field with bytes, whose number is below 16.
constexpr std::size_t field_size(std::size_t size) { return 1 + varint_size(size) + size; }

std::size_t size_of(const Value& value) {
  switch (value.type) {
    case ValueType::string:
    case ValueType::bytes: return field_size(value.text.size());
    case ValueType::boolean: return 2;
    case ValueType::integer: return 1 + varint_size(static_cast<std::uint64_t>(value.integer));
    case ValueType::real: return 9;
    default: return 0;
  }
}
std::size_t size_of(const otlp::KeyValue& kv) { return (kv.key.empty() ? 0 : field_size(kv.key.size())) + field_size(size_of(kv.value)); }

// Writes fields at a place that has room for them.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  void tag(std::uint32_t field, otlp::WireType type) { *at_++ = static_cast<char>(field << 3 | static_cast<std::uint32_t>(type)); }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) *at_++ = static_cast<char>(v | 0x80);
    *at_++ = static_cast<char>(v);
  }
  void number(std::uint32_t field, std::uint64_t v) { tag(field, otlp::WireType::varint), varint(v); }
  void head(std::uint32_t field, std::size_t size) { tag(field, otlp::WireType::bytes), varint(size); }
  void bytes(std::uint32_t field, std::string_view text) {
    head(field, text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <class T>
  void fixed(std::uint32_t field, otlp::WireType type, T v) {
    tag(field, type);
    std::memcpy(at_, &v, sizeof v);
    at_ += sizeof v;
  }
  void value(const Value& value) {
    switch (value.type) {
      case ValueType::string: return bytes(1, value.text);
      case ValueType::boolean: return number(2, value.boolean);
      case ValueType::integer: return number(3, static_cast<std::uint64_t>(value.integer));
      case ValueType::real: return fixed(4, otlp::WireType::fixed64, value.real);
      case ValueType::bytes: return bytes(7, value.text);
      default: return;
    }
  }

 private:
  char* at_;
};

// An id of N bytes; what is shorter is filled up with zeros. All zeros are no id.
template <std::size_t N>
otlp::Id<N> id_of(std::string_view bytes) {
  otlp::Id<N> out;
  std::ranges::copy(bytes.substr(0, N), out.bytes.begin());
  return out;
}

}  // namespace

bool append_plain_record(const Entry& entry, std::string& out) {
  std::string_view severity_text = entry.severity_text.empty() ? severity_name(entry.severity) : entry.severity_text;
  if (!is_plain(entry.body, entry.checked) || !is_valid(severity_text, entry.checked)) return false;
  auto time = entry.has_time ? static_cast<std::uint64_t>(entry.time) : 0;
  auto severity = static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.severity));
  bool has_body = !entry.body.is(ValueType::empty);
  otlp::TraceId trace_id;
  otlp::SpanId span_id;
  if (!entry.trace_id.empty()) trace_id = id_of<16>(entry.trace_id);
  if (!entry.span_id.empty()) span_id = id_of<8>(entry.span_id);
  std::uint32_t flags = entry.trace_flags.empty() ? 0 : static_cast<unsigned char>(entry.trace_flags[0]);

  std::size_t size = (time ? 9 : 0) + (severity ? 1 + varint_size(severity) : 0) + (severity_text.empty() ? 0 : field_size(severity_text.size())) +
                     (has_body ? field_size(size_of(entry.body)) : 0) + (flags ? 5 : 0) + (trace_id.empty() ? 0 : field_size(16)) +
                     (span_id.empty() ? 0 : field_size(8)) + (entry.observed ? 9 : 0);
  for (auto& kv : entry.attributes) {
    if (!is_plain(kv.value, entry.checked) || !is_valid(kv.key, entry.checked)) return false;
    size += field_size(size_of(kv));
  }

  std::size_t before = out.size(), end = before + field_size(size);
  out.resize_and_overwrite(end, [&](char* begin, std::size_t) {
    Cursor to(begin + before);
    to.head(2, size);
    if (time) to.fixed(1, otlp::WireType::fixed64, time);
    if (severity) to.number(2, severity);
    if (!severity_text.empty()) to.bytes(3, severity_text);
    if (has_body) to.head(5, size_of(entry.body)), to.value(entry.body);
    for (auto& kv : entry.attributes) {
      to.head(6, size_of(kv));
      if (!kv.key.empty()) to.bytes(1, kv.key);
      to.head(2, size_of(kv.value));
      to.value(kv.value);
    }
    if (flags) to.fixed(8, otlp::WireType::fixed32, flags);
    if (!trace_id.empty()) to.bytes(9, trace_id.view());
    if (!span_id.empty()) to.bytes(10, span_id.view());
    if (entry.observed) to.fixed(11, otlp::WireType::fixed64, std::uint64_t{entry.observed});
    return end;
  });
  return true;
}

}  // namespace weir::stanza

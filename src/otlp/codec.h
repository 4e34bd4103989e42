#pragma once
// Messages to and from protobuf bytes. Decoding takes bytes that verify() has seen and cannot fail; text stays a view
// into them. Encoding writes every field that differs from the protobuf default, then unknown fields as they came.
#include <string_view>

#include "otlp/key_set.h"
#include "otlp/model.h"
#include "otlp/wire.h"

namespace weir::otlp {

void decode(std::string_view message, Arena& arena, Resource& out);
void decode(std::string_view message, Arena& arena, Scope& out);
void decode(std::string_view message, Arena& arena, Span& out);
void decode(std::string_view message, Arena& arena, LogRecord& out);
void decode(std::string_view message, Arena& arena, Metric& out);
void decode(std::string_view any_value, Arena& arena, Value& out);

// What to decode of a span, log record or metric: ids, names, times and the like always, the rest when asked for. For
// those who only look: what was left out is lost when such a message is encoded.
enum class Parts : std::uint8_t { fields = 0, attributes = 1, children = 2, unknown = 4, all = 7 };  // children: events, links, points
constexpr Parts operator|(Parts a, Parts b) { return static_cast<Parts>(static_cast<int>(a) | static_cast<int>(b)); }
constexpr bool operator&(Parts a, Parts b) { return (static_cast<int>(a) & static_cast<int>(b)) != 0; }
// Attributes by key; those of children are not chosen among.
struct Excerpt {
  static constexpr std::uint32_t every_field = ~std::uint32_t{0};
  static constexpr std::uint32_t field(std::uint32_t number) { return std::uint32_t{1} << number; }

  Parts parts = Parts::fields;
  KeySet keys = KeySet::every();
  std::uint32_t fields = every_field;  // which of Parts::fields, of spans and log records; a metric's are few

  static Excerpt nothing() { return {Parts::fields, {}, 0}; }
  void add(const Excerpt& other) {
    parts = parts | other.parts;
    keys.add(other.keys);
    fields |= other.fields;
  }
};
// False when attributes are all that was taken.
bool decode(std::string_view message, Arena& arena, Span& out, const Excerpt& excerpt);
bool decode(std::string_view message, Arena& arena, LogRecord& out, const Excerpt& excerpt);
bool decode(std::string_view message, Arena& arena, Metric& out, const Excerpt& excerpt);
// One KeyValue message.
KeyValue decode_key_value(std::string_view message, Arena& arena);

void encode(const Resource& message, Writer& out);
void encode(const Scope& message, Writer& out);
void encode(const Span& message, Writer& out);
void encode(const LogRecord& message, Writer& out);
void encode(const Metric& message, Writer& out);
void encode(const Value& message, Writer& out);

// Without decoding. Only the first occurrence of the field counts.
TraceId peek_trace_id(Signal signal, std::string_view item);
std::size_t count_points(std::string_view metric);

}  // namespace weir::otlp

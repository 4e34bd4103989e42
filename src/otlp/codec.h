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

// Which parts of a span, log record or metric to decode. For reading only: encoding such a message loses what was not decoded.
enum class Parts : std::uint8_t { fields = 0, attributes = 1, children = 2, unknown = 4, all = 7 };  // children: events, links, points
constexpr Parts operator|(Parts a, Parts b) { return static_cast<Parts>(static_cast<int>(a) | static_cast<int>(b)); }
constexpr bool operator&(Parts a, Parts b) { return (static_cast<int>(a) & static_cast<int>(b)) != 0; }
// A projection of an item: fields by number, attributes by key. Children (events, links, data points) come with all of their attributes.
struct Excerpt {
  static constexpr std::uint32_t every_field = ~std::uint32_t{0};
  static constexpr std::uint32_t field(std::uint32_t number) { return std::uint32_t{1} << number; }

  Parts parts = Parts::fields;
  KeySet keys = KeySet::every();
  std::uint32_t fields = every_field;  // of spans and log records; metrics always have all fields

  static Excerpt nothing() { return {Parts::fields, {}, 0}; }
  void add(const Excerpt& other) {
    parts = parts | other.parts;
    keys.add(other.keys);
    fields |= other.fields;
  }
};
// False when it decoded attributes only.
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
// The field of this number, as encode() of the message writes it. Nothing when it has its default.
void encode_field(const Span& message, std::uint32_t number, Writer& out);
void encode_field(const LogRecord& message, std::uint32_t number, Writer& out);
// An attribute as the field of this number.
void encode_attribute(std::uint32_t field, const KeyValue& attribute, Writer& out);

// Bytes that encode() writes, at most, without writing them: mostly some tens too many for each field that is there. Text that is not UTF-8,
// which only stages make, may take three times as much.
std::size_t encoded_size_at_most(const Resource& message);
std::size_t encoded_size_at_most(const Scope& message);
std::size_t encoded_size_at_most(const Span& message);
std::size_t encoded_size_at_most(const LogRecord& message);
std::size_t encoded_size_at_most(const Metric& message);
// Without its points: what formats repeat for each of them.
std::size_t head_size_at_most(const Metric& message);
std::size_t encoded_size_at_most(const Value& message);

// Reads the id without decoding the item. When the field is there several times, the first one counts.
TraceId peek_trace_id(Signal signal, std::string_view item);
std::size_t count_points(std::string_view metric);

}  // namespace weir::otlp

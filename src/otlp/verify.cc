#include "otlp/verify.h"

#include <bit>

#include "base/text.h"
#include "otlp/repair.h"
#include "otlp/request_schema.h"
#include "otlp/span_view.h"

namespace weir::otlp {
namespace {

using namespace schema;

template <class T>
inline T load(const char* p) {
  T out;
  std::memcpy(&out, p, sizeof out);
  return out;
}

// Checks blocks of 16 or 8 bytes; the last block overlaps the one before.
inline bool is_ascii(const char* p, std::size_t size) {
  constexpr std::uint64_t high = 0x8080808080808080ULL;
  std::uint64_t seen = 0;
  if (size >= 16) {
    using Block [[gnu::vector_size(16)]] = std::uint64_t;
    const char* last = p + size - 16;
    Block block = load<Block>(last);
    for (; p < last; p += 16) block |= load<Block>(p);
    seen = block[0] | block[1];
  } else if (size >= 8) {
    seen = load<std::uint64_t>(p) | load<std::uint64_t>(p + size - 8);
  } else if (size >= 4) {
    seen = load<std::uint32_t>(p) | load<std::uint32_t>(p + size - 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) seen |= static_cast<unsigned char>(p[i]);
  }
  return (seen & high) == 0;
}

// Short text is almost always ASCII.
inline bool is_text(const char* p, std::size_t size) { return is_ascii(p, size) || valid_utf8({p, size}); }

inline unsigned char byte_at(const char* p) { return static_cast<unsigned char>(*p); }

// Past the varint at `p`, null when it is cut short or longer than ten bytes. Bits above the 64th do not count.
inline const char* past_varint(const char* p, const char* end) {
  for (int i = 0; i < 10 && p != end; ++i)
    if (byte_at(p++) < 0x80) return p;
  return nullptr;
}

inline std::uint16_t little_endian(std::size_t low, std::size_t high) {
  static_assert(std::endian::native == std::endian::little);
  return static_cast<std::uint16_t>(low | high << 8);
}

// Recognizes the most common form of an attribute: key and value in field order, each shorter than 128 bytes, the value one text,
// integer, boolean or double. False: the general code must check it.
[[gnu::always_inline]] inline bool is_plain_key_value(const char* p, const char* end) {
  auto size = static_cast<std::size_t>(end - p);
  if (size < 6 || p[0] != 0x0a) return false;
  std::size_t key = byte_at(p + 1);
  if (key >= 0x80 || size < key + 6) return false;
  const char* value = p + 4 + key;
  auto value_size = static_cast<std::size_t>(end - value);
  if (value_size >= 0x80 || load<std::uint16_t>(value - 2) != little_endian(0x12, value_size)) return false;
  // Tags and lengths are less than 128, too: of a text all can be looked at in one go.
  if (value[0] == 0x0a && byte_at(value + 1) + 2u == value_size)
    return is_ascii(p, size) || (valid_utf8({p + 2, key}) && valid_utf8({value + 2, value_size - 2}));
  if (!is_text(p + 2, key)) return false;
  switch (value[0]) {
    case 0x10:
    case 0x18: return past_varint(value + 1, end) == end;
    case 0x21: return value_size == 9;
    default: return false;
  }
}

class Walker {
 public:
  explicit Walker(LandmarkWriter* landmarks = nullptr) : landmarks_(landmarks) {}

  // False when something is wrong; then `where` and `why` say what.
  bool walk(MessageId id, const char* p, const char* end, int depth) {
    if (id == span) return walk_span(p, end, depth);
    const Descriptor& type = table[id];
    items += type.counts;
    const std::size_t cost_before = cost.bytes, items_before = items;
    cost.bytes += type.cost;
    if (id == opaque || id == profile) return true;
    const char* begin = p;
    if (id == metric ? !walk_metric(p, end, depth) : !walk_fields(type, p, end, depth)) return false;
    if (type.unit) end_unit(cost.bytes - cost_before, items - items_before, static_cast<std::size_t>(end - begin));
    return true;
  }

  std::size_t items = 0, broken_texts = 0, broken_bytes = 0;
  std::size_t unknown = 0;  // cost of fields that nobody knows
  Cost cost;
  std::string where;
  std::string_view why;

 private:
  static constexpr std::string_view cut = "cut short or not protobuf";

  void end_unit(std::size_t taken, std::size_t counted, std::size_t size) {
    cost.largest = std::max(cost.largest, taken);
    cost.dense |= taken > Cost::ordinary_unit(counted, size);
  }

  bool walk_fields(const Descriptor& type, const char* p, const char* end, int depth) {
    std::uint32_t number = 0;
    while (p != end)
      if ((p = past_field_here(type, number, p, end, depth)) == nullptr) return false;
    return true;
  }

  // Most spans have nothing but plain fields.
  bool walk_span(const char* begin, const char* end, int depth) {
    ++items;
    const std::size_t cost_before = cost.bytes;
    cost.bytes += table[span].cost;
    if (landmarks_ != nullptr && !landmarks_->begin(begin)) landmarks_ = nullptr;
    for (const char* p = begin; (p = past_plain_span_fields(p, end, begin)) != end;) {
      const char* whole = p;
      std::uint32_t number = 0;
      if ((p = past_field(table[span], number, p, end, depth)) == nullptr) return false;
      if (landmarks_ != nullptr) note_field(number, {whole, static_cast<std::size_t>(p - whole)});
      if (p == end) break;
    }
    end_unit(cost.bytes - cost_before, 0, static_cast<std::size_t>(end - begin));
    return true;
  }

  // Counts the points of one type of data only: of several the last is what the metric has.
  bool walk_metric(const char* p, const char* end, int depth) {
    std::size_t data_items = 0;
    std::uint32_t data_field = 0, number = 0;
    while (p != end) {
      std::size_t before = items;
      if ((p = past_field(table[metric], number, p, end, depth)) == nullptr) return false;
      if (number >= 12 || field_of(table[metric], number).kind != Kind::message) continue;
      std::size_t added = items - before;
      if (std::exchange(data_field, number) != number) items -= std::exchange(data_items, 0);
      data_items += added;
    }
    return true;
  }

  static Field field_of(const Descriptor& type, std::uint32_t number) { return number < type.fields.size() ? type.fields[number] : none; }

  // The end of the field at `p`, and its number; null when it is malformed.
  [[gnu::noinline]] const char* past_field(const Descriptor& type, std::uint32_t& number, const char* p, const char* end, int depth) {
    return past_field_here(type, number, p, end, depth);
  }
  [[gnu::always_inline]] const char* past_field_here(const Descriptor& type, std::uint32_t& number, const char* p, const char* end, int depth) {
    std::uint64_t tag = byte_at(p++);
    if (tag >= 0x80 && !long_tag(p, end, tag)) return bad(type, 0, cut);
    number = static_cast<std::uint32_t>(tag >> 3);
    if (number == 0) return bad(type, 0, cut);
    p = value(field_of(type, number), static_cast<WireType>(tag & 7), p, end, depth);
    return p != nullptr || !where.empty() ? p : bad(type, number, why);
  }

  // Skips the fields of a span that have the form and order in which SDKs send them.
  const char* past_plain_span_fields(const char* p, const char* end, const char* begin) {
    SpanHead head({p, static_cast<std::size_t>(end - p)});
    if (!is_text(head.name.data(), head.name.size())) return p;
    if (landmarks_ != nullptr && p != begin && head.end != p) landmarks_->has_unusual_order();
    p = head.end;
    constexpr std::ptrdiff_t least = 8;  // an attribute with an empty text as value
    LandmarkWriter* const landmarks = landmarks_;
    std::size_t attributes = 0;
    while (end - p >= least && byte_at(p) == 0x4a) {
      std::size_t size = byte_at(p + 1);
      if (size >= 0x80 || size > static_cast<std::size_t>(end - p - 2) || !is_plain_key_value(p + 2, p + 2 + size)) break;
      if (landmarks != nullptr) landmarks->attribute(p, {p + 4, byte_at(p + 3)});
      p += 2 + size, ++attributes;
    }
    cost.bytes += attributes * attribute_cost;
    return p;
  }

  void note_field(std::uint32_t number, std::string_view whole) {
    constexpr std::uint32_t attribute = 9;
    if (number != attribute) return landmarks_->field(number, whole.data());
    Reader reader(whole);
    reader.next();
    landmarks_->attribute(whole.data(), AttributeView::read(reader.bytes()).key);
  }

  void note_broken(std::string_view broken) {
    ++broken_texts;
    broken_bytes += count_invalid_utf8(broken);
  }

  const char* bad(const Descriptor& type, std::uint32_t number, std::string_view reason) {
    where = fmt::format("{} field {}", type.name, number);
    return wrong(reason);
  }
  const char* wrong(std::string_view reason) {
    why = reason;
    return nullptr;
  }
  static bool long_tag(const char*& p, const char* end, std::uint64_t& tag) {
    const char* start = p - 1;
    const char* past = past_varint(start, end);
    if (past == nullptr || past - start > 5) return false;
    tag = 0;
    for (const char* at = past; at != start;) tag = tag << 7 | (byte_at(--at) & 0x7Fu);
    p = past;
    return tag >> 32 == 0;
  }

  // The end of the field's value; null when it is malformed.
  [[gnu::always_inline]] const char* value(Field field, WireType type, const char* p, const char* end, int depth) {
    if (field.kind == Kind::unknown) unknown += unknown_cost;
    switch (type) {
      case WireType::varint:
        if (field.kind != Kind::varint && field.kind != Kind::unknown && field.kind != Kind::packed_varint) return wrong(wire_type);
        if (field.kind == Kind::packed_varint) cost.bytes += number_cost;
        p = past_varint(p, end);
        return p ? p : wrong(cut);
      case WireType::fixed64:
        if (field.kind != Kind::fixed64 && field.kind != Kind::unknown && field.kind != Kind::packed8) return wrong(wire_type);
        if (field.kind == Kind::packed8) cost.bytes += number_cost;
        return end - p >= 8 ? p + 8 : wrong(cut);
      case WireType::fixed32:
        if (field.kind != Kind::fixed32 && field.kind != Kind::unknown) return wrong(wire_type);
        return end - p >= 4 ? p + 4 : wrong(cut);
      case WireType::bytes: {
        if (p == end) return wrong(cut);
        std::uint64_t size = byte_at(p++);
        if (size >= 0x80 && !long_size(p, end, size)) return wrong(cut);
        if (size > static_cast<std::uint64_t>(end - p)) return wrong(cut);
        return content(field, p, p + size, depth) ? p + size : nullptr;
      }
      default: return wrong(cut);  // groups: OTLP never had any
    }
  }
  static constexpr std::string_view wire_type = "wrong wire type";

  static bool long_size(const char*& p, const char* end, std::uint64_t& size) {
    size &= 0x7F;
    for (unsigned shift = 7; shift < 35; shift += 7) {
      if (p == end) return false;
      std::uint64_t c = byte_at(p++);
      size |= (c & 0x7F) << shift;
      if (c < 0x80) return true;
    }
    return false;
  }

  // Checks the content of a length-delimited field.
  [[gnu::always_inline]] bool content(Field field, const char* p, const char* end, int depth) {
    auto size = static_cast<std::size_t>(end - p);
    switch (field.kind) {
      case Kind::unknown:
      case Kind::bytes: return true;
      case Kind::text:
        if (!is_text(p, size)) note_broken({p, size});
        return true;
      case Kind::trace_id: return size == 16 || size == 0 || wrong("a trace id has 16 bytes");
      case Kind::span_id: return size == 8 || size == 0 || wrong("a span id has 8 bytes");
      case Kind::message: {
        if (depth == 0) return wrong("values are nested too deep");
        auto next = static_cast<MessageId>(field.message);
        if (next == key_value && is_plain_key_value(p, end)) {
          cost.bytes += attribute_cost;
          return true;
        }
        return walk(next, p, end, next == any_value ? depth - 1 : depth);
      }
      case Kind::packed8: cost.bytes += (1 + size / 8) * number_cost; return size % 8 == 0 || wrong("packed doubles are cut short");
      case Kind::packed_varint:
        cost.bytes += (1 + size) * number_cost;
        while (p != nullptr && p != end) p = past_varint(p, end);
        return p == end || wrong("packed numbers are cut short");
      default: return wrong(wire_type);
    }
  }

  LandmarkWriter* landmarks_;
};

}  // namespace

Result<Extent> verify(Signal signal, std::string_view request, const Sought* sought) {
  std::optional<LandmarkWriter> landmarks;
  if (sought != nullptr && signal == Signal::traces) landmarks.emplace(*sought, std::max<std::size_t>(4096, request.size() / 4));
  Walker walker(landmarks ? &*landmarks : nullptr);
  if (!walker.walk(root_of(signal), request.data(), request.data() + request.size(), max_value_depth))
    return fail(Errc::invalid, "{}: {}", walker.where, walker.why);
  walker.cost.bytes += walker.unknown;
  walker.cost.largest += walker.unknown;  // they may all stand in one message
  walker.cost.bytes += request.size();  // room that scopes keep for items, see reserve_items()
  walker.cost.dense |= walker.cost.bytes > Cost::ordinary(walker.items, request.size()) + Cost::ordinary(1, 0);
  return Extent{walker.items, landmarks ? landmarks->finish() : std::string(), walker.cost, walker.broken_texts, walker.broken_bytes};
}

namespace {

Cost cost_of(MessageId id, std::string_view message) {
  Walker walker;
  walker.walk(id, message.data(), message.data() + message.size(), max_value_depth);
  walker.cost.bytes += walker.unknown;
  return walker.cost;
}

}  // namespace

Cost cost_of_item(Signal signal, std::string_view item) {
  constexpr std::array ids = {span, metric, log_record, profile};
  return cost_of(ids[static_cast<std::size_t>(signal)], item);
}
Cost cost_of_resource(std::string_view message) { return cost_of(resource, message); }
Cost cost_of_scope(std::string_view message) { return cost_of(scope, message); }

}  // namespace weir::otlp

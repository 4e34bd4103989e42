#include "otlp/edits.h"

#include <algorithm>

#include "base/text.h"
#include "otlp/plain.h"
#include "otlp/span_view.h"

namespace weir::otlp {
namespace {

template <class T>
constexpr std::uint32_t attributes_field = 6;
template <>
constexpr std::uint32_t attributes_field<Span> = 9;

void copy_field(const Span& from, std::uint32_t number, Span& to) {
  switch (number) {
    case 1: to.trace_id = from.trace_id; break;
    case 2: to.span_id = from.span_id; break;
    case 3: to.trace_state = from.trace_state; break;
    case 4: to.parent_span_id = from.parent_span_id; break;
    case 5: to.name = from.name; break;
    case 6: to.kind = from.kind; break;
    case 7: to.start_time_unix_nano = from.start_time_unix_nano; break;
    case 8: to.end_time_unix_nano = from.end_time_unix_nano; break;
    case 10: to.dropped_attributes_count = from.dropped_attributes_count; break;
    case 12: to.dropped_events_count = from.dropped_events_count; break;
    case 14: to.dropped_links_count = from.dropped_links_count; break;
    case 15: to.status_code = from.status_code, to.status_message = from.status_message; break;
    case 16: to.flags = from.flags; break;
    default: WEIR_CHECK(false, "field {} of a span", number);
  }
}

void copy_field(const LogRecord& from, std::uint32_t number, LogRecord& to) {
  switch (number) {
    case 1: to.time_unix_nano = from.time_unix_nano; break;
    case 2: to.severity_number = from.severity_number; break;
    case 3: to.severity_text = from.severity_text; break;
    case 5: to.body = from.body; break;
    case 7: to.dropped_attributes_count = from.dropped_attributes_count; break;
    case 8: to.flags = from.flags; break;
    case 9: to.trace_id = from.trace_id; break;
    case 10: to.span_id = from.span_id; break;
    case 11: to.observed_time_unix_nano = from.observed_time_unix_nano; break;
    case 12: to.event_name = from.event_name; break;
    default: WEIR_CHECK(false, "field {} of a log record", number);
  }
}

// Whether `value` is still what was decoded from these bytes.
bool is_decoded_from(const Value& value, std::string_view any_value) {
  Value old;
  Arena unused;
  decode(any_value, unused, old);
  if (value.type != old.type || value.raw != old.raw) return false;
  switch (value.type) {
    case ValueType::empty: return true;
    case ValueType::boolean: return value.boolean == old.boolean;
    case ValueType::integer: return value.integer == old.integer;
    case ValueType::real: return std::bit_cast<std::uint64_t>(value.real) == std::bit_cast<std::uint64_t>(old.real);
    case ValueType::array:
    case ValueType::map:
      if (!value.raw) return false;
      [[fallthrough]];
    default: return value.text.data() == old.text.data() && value.text.size() == old.text.size();
  }
}

// Calls f(number) for each field of a set, lowest first.
template <class F>
void each_field(std::uint32_t fields, F f) {
  for (; fields != 0; fields &= fields - 1) f(static_cast<std::uint32_t>(std::countr_zero(fields)));
}

}  // namespace

void Edits::clear() {
  fields_ = 0;
  changes_.clear();
  all_attributes_ = false;
}

template <class T>
void Edits::apply(const T& message, Item& item, Arena& arena) {
  if (item.raw.size() > longest_copied) {
    apply_decoded(message, item, arena);
  } else {
    fresh_.clear();
    split(message, item.raw);
    change_attributes(message);
    join(item, arena);
  }
  clear();
}

template <class T>
void Edits::apply_decoded(const T& message, Item& item, Arena& arena) const {
  T& to = item.edit<T>(arena);
  each_field(fields_, [&](std::uint32_t number) { copy_field(message, number, to); });
  if (all_attributes_) {
    to.attributes = {};
    for (auto& attribute : message.attributes) to.attributes.push_back(arena, attribute);
    return;
  }
  for (auto& change : changes_) {
    if (change.value)
      to.attributes.set(arena, arena.copy(change.key), *change.value);
    else
      to.attributes.remove(change.key);
  }
}

std::string_view Edits::key_of(const Piece& attribute, std::uint32_t tag) const {
  std::string_view field(data(attribute), attribute.size);
  PlainAttribute plain;
  if (plain.read(field, tag) != 0) return plain.key;
  return AttributeView::of_field(field, tag >> 3).key;
}

// Adjacent runs become one.
inline void Edits::append(std::string_view run) {
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    bool adjacent = last.old != nullptr && last.old + last.size == run.data() && (!attributes_placed_ || attributes_at_ != pieces_.size());
    if (adjacent) return static_cast<void>(last.size += static_cast<std::uint32_t>(run.size()));
  }
  pieces_.push_back(old_piece(run));
}

// Takes over what SpanHead reads, in one or two runs, if nothing of it is changed but the name. Returns what follows it.
inline std::string_view Edits::split_head(const Span& span, std::string_view raw, std::uint32_t& unwritten) {
  constexpr std::uint32_t name = Excerpt::field(5), head_fields = Excerpt::field(9) - 1;
  if ((unwritten & head_fields & ~name) != 0) return raw;
  SpanHead head(raw);
  auto size = static_cast<std::size_t>(head.end - raw.data());
  if ((unwritten & name) != 0) {
    if (head.name.data() == nullptr) return raw;
    pieces_.push_back(old_piece({raw.data(), static_cast<std::size_t>(head.name.data() - 2 - raw.data())}));
    std::size_t mark = fresh_.size();
    encode_field(span, 5, fresh_);
    pieces_.push_back(fresh_since(mark));
    const char* rest = head.name.data() + head.name.size();
    pieces_.push_back(old_piece({rest, static_cast<std::size_t>(head.end - rest)}));
    unwritten &= ~name;
  } else if (size != 0) {
    pieces_.push_back(old_piece(raw.substr(0, size)));
  }
  return raw.substr(size);
}

// What is not an attribute goes to pieces_, with changed fields in their new form; attributes go to attributes_ if any is changed. They
// will stand together where the first one stood, else where the order of fields wants them.
template <class T>
void Edits::split(const T& message, std::string_view raw) {
  constexpr std::uint32_t own_field = attributes_field<T>, own_tag = tag_of(own_field);
  const bool touches = touches_attributes();
  attributes_.clear();
  pieces_.clear();
  attributes_placed_ = false;
  std::uint32_t unwritten = fields_;
  if constexpr (std::is_same_v<T, Span>) raw = split_head(message, raw, unwritten);
  auto place_attributes = [&] {
    if (touches && !std::exchange(attributes_placed_, true)) attributes_at_ = pieces_.size();
  };
  auto write_before = [&](std::uint32_t number) {
    while (unwritten != 0) {
      auto next = static_cast<std::uint32_t>(std::countr_zero(unwritten));
      if (next > number) break;
      if (next > own_field) place_attributes();
      unwritten &= unwritten - 1;
      std::size_t mark = fresh_.size();
      encode_field(message, next, fresh_);
      if (fresh_.size() != mark) pieces_.push_back(fresh_since(mark));
    }
  };
  for (Reader reader(raw);;) {
    if (touches) {
      PlainAttribute plain;
      std::string_view rest = reader.rest();
      while (std::size_t size = plain.read(rest, own_tag)) {
        if (!attributes_placed_) write_before(own_field), place_attributes();
        attributes_.push_back(old_piece({rest.data(), size}));
        rest.remove_prefix(size);
        reader.pass(size);
      }
    }
    if (!reader.next()) break;
    std::uint32_t number = reader.field();
    write_before(number);
    if (number >= own_field) place_attributes();
    reader.skip();
    if (touches && number == own_field)
      attributes_.push_back(old_piece(reader.whole()));
    else if (number >= 32 || !(fields_ >> number & 1))
      append(reader.whole());
  }
  write_before(31);
  place_attributes();
}

// Which of the old attributes it is, as it came; their number if none. Mostly `next`.
std::size_t Edits::find_unchanged(const KeyValue& attribute, std::size_t next, std::uint32_t tag) const {
  auto is = [&](std::size_t i) {
    AttributeView old = AttributeView::of_field({old_attributes_[i].old, old_attributes_[i].size}, tag >> 3);
    return old.key.data() == attribute.key.data() && old.key.size() == attribute.key.size() && is_decoded_from(attribute.value, old.raw);
  };
  for (std::size_t i = next; i < old_attributes_.size(); ++i)
    if (is(i)) return i;
  for (std::size_t i = 0; i < std::min(next, old_attributes_.size()); ++i)
    if (is(i)) return i;
  return old_attributes_.size();
}

// A short text under a short key, the most common case, is put together at once.
Edits::Piece Edits::encoded(const KeyValue& attribute, std::uint32_t field) {
  std::size_t mark = fresh_.size(), key = attribute.key.size(), text = attribute.value.is(ValueType::string) ? attribute.value.text.size() : 0;
  bool is_short = attribute.value.is(ValueType::string) && key != 0 && key + text < 120;
  if (!is_short || !valid_utf8(attribute.key) || !valid_utf8(attribute.value.text)) {
    encode_attribute(field, attribute, fresh_);
    return fresh_since(mark);
  }
  std::array<char, 128> buffer;
  char* to = buffer.data();
  auto put = [&](std::size_t byte) { *to++ = static_cast<char>(byte); };
  put(tag_of(field)), put(6 + key + text);
  put(0x0A), put(key);
  to = std::copy(attribute.key.begin(), attribute.key.end(), to);
  put(0x12), put(2 + text);
  put(0x0A), put(text);
  to = std::copy(attribute.value.text.begin(), attribute.value.text.end(), to);
  fresh_.raw({buffer.data(), static_cast<std::size_t>(to - buffer.data())});
  return fresh_since(mark);
}

template <class T>
void Edits::change_attributes(const T& message) {
  constexpr std::uint32_t field = attributes_field<T>, tag = tag_of(field);
  if (all_attributes_) {
    old_attributes_.swap(attributes_);
    attributes_.clear();
    std::size_t next = 0;
    for (auto& attribute : message.attributes) {
      std::size_t same = find_unchanged(attribute, next, tag);
      if (same != old_attributes_.size()) next = same + 1;
      attributes_.push_back(same != old_attributes_.size() ? old_attributes_[same] : encoded(attribute, field));
    }
    return;
  }
  for (auto& change : changes_) {
    auto has_key = [&](const Piece& attribute) { return key_of(attribute, tag) == change.key; };
    if (change.value) {
      auto at = std::ranges::find_if(attributes_, has_key);
      if (at == attributes_.end()) at = attributes_.insert(at, Piece{});
      *at = encoded({change.key, *change.value}, field);
      continue;
    }
    for (std::size_t i = 0; i < attributes_.size();) {  // as Attributes::remove() does
      if (!has_key(attributes_[i])) {
        ++i;
        continue;
      }
      attributes_[i] = attributes_.back();
      attributes_.pop_back();
    }
  }
}

void Edits::join(Item& item, Arena& arena) {
  std::size_t size = 0;
  for (auto& piece : pieces_) size += piece.size;
  for (auto& attribute : attributes_) size += attribute.size;

  constexpr char items_tag = 2 << 3 | static_cast<char>(WireType::bytes);
  std::size_t head = 1 + varint_size(size);
  char* const begin = arena.array<char>(head + size);
  char* to = begin;
  *to++ = items_tag;
  std::size_t rest = size;
  for (; rest >= 0x80; rest >>= 7) *to++ = static_cast<char>(rest | 0x80);
  *to++ = static_cast<char>(rest);

  auto put = [&](const Piece& piece) {
    if (piece.size != 0) std::memcpy(to, data(piece), piece.size);
    to += piece.size;
  };
  auto put_attributes = [&] {
    for (std::size_t i = 0; i < attributes_.size();) {
      Piece run = attributes_[i++];
      while (run.old != nullptr && i < attributes_.size() && attributes_[i].old == run.old + run.size) run.size += attributes_[i++].size;
      put(run);
    }
  };
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (attributes_placed_ && i == attributes_at_) put_attributes();
    put(pieces_[i]);
  }
  if (attributes_placed_ && attributes_at_ == pieces_.size()) put_attributes();

  item.raw = {begin + head, size};
  item.head = static_cast<std::uint8_t>(head);
  item.message = nullptr;
  item.landmarks = nullptr;
  item.dirty = false;
}

template void Edits::apply(const Span&, Item&, Arena&);
template void Edits::apply(const LogRecord&, Item&, Arena&);

}  // namespace weir::otlp

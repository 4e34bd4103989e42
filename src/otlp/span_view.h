#pragma once
// Reads a span from its bytes without decoding all of it and without allocating. Works as well on an item that was decoded or changed.
// All texts are views into the item.
#include "otlp/batch.h"
#include "otlp/span_head.h"

namespace weir::otlp {

constexpr std::uint32_t tag_of(std::uint32_t attributes) { return attributes << 3 | static_cast<std::uint32_t>(WireType::bytes); }

struct AttributeView {
  std::string_view key;
  std::string_view raw;            // an AnyValue; not used when decoded
  const Value* decoded = nullptr;

  // From a KeyValue message.
  static AttributeView read(std::string_view key_value) {
    AttributeView out{{}, std::string_view("", 0), nullptr};
    for (Reader reader(key_value); reader.next();) {
      if (reader.field() == 1)
        out.key = reader.bytes();
      else if (reader.field() == 2)
        out.raw = reader.bytes();
      else
        reader.skip();
    }
    return out;
  }
  // From bytes that begin with a field of this number, which holds an attribute.
  static AttributeView of_field(std::string_view message, std::uint32_t field) {
    PlainAttribute plain;
    if (plain.read(message, tag_of(field)) != 0) return {plain.key, plain.value};
    Reader reader(message);
    return reader.next() ? read(reader.bytes()) : AttributeView{};
  }
  explicit operator bool() const { return decoded != nullptr || raw.data() != nullptr; }
  Value value(Arena& arena) const {
    if (decoded) return *decoded;
    Value out;
    decode(raw, arena, out);
    return out;
  }
  // The value of a string or an integer, without decoding; nullopt for any other type.
  std::optional<std::string_view> text() const {
    if (decoded) return decoded->is(ValueType::string) ? std::optional(decoded->text) : std::nullopt;
    Reader reader(raw);
    if (!reader.next() || reader.field() != 1) return {};
    std::string_view out = reader.bytes();
    return reader.next() ? std::nullopt : std::optional(out);  // several values: value() knows which one counts
  }
  std::optional<std::int64_t> integer() const {
    if (decoded) return decoded->is(ValueType::integer) ? std::optional(decoded->integer) : std::nullopt;
    Reader reader(raw);
    if (!reader.next() || reader.field() != 3) return {};
    auto out = static_cast<std::int64_t>(reader.varint());
    return reader.next() ? std::nullopt : std::optional(out);
  }
};

// The attributes of an encoded message, which are the fields of one number, or of a decoded message.
class AttributesView {
 public:
  AttributesView() = default;
  AttributesView(std::string_view fields, std::uint32_t field) : fields_(fields), field_(field) {}
  explicit AttributesView(const Attributes& decoded) : decoded_(&decoded) {}

  template <class F>
  void each(F f) const {  // f(const AttributeView&)
    if (decoded_) {
      for (auto& kv : *decoded_) f(AttributeView{kv.key, {}, &kv.value});
      return;
    }
    for (Reader reader(fields_);;) {
      PlainAttribute plain;
      if (std::size_t size = plain.read(reader.rest(), tag_of(field_))) {
        f(AttributeView{plain.key, plain.value});
        reader.pass(size);
        continue;
      }
      if (!reader.next()) break;
      if (reader.field() != field_)
        reader.skip();
      else
        f(AttributeView::read(reader.bytes()));
    }
  }

 private:
  std::string_view fields_;
  std::uint32_t field_ = 0;
  const Attributes* decoded_ = nullptr;
};

// The keys that a stage reads of each span. Each key has a slot.
class WantedKeys {
 public:
  // Returns the slot of a key and adds the key if it is new. All keys must be added before the first find().
  std::size_t add(std::string_view key) {
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i] == key) return i;
    keys_.emplace_back(key);
    bits_ |= key_bit(key);
    return keys_.size() - 1;
  }
  std::size_t size() const { return keys_.size(); }
  static const WantedKeys& none() {
    static const WantedKeys empty;
    return empty;
  }
  const std::string& operator[](std::size_t slot) const { return keys_[slot]; }
  // A quick test: false for most keys that are not in it.
  bool may_have(std::string_view key) const { return (bits_ & key_bit(key)) != 0; }

  // Sets the slot of each key to its first attribute. Slots of keys without an attribute stay as they are.
  void find(const AttributesView& attributes, std::span<AttributeView> slots) const {
    attributes.each([&](const AttributeView& attribute) { place(attribute, slots); });
  }
  // Sets the slot of this attribute's key, if it has one that is not set.
  void place(const AttributeView& attribute, std::span<AttributeView> slots) const {
    if (!may_have(attribute.key)) return;
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i] == attribute.key) {
        if (!slots[i]) slots[i] = attribute;
        return;
      }
  }

  // For Stage::seek().
  void seek(Sought& sought) const {
    sought.add(keys_);
  }
  // Call it before the items of each batch, with Batch::sought(): landmarks may tell where the attributes are.
  void use(const std::shared_ptr<const Sought>& sought) {
    if (sought == sought_) return;
    sought_ = sought;
    places_.clear();
    for (auto& key : keys_) {
      std::size_t place = sought ? sought->slot(key) : Sought::nowhere;
      if (place != Sought::nowhere) places_.push_back(place);
    }
  }
  // True when landmarks have every key.
  bool located() const { return places_.size() == keys_.size(); }
  // As the other find(), for a span with landmarks.
  void find(std::string_view span, Landmarks landmarks, std::span<AttributeView> slots) const {
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (std::uint16_t at = landmarks.attribute(places_[i])) slots[i] = AttributeView::of_field(span.substr(at), attributes_field);
  }

 private:
  static constexpr std::uint32_t attributes_field = 9;
  std::vector<std::string> keys_;
  std::uint64_t bits_ = 0;
  std::shared_ptr<const Sought> sought_;
  std::vector<std::size_t> places_;  // of each key among sought_'s; fewer when it has not all of them
};

struct SpanView {
  TraceId trace_id;
  SpanId span_id, parent_span_id;
  std::string_view name, trace_state;
  std::int32_t kind = 0, status_code = 0;
  std::uint64_t start_time_unix_nano = 0, end_time_unix_nano = 0;
  AttributesView attributes;

  // `item` of a traces batch.
  explicit SpanView(const Item& item) : SpanView(item, WantedKeys::none(), {}) {}
  // Sets `slots` as WantedKeys::find() does, in the same pass.
  SpanView(const Item& item, const WantedKeys& wanted, std::span<AttributeView> slots) {
    if (item.message)
      take(*static_cast<const Span*>(item.message), wanted, slots);
    else if (Landmarks landmarks(item.landmarks); landmarks && wanted.located())
      read(item.raw, landmarks, wanted, slots);
    else
      read(item.raw, wanted, slots);
  }

  // As WantedKeys::find() does.
  void find(const WantedKeys& wanted, std::span<AttributeView> slots) const {
    if (landmarks_ && wanted.located())
      wanted.find(raw_, landmarks_, slots);
    else
      wanted.find(attributes, slots);
  }
  template <class F>
  void each_event(F f) const {  // f(const AttributesView&) with the attributes of the event
    if (decoded_) {
      for (auto& event : decoded_->events) f(AttributesView(event.attributes));
      return;
    }
    for (Reader reader(events_); reader.next();) {
      if (reader.field() == 11)
        f(AttributesView(reader.bytes(), 3));
      else
        reader.skip();
    }
  }

 private:
  // Extends a run, which goes from the first to the last field of a kind. Other fields may stand between them.
  static void extend(std::string_view& run, std::string_view field) {
    run = run.data() ? std::string_view(run.data(), static_cast<std::size_t>(field.data() + field.size() - run.data())) : field;
  }

  // Returns what follows the head. Inlined, so that the compiler drops the fields that a caller does not use.
  [[gnu::always_inline]] std::string_view take_head(std::string_view raw) {
    SpanHead head(raw);
    trace_id = TraceId::from(head.trace_id), span_id = SpanId::from(head.span_id), parent_span_id = SpanId::from(head.parent_span_id);
    name = head.name, kind = head.kind;
    start_time_unix_nano = head.start_time_unix_nano, end_time_unix_nano = head.end_time_unix_nano;
    return raw.substr(static_cast<std::size_t>(head.end - raw.data()));
  }

  // Reads the head, the status and the wanted attributes; the rest is found when it is asked for.
  [[gnu::always_inline]] void read(std::string_view raw, Landmarks landmarks, const WantedKeys& wanted, std::span<AttributeView> slots) {
    events_ = take_head(raw);
    attributes = AttributesView(events_, 9);
    if (std::uint16_t at = landmarks.status()) {
      Reader reader(raw.substr(at));
      if (reader.next()) read_status(reader.bytes());
    }
    raw_ = raw, landmarks_ = landmarks;
    if (!slots.empty()) wanted.find(raw, landmarks, slots);
  }

  void read(std::string_view raw, const WantedKeys& wanted, std::span<AttributeView> slots) {
    std::string_view attributes_run;
    raw = take_head(raw);
    for (Reader reader(raw);;) {
      PlainAttribute plain;
      std::string_view rest = reader.rest();
      if (std::size_t size = plain.read(rest, tag_of(9))) {
        if (wanted.may_have(plain.key)) wanted.place({plain.key, plain.value}, slots);
        extend(attributes_run, rest.substr(0, size));
        reader.pass(size);
        continue;
      }
      if (!reader.next()) break;
      switch (reader.field()) {
        case 1: trace_id = TraceId::from(reader.bytes()); break;
        case 2: span_id = SpanId::from(reader.bytes()); break;
        case 3: trace_state = reader.bytes(); break;
        case 4: parent_span_id = SpanId::from(reader.bytes()); break;
        case 5: name = reader.bytes(); break;
        case 6: kind = static_cast<std::int32_t>(reader.varint()); break;
        case 7: start_time_unix_nano = reader.fixed64(); break;
        case 8: end_time_unix_nano = reader.fixed64(); break;
        case 9: {
          std::string_view attribute = reader.bytes();
          wanted.place(AttributeView::read(attribute), slots);
          extend(attributes_run, reader.whole());
          break;
        }
        case 11: reader.bytes(), extend(events_, reader.whole()); break;
        case 15: read_status(reader.bytes()); break;
        default: reader.skip();
      }
    }
    attributes = AttributesView(attributes_run, 9);
  }

  void read_status(std::string_view message) {
    for (Reader reader(message); reader.next();) {
      if (reader.field() == 3)
        status_code = static_cast<std::int32_t>(reader.varint());
      else
        reader.skip();
    }
  }

  void take(const Span& span, const WantedKeys& wanted, std::span<AttributeView> slots) {
    trace_id = span.trace_id, span_id = span.span_id, parent_span_id = span.parent_span_id;
    name = span.name, trace_state = span.trace_state;
    kind = span.kind, status_code = span.status_code;
    start_time_unix_nano = span.start_time_unix_nano, end_time_unix_nano = span.end_time_unix_nano;
    attributes = AttributesView(span.attributes);
    if (!slots.empty()) wanted.find(attributes, slots);
    decoded_ = &span;
  }

  std::string_view events_;  // fields, among them the events
  const Span* decoded_ = nullptr;
  std::string_view raw_;
  Landmarks landmarks_{nullptr};
};

}  // namespace weir::otlp

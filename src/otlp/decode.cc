#include "otlp/codec.h"
#include "otlp/landmarks.h"
#include "otlp/span_head.h"

namespace weir::otlp {
namespace {

template <class T>
void keep_unknown(Reader& reader, Arena& arena, T& out) {
  reader.skip();
  if (reader.ok()) out.unknown.push_back(arena, reader.whole());
}

template <class T>
void take_unknown(Reader& reader, Arena& arena, const Excerpt& excerpt, T& out) {
  if (excerpt.parts & Parts::unknown) return keep_unknown(reader, arena, out);
  reader.skip();
}

// Skips the current field if it is not in the excerpt.
bool left_out(Reader& reader, Parts parts, std::uint32_t attributes, std::uint32_t child = 0, std::uint32_t other_child = 0) {
  std::uint32_t field = reader.field();
  bool skip = (field == attributes && !(parts & Parts::attributes)) ||
              ((field == child || field == other_child) && !(parts & Parts::children));
  if (skip) reader.skip();
  return skip;
}

void decode_attribute(Reader& reader, Arena& arena, Attributes& out) {
  out.push_back(arena, decode_key_value(reader.bytes(), arena));
}

void decode_attribute(Reader& reader, Arena& arena, const KeySet& keys, Attributes& out) {
  KeyValue attribute = decode_key_value(reader.bytes(), arena);
  if (keys.has(attribute.key)) out.push_back(arena, attribute);
}

Span::Event decode_event(std::string_view message, Arena& arena) {
  Span::Event out;
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.time_unix_nano = reader.fixed64(); break;
      case 2: out.name = reader.bytes(); break;
      case 3: decode_attribute(reader, arena, out.attributes); break;
      case 4: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
      default: keep_unknown(reader, arena, out);
    }
  }
  return out;
}

Span::Link decode_link(std::string_view message, Arena& arena) {
  Span::Link out;
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.trace_id = TraceId::from(reader.bytes()); break;
      case 2: out.span_id = SpanId::from(reader.bytes()); break;
      case 3: out.trace_state = reader.bytes(); break;
      case 4: decode_attribute(reader, arena, out.attributes); break;
      case 5: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
      case 6: out.flags = reader.fixed32(); break;
      default: keep_unknown(reader, arena, out);
    }
  }
  return out;
}

void decode_status(std::string_view message, Span& out) {
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 2: out.status_message = reader.bytes(); break;
      case 3: out.status_code = static_cast<std::int32_t>(reader.varint()); break;
      default: reader.skip();
    }
  }
}

Exemplar decode_exemplar(std::string_view message, Arena& arena) {
  Exemplar out;
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 2: out.time_unix_nano = reader.fixed64(); break;
      case 3: out.type = NumberType::real, out.real = reader.real(); break;
      case 4: out.span_id = SpanId::from(reader.bytes()); break;
      case 5: out.trace_id = TraceId::from(reader.bytes()); break;
      case 6: out.type = NumberType::integer, out.integer = static_cast<std::int64_t>(reader.fixed64()); break;
      case 7: decode_attribute(reader, arena, out.filtered_attributes); break;
      default: keep_unknown(reader, arena, out);
    }
  }
  return out;
}

template <class T>
void decode_fixed(Reader& reader, Arena& arena, ArenaVector<T>& out) {
  if (reader.is(WireType::fixed64)) {
    out.push_back(arena, std::bit_cast<T>(reader.fixed64()));
    return;
  }
  std::string_view run = reader.bytes();
  out.reserve_more(arena, run.size() / 8);
  for (std::size_t i = 0; i + 8 <= run.size(); i += 8) {
    T value;
    std::memcpy(&value, run.data() + i, 8);
    out.push_back(arena, value);
  }
}

void decode_number_point(Reader& reader, Arena& arena, DataPoint& out) {
  switch (reader.field()) {
    case 2: out.start_time_unix_nano = reader.fixed64(); break;
    case 3: out.time_unix_nano = reader.fixed64(); break;
    case 4: out.type = NumberType::real, out.real = reader.real(); break;
    case 5: out.exemplars.push_back(arena, decode_exemplar(reader.bytes(), arena)); break;
    case 6: out.type = NumberType::integer, out.integer = static_cast<std::int64_t>(reader.fixed64()); break;
    case 7: decode_attribute(reader, arena, out.attributes); break;
    case 8: out.flags = static_cast<std::uint32_t>(reader.varint()); break;
    default: keep_unknown(reader, arena, out);
  }
}

void decode_histogram_point(Reader& reader, Arena& arena, DataPoint& out) {
  switch (reader.field()) {
    case 2: out.start_time_unix_nano = reader.fixed64(); break;
    case 3: out.time_unix_nano = reader.fixed64(); break;
    case 4: out.count = reader.fixed64(); break;
    case 5: out.has_sum = true, out.sum = reader.real(); break;
    case 6: decode_fixed(reader, arena, out.bucket_counts); break;
    case 7: decode_fixed(reader, arena, out.explicit_bounds); break;
    case 8: out.exemplars.push_back(arena, decode_exemplar(reader.bytes(), arena)); break;
    case 9: decode_attribute(reader, arena, out.attributes); break;
    case 10: out.flags = static_cast<std::uint32_t>(reader.varint()); break;
    case 11: out.has_min = true, out.min = reader.real(); break;
    case 12: out.has_max = true, out.max = reader.real(); break;
    default: keep_unknown(reader, arena, out);
  }
}

DataPoint::Buckets decode_buckets(std::string_view message, Arena& arena) {
  DataPoint::Buckets out;
  out.present = true;
  Reader reader(message);
  while (reader.next()) {
    if (reader.field() == 1) {
      out.offset = static_cast<std::int32_t>(unzigzag(reader.varint()));
    } else if (reader.field() == 2 && reader.is(WireType::varint)) {
      out.counts.push_back(arena, reader.varint());
    } else if (reader.field() == 2) {
      std::string_view run = reader.bytes();
      while (!run.empty()) {
        std::uint64_t value = 0;
        std::size_t i = 0;
        for (; i < run.size() && i < 10; ++i) {
          value |= std::uint64_t{static_cast<unsigned char>(run[i]) & 0x7Fu} << (7 * i);
          if (static_cast<unsigned char>(run[i]) < 0x80) break;
        }
        out.counts.push_back(arena, value);
        run.remove_prefix(std::min(run.size(), i + 1));
      }
    } else {
      reader.skip();
    }
  }
  return out;
}

void decode_exponential_point(Reader& reader, Arena& arena, DataPoint& out) {
  switch (reader.field()) {
    case 1: decode_attribute(reader, arena, out.attributes); break;
    case 2: out.start_time_unix_nano = reader.fixed64(); break;
    case 3: out.time_unix_nano = reader.fixed64(); break;
    case 4: out.count = reader.fixed64(); break;
    case 5: out.has_sum = true, out.sum = reader.real(); break;
    case 6: out.scale = static_cast<std::int32_t>(unzigzag(reader.varint())); break;
    case 7: out.zero_count = reader.fixed64(); break;
    case 8: out.positive = decode_buckets(reader.bytes(), arena); break;
    case 9: out.negative = decode_buckets(reader.bytes(), arena); break;
    case 10: out.flags = static_cast<std::uint32_t>(reader.varint()); break;
    case 11: out.exemplars.push_back(arena, decode_exemplar(reader.bytes(), arena)); break;
    case 12: out.has_min = true, out.min = reader.real(); break;
    case 13: out.has_max = true, out.max = reader.real(); break;
    case 14: out.zero_threshold = reader.real(); break;
    default: keep_unknown(reader, arena, out);
  }
}

DataPoint::Quantile decode_quantile(std::string_view message) {
  DataPoint::Quantile out;
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.quantile = reader.real(); break;
      case 2: out.value = reader.real(); break;
      default: reader.skip();
    }
  }
  return out;
}

void decode_summary_point(Reader& reader, Arena& arena, DataPoint& out) {
  switch (reader.field()) {
    case 2: out.start_time_unix_nano = reader.fixed64(); break;
    case 3: out.time_unix_nano = reader.fixed64(); break;
    case 4: out.count = reader.fixed64(); break;
    case 5: out.has_sum = true, out.sum = reader.real(); break;
    case 6: out.quantiles.push_back(arena, decode_quantile(reader.bytes())); break;
    case 7: decode_attribute(reader, arena, out.attributes); break;
    case 8: out.flags = static_cast<std::uint32_t>(reader.varint()); break;
    default: keep_unknown(reader, arena, out);
  }
}

using PointField = void (*)(Reader&, Arena&, DataPoint&);
PointField point_field(MetricType type) {
  switch (type) {
    case MetricType::histogram: return decode_histogram_point;
    case MetricType::exponential_histogram: return decode_exponential_point;
    case MetricType::summary: return decode_summary_point;
    default: return decode_number_point;
  }
}

// Gauge, Sum, Histogram, ...: points are field 1 of each, temporality 2, is_monotonic 3.
// Two messages of the same type are joined; of different types the last one counts.
void decode_data(std::string_view message, Arena& arena, MetricType type, bool points, Metric& out) {
  if (out.type != type) {
    out.type = type;
    out.points.clear();
    out.temporality = Temporality::unspecified;
    out.is_monotonic = false;
  }
  PointField decode_field = point_field(type);
  bool is_sum = type == MetricType::sum, has_temporality = type != MetricType::gauge && type != MetricType::summary;
  Reader reader(message);
  while (reader.next()) {
    std::uint32_t field = reader.field();
    if ((field == 2 && !has_temporality) || (field == 3 && !is_sum)) {  // not of this type: any wire type may stand here
      reader.skip();
      continue;
    }
    switch (field) {
      case 1: {
        if (!points) {
          reader.skip();
          break;
        }
        DataPoint& point = out.points.push_back(arena, {});
        Reader fields(reader.bytes());
        while (fields.next()) decode_field(fields, arena, point);
        break;
      }
      case 2: out.temporality = static_cast<Temporality>(reader.varint()); break;
      case 3: out.is_monotonic = reader.varint() != 0; break;
      default: reader.skip();
    }
  }
}

// The largest number of points that a metric has at one time while it is decoded.
std::size_t most_points(std::string_view metric);

constexpr std::array<MetricType, 12> metric_types = {
    MetricType::none, MetricType::none,      MetricType::none, MetricType::none,
    MetricType::none, MetricType::gauge,     MetricType::none, MetricType::sum,
    MetricType::none, MetricType::histogram, MetricType::exponential_histogram, MetricType::summary};

}  // namespace

void decode(std::string_view message, Arena&, Value& out) {
  Reader reader(message);
  out = {};
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out = Value::of(reader.bytes()); break;
      case 2: out = Value::of(reader.varint() != 0); break;
      case 3: out = Value::of(static_cast<std::int64_t>(reader.varint())); break;
      case 4: out = Value::of(reader.real()); break;
      case 5: out = {.type = ValueType::array, .raw = true, .text = reader.bytes()}; break;
      case 6: out = {.type = ValueType::map, .raw = true, .text = reader.bytes()}; break;
      case 7: out = Value::of_bytes(reader.bytes()); break;
      default: reader.skip();
    }
  }
}

KeyValue decode_key_value(std::string_view message, Arena& arena) {
  KeyValue out;
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.key = reader.bytes(); break;
      case 2: decode(reader.bytes(), arena, out.value); break;
      default: reader.skip();
    }
  }
  return out;
}

void decode(std::string_view message, Arena& arena, Resource& out) {
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: decode_attribute(reader, arena, out.attributes); break;
      case 2: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
      default: keep_unknown(reader, arena, out);
    }
  }
}

void decode(std::string_view message, Arena& arena, Scope& out) {
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.name = reader.bytes(); break;
      case 2: out.version = reader.bytes(); break;
      case 3: decode_attribute(reader, arena, out.attributes); break;
      case 4: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
      default: keep_unknown(reader, arena, out);
    }
  }
}

namespace {

std::size_t byte(const char* p) { return static_cast<unsigned char>(*p); }

// Built in place instead of copied: it is read right afterwards.
void take_plain(std::string_view key, std::string_view value, Arena& arena, Attributes& out) {
  KeyValue& to = out.push_back(arena, {});
  to.key = key;
  bool is_text = value.size() >= 2 && value[0] == 0x0A && byte(value.data() + 1) + 2 == value.size();
  if (!is_text) return decode(value, arena, to.value);
  to.value.type = ValueType::string;
  to.value.text = value.substr(2);
}

// Walks over a message and calls back for the fields of an excerpt.
class Wanted {
 public:
  Wanted(const Excerpt& excerpt, std::uint32_t attributes, std::uint32_t children)
      : keys_(excerpt.keys), fields_(excerpt.fields & ~(Excerpt::field(attributes) | children)) {
    if (excerpt.parts & Parts::attributes) fields_ |= Excerpt::field(attributes), attributes_ = attributes << 3 | 2;
    if (excerpt.parts & Parts::children) fields_ |= children;
  }

  // Calls take(reader) for each field of the excerpt but attributes, which it decodes itself. Fields in the form that SDKs use are
  // skipped after a look at a few bytes.
  template <class Take>
  void each(std::string_view message, Arena& arena, Attributes& attributes, Take take) const {
    const char *p = message.data(), *end = p + message.size();
    while (p != end) {
      PlainAttribute attribute;
      auto left = static_cast<std::size_t>(end - p);
      if (std::size_t size = byte(p) == attributes_ ? attribute.read({p, left}, attributes_) : 0) {
        if (keys_.has(attribute.key)) take_plain(attribute.key, attribute.value, arena, attributes);
        p += size;
      } else if (const char* past = past_other(p, left)) {
        p = past;
      } else {
        Reader reader({p, left});
        if (!reader.next()) return;
        if (is_wanted(reader.field()))
          take(reader);
        else
          reader.skip();
        p += reader.whole().size();
      }
    }
  }

 private:
  bool is_wanted(std::uint32_t field) const { return field >= 32 || (fields_ >> field & 1); }

  // The end of the field at `p` if the excerpt does not have it; null if it does, or if the field has an unusual form.
  const char* past_other(const char* p, std::size_t left) const {
    std::size_t tag = byte(p);
    if (left < 2 || tag >= 0x80 || (fields_ >> (tag >> 3) & 1)) return nullptr;
    std::size_t size = byte(p + 1);
    switch (static_cast<WireType>(tag & 7)) {
      case WireType::bytes: return size < 0x80 && size + 2 <= left ? p + 2 + size : nullptr;
      case WireType::fixed64: return left >= 9 ? p + 9 : nullptr;
      case WireType::varint: return size < 0x80 ? p + 2 : nullptr;
      default: return nullptr;
    }
  }

  const KeySet& keys_;
  std::uint32_t fields_;
  std::uint32_t attributes_ = 0;  // their tag; 0 if the excerpt has none
};

void take_field(Reader& reader, Arena& arena, const Excerpt& excerpt, Span& out) {
  switch (reader.field()) {
    case 1: out.trace_id = TraceId::from(reader.bytes()); break;
    case 2: out.span_id = SpanId::from(reader.bytes()); break;
    case 3: out.trace_state = reader.bytes(); break;
    case 4: out.parent_span_id = SpanId::from(reader.bytes()); break;
    case 5: out.name = reader.bytes(); break;
    case 6: out.kind = static_cast<std::int32_t>(reader.varint()); break;
    case 7: out.start_time_unix_nano = reader.fixed64(); break;
    case 8: out.end_time_unix_nano = reader.fixed64(); break;
    case 9: decode_attribute(reader, arena, out.attributes); break;
    case 10: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
    case 11: out.events.push_back(arena, decode_event(reader.bytes(), arena)); break;
    case 12: out.dropped_events_count = static_cast<std::uint32_t>(reader.varint()); break;
    case 13: out.links.push_back(arena, decode_link(reader.bytes(), arena)); break;
    case 14: out.dropped_links_count = static_cast<std::uint32_t>(reader.varint()); break;
    case 15: decode_status(reader.bytes(), out); break;
    case 16: out.flags = reader.fixed32(); break;
    default: take_unknown(reader, arena, excerpt, out);
  }
}

void take_field(Reader& reader, Arena& arena, const Excerpt& excerpt, LogRecord& out) {
  switch (reader.field()) {
    case 1: out.time_unix_nano = reader.fixed64(); break;
    case 2: out.severity_number = static_cast<std::int32_t>(reader.varint()); break;
    case 3: out.severity_text = reader.bytes(); break;
    case 5: decode(reader.bytes(), arena, out.body); break;
    case 6: decode_attribute(reader, arena, out.attributes); break;
    case 7: out.dropped_attributes_count = static_cast<std::uint32_t>(reader.varint()); break;
    case 8: out.flags = reader.fixed32(); break;
    case 9: out.trace_id = TraceId::from(reader.bytes()); break;
    case 10: out.span_id = SpanId::from(reader.bytes()); break;
    case 11: out.observed_time_unix_nano = reader.fixed64(); break;
    case 12: out.event_name = reader.bytes(); break;
    default: take_unknown(reader, arena, excerpt, out);
  }
}

const Excerpt everything{.parts = Parts::all};

template <class T>
void decode_whole(std::string_view message, Arena& arena, T& out) {
  Reader reader(message);
  while (reader.next()) take_field(reader, arena, everything, out);
}

}  // namespace

void decode(std::string_view message, Arena& arena, Span& out) {
  out.attributes.reserve(arena, 8);
  decode_whole(message, arena, out);
}
void decode(std::string_view message, Arena& arena, LogRecord& out) { decode_whole(message, arena, out); }
void decode(std::string_view message, Arena& arena, Metric& out) { decode(message, arena, out, everything); }

bool decode(std::string_view message, Arena& arena, Span& out, const Excerpt& excerpt) {
  constexpr std::uint32_t head = Excerpt::field(1) | Excerpt::field(2) | Excerpt::field(4) | Excerpt::field(5) | Excerpt::field(6) |
                                 Excerpt::field(7) | Excerpt::field(8);
  if (!(excerpt.fields & head)) message.remove_prefix(static_cast<std::size_t>(SpanHead(message).end - message.data()));
  bool more = false;
  Wanted wanted(excerpt, 9, Excerpt::field(11) | Excerpt::field(13));
  wanted.each(message, arena, out.attributes, [&](Reader& reader) { take_field(reader, arena, excerpt, out), more = true; });
  return more;
}

namespace {

// Fields that the head does not have get their defaults.
void take_head(const SpanHead& head, Span& out) {
  out.trace_id = TraceId::from(head.trace_id);
  out.span_id = SpanId::from(head.span_id);
  out.parent_span_id = SpanId::from(head.parent_span_id);
  out.name = head.name;
  out.kind = head.kind;
  out.start_time_unix_nano = head.start_time_unix_nano;
  out.end_time_unix_nano = head.end_time_unix_nano;
}

void take_attribute_at(std::string_view field, Arena& arena, Attributes& out) {
  PlainAttribute plain;
  if (plain.read(field, 9 << 3 | 2) != 0) return take_plain(plain.key, plain.value, arena, out);
  Reader reader(field);
  if (reader.next()) decode_attribute(reader, arena, out);
}

}  // namespace

bool decode(std::string_view span, Landmarks landmarks, const Guide& guide, Arena& arena, Span& out) {
  if (guide.head) take_head(SpanHead(span), out);
  std::uint16_t status = guide.status ? landmarks.status() : 0;
  if (status != 0) {
    Reader reader(span.substr(status));
    if (reader.next()) decode_status(reader.bytes(), out);
  }
  for (std::size_t slot : guide.slots)
    if (std::uint16_t at = landmarks.attribute(slot)) take_attribute_at(span.substr(at), arena, out.attributes);
  return guide.head || status != 0;
}

bool decode(std::string_view message, Arena& arena, LogRecord& out, const Excerpt& excerpt) {
  bool more = false;
  Wanted wanted(excerpt, 6, 0);
  wanted.each(message, arena, out.attributes, [&](Reader& reader) { take_field(reader, arena, excerpt, out), more = true; });
  return more;
}

bool decode(std::string_view message, Arena& arena, Metric& out, const Excerpt& excerpt) {
  if (excerpt.parts & Parts::children) out.points.reserve(arena, most_points(message));
  Reader reader(message);
  while (reader.next()) {
    if (left_out(reader, excerpt.parts, 12)) continue;
    switch (reader.field()) {
      case 1: out.name = reader.bytes(); break;
      case 2: out.description = reader.bytes(); break;
      case 3: out.unit = reader.bytes(); break;
      case 5:
      case 7:
      case 9:
      case 10:
      case 11: decode_data(reader.bytes(), arena, metric_types[reader.field()], excerpt.parts & Parts::children, out); break;
      case 12: decode_attribute(reader, arena, excerpt.keys, out.metadata); break;
      default: take_unknown(reader, arena, excerpt, out);
    }
  }
  return true;
}

TraceId peek_trace_id(Signal signal, std::string_view item) {
  std::uint32_t field = signal == Signal::traces ? 1 : 9;
  Reader reader(item);
  while (reader.next()) {
    if (reader.field() == field && signal != Signal::metrics) return TraceId::from(reader.bytes());
    reader.skip();
  }
  return {};
}

namespace {

struct PointCount {
  std::size_t last = 0, most = 0;  // points of the last type of data, most points of any type
};

PointCount points_of(std::string_view metric) {
  std::size_t points = 0, most = 0;
  std::uint32_t counted = 0;  // the field whose points are in `points`
  Reader reader(metric);
  while (reader.next()) {
    std::uint32_t field = reader.field();
    if (field >= metric_types.size() || metric_types[field] == MetricType::none) {
      reader.skip();
      continue;
    }
    if (std::exchange(counted, field) != field) points = 0;  // of different types the last counts
    Reader data(reader.bytes());
    while (data.next()) {
      points += data.field() == 1;
      data.skip();
    }
    most = std::max(most, points);
  }
  return {points, most};
}

std::size_t most_points(std::string_view metric) { return points_of(metric).most; }

}  // namespace

std::size_t count_points(std::string_view metric) { return points_of(metric).last; }

}  // namespace weir::otlp

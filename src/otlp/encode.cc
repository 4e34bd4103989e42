// Fields are written last to first (see Writer), so each function reads from the bottom up.
#include <ranges>

#include "base/text.h"
#include "otlp/codec.h"
#include "otlp/repair.h"

namespace weir::otlp {
namespace {

template <class Range, class Write>
void backwards(const Range& range, Write write) {
  for (std::size_t i = range.size(); i-- > 0;) write(range[i]);
}

// What stages made may be no UTF-8; what leaves always is.
void text(std::uint32_t field, std::string_view value, Writer& out) {
  if (valid_utf8(value)) [[likely]]
    return out.bytes(field, value);
  out.bytes(field, repair_utf8(value));
}
void put_text(std::uint32_t field, std::string_view value, Writer& out) {
  if (!value.empty()) text(field, value, out);
}

void encode_unknown(const Unknown& unknown, Writer& out) {
  backwards(unknown, [&](std::string_view field) { out.raw(field); });
}

void encode_attributes(std::uint32_t field, const Attributes& attributes, Writer& out) {
  backwards(attributes, [&](const KeyValue& kv) { encode_attribute(field, kv, out); });
}

void put_id(std::uint32_t field, const auto& id, Writer& out) {
  if (!id.empty()) out.bytes(field, id.view());
}

void encode_event(const Span::Event& event, Writer& out) {
  std::size_t mark = out.size();
  encode_unknown(event.unknown, out);
  out.put_number(4, event.dropped_attributes_count);
  encode_attributes(3, event.attributes, out);
  put_text(2, event.name, out);
  out.put_fixed64(1, event.time_unix_nano);
  out.close(11, mark);
}

void encode_link(const Span::Link& link, Writer& out) {
  std::size_t mark = out.size();
  encode_unknown(link.unknown, out);
  out.put_fixed32(6, link.flags);
  out.put_number(5, link.dropped_attributes_count);
  encode_attributes(4, link.attributes, out);
  put_text(3, link.trace_state, out);
  put_id(2, link.span_id, out);
  put_id(1, link.trace_id, out);
  out.close(13, mark);
}

void encode_number(NumberType type, std::int64_t integer, double real, std::uint32_t real_field, std::uint32_t int_field,
                   Writer& out) {
  if (type == NumberType::integer) out.fixed64(int_field, static_cast<std::uint64_t>(integer));
  if (type == NumberType::real) out.real(real_field, real);
}

void encode_exemplars(std::uint32_t field, const ArenaVector<Exemplar>& exemplars, Writer& out) {
  backwards(exemplars, [&](const Exemplar& e) {
    std::size_t mark = out.size();
    encode_unknown(e.unknown, out);
    encode_attributes(7, e.filtered_attributes, out);
    put_id(5, e.trace_id, out);
    put_id(4, e.span_id, out);
    encode_number(e.type, e.integer, e.real, 3, 6, out);
    out.put_fixed64(2, e.time_unix_nano);
    out.close(field, mark);
  });
}

void encode_optional(std::uint32_t field, bool present, double value, Writer& out) {
  if (present) out.real(field, value);
}

template <class T>
void encode_packed(std::uint32_t field, const ArenaVector<T>& values, Writer& out) {
  if (values.empty()) return;
  out.bytes(field, {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)});
}

void encode_number_point(const DataPoint& p, Writer& out) {
  out.put_number(8, p.flags);
  encode_attributes(7, p.attributes, out);
  encode_exemplars(5, p.exemplars, out);
  encode_number(p.type, p.integer, p.real, 4, 6, out);
  out.put_fixed64(3, p.time_unix_nano);
  out.put_fixed64(2, p.start_time_unix_nano);
}

void encode_histogram_point(const DataPoint& p, Writer& out) {
  encode_optional(12, p.has_max, p.max, out);
  encode_optional(11, p.has_min, p.min, out);
  out.put_number(10, p.flags);
  encode_attributes(9, p.attributes, out);
  encode_exemplars(8, p.exemplars, out);
  encode_packed(7, p.explicit_bounds, out);
  encode_packed(6, p.bucket_counts, out);
  encode_optional(5, p.has_sum, p.sum, out);
  out.put_fixed64(4, p.count);
  out.put_fixed64(3, p.time_unix_nano);
  out.put_fixed64(2, p.start_time_unix_nano);
}

void encode_buckets(std::uint32_t field, const DataPoint::Buckets& buckets, Writer& out) {
  if (!buckets.present) return;
  std::size_t mark = out.size();
  if (!buckets.counts.empty()) {
    std::size_t run = out.size();
    backwards(buckets.counts, [&](std::uint64_t count) { out.varint(count); });
    out.close(2, run);
  }
  out.put_number(1, static_cast<std::uint32_t>(zigzag(buckets.offset)));
  out.close(field, mark);
}

void encode_exponential_point(const DataPoint& p, Writer& out) {
  if (p.zero_threshold != 0) out.real(14, p.zero_threshold);
  encode_optional(13, p.has_max, p.max, out);
  encode_optional(12, p.has_min, p.min, out);
  encode_exemplars(11, p.exemplars, out);
  out.put_number(10, p.flags);
  encode_buckets(9, p.negative, out);
  encode_buckets(8, p.positive, out);
  out.put_fixed64(7, p.zero_count);
  out.put_number(6, static_cast<std::uint32_t>(zigzag(p.scale)));
  encode_optional(5, p.has_sum, p.sum, out);
  out.put_fixed64(4, p.count);
  out.put_fixed64(3, p.time_unix_nano);
  out.put_fixed64(2, p.start_time_unix_nano);
  encode_attributes(1, p.attributes, out);
}

void encode_summary_point(const DataPoint& p, Writer& out) {
  out.put_number(8, p.flags);
  encode_attributes(7, p.attributes, out);
  backwards(p.quantiles, [&](const DataPoint::Quantile& q) {
    std::size_t mark = out.size();
    if (q.value != 0) out.real(2, q.value);
    if (q.quantile != 0) out.real(1, q.quantile);
    out.close(6, mark);
  });
  encode_optional(5, p.has_sum, p.sum, out);
  out.put_fixed64(4, p.count);
  out.put_fixed64(3, p.time_unix_nano);
  out.put_fixed64(2, p.start_time_unix_nano);
}

struct DataForm {
  std::uint32_t field;
  void (*encode_point)(const DataPoint&, Writer&);
};
DataForm data_form(MetricType type) {
  switch (type) {
    case MetricType::gauge: return {5, encode_number_point};
    case MetricType::sum: return {7, encode_number_point};
    case MetricType::histogram: return {9, encode_histogram_point};
    case MetricType::exponential_histogram: return {10, encode_exponential_point};
    case MetricType::summary: return {11, encode_summary_point};
    case MetricType::none: break;
  }
  return {0, nullptr};
}

}  // namespace

void encode(const Value& value, Writer& out) {
  switch (value.type) {
    case ValueType::empty: return;
    case ValueType::string: return text(1, value.text, out);
    case ValueType::boolean: return out.number(2, value.boolean);
    case ValueType::integer: return out.number(3, static_cast<std::uint64_t>(value.integer));
    case ValueType::real: return out.real(4, value.real);
    case ValueType::bytes: return out.bytes(7, value.text);
    case ValueType::array: {
      if (value.raw) return out.bytes(5, value.text);
      std::size_t mark = out.size();
      backwards(*value.items, [&](const Value& item) {
        std::size_t inner = out.size();
        encode(item, out);
        out.close(1, inner);
      });
      return out.close(5, mark);
    }
    case ValueType::map: {
      if (value.raw) return out.bytes(6, value.text);
      std::size_t mark = out.size();
      encode_attributes(1, *value.fields, out);
      return out.close(6, mark);
    }
  }
}

void encode(const Resource& r, Writer& out) {
  encode_unknown(r.unknown, out);
  out.put_number(2, r.dropped_attributes_count);
  encode_attributes(1, r.attributes, out);
}

void encode(const Scope& s, Writer& out) {
  encode_unknown(s.unknown, out);
  out.put_number(4, s.dropped_attributes_count);
  encode_attributes(3, s.attributes, out);
  put_text(2, s.version, out);
  put_text(1, s.name, out);
}

void encode_attribute(std::uint32_t field, const KeyValue& attribute, Writer& out) {
  std::size_t mark = out.size();
  encode(attribute.value, out);
  out.close(2, mark);  // also of an empty value, as the collector does
  put_text(1, attribute.key, out);
  out.close(field, mark);
}

namespace {

void encode_status(const Span& s, Writer& out) {
  if (s.status_code == 0 && s.status_message.empty()) return;
  std::size_t mark = out.size();
  out.put_number(3, static_cast<std::uint64_t>(static_cast<std::int64_t>(s.status_code)));
  put_text(2, s.status_message, out);
  out.close(15, mark);
}

void encode_body(const LogRecord& l, Writer& out) {
  if (l.body.type == ValueType::empty) return;
  std::size_t mark = out.size();
  encode(l.body, out);
  out.close(5, mark);
}

template <class T>
constexpr std::uint32_t last_field = 12;  // log records
template <>
constexpr std::uint32_t last_field<Span> = 16;

[[gnu::always_inline]] inline void field_of(const Span& s, std::uint32_t number, Writer& out) {
  switch (number) {
    case 1: return put_id(1, s.trace_id, out);
    case 2: return put_id(2, s.span_id, out);
    case 3: return put_text(3, s.trace_state, out);
    case 4: return put_id(4, s.parent_span_id, out);
    case 5: return put_text(5, s.name, out);
    case 6: return out.put_number(6, static_cast<std::uint64_t>(static_cast<std::int64_t>(s.kind)));
    case 7: return out.put_fixed64(7, s.start_time_unix_nano);
    case 8: return out.put_fixed64(8, s.end_time_unix_nano);
    case 9: return encode_attributes(9, s.attributes, out);
    case 10: return out.put_number(10, s.dropped_attributes_count);
    case 11: return backwards(s.events, [&](const Span::Event& event) { encode_event(event, out); });
    case 12: return out.put_number(12, s.dropped_events_count);
    case 13: return backwards(s.links, [&](const Span::Link& link) { encode_link(link, out); });
    case 14: return out.put_number(14, s.dropped_links_count);
    case 15: return encode_status(s, out);
    case 16: return out.put_fixed32(16, s.flags);
    default: return;
  }
}

[[gnu::always_inline]] inline void field_of(const LogRecord& l, std::uint32_t number, Writer& out) {
  switch (number) {
    case 1: return out.put_fixed64(1, l.time_unix_nano);
    case 2: return out.put_number(2, static_cast<std::uint64_t>(static_cast<std::int64_t>(l.severity_number)));
    case 3: return put_text(3, l.severity_text, out);
    case 5: return encode_body(l, out);
    case 6: return encode_attributes(6, l.attributes, out);
    case 7: return out.put_number(7, l.dropped_attributes_count);
    case 8: return out.put_fixed32(8, l.flags);
    case 9: return put_id(9, l.trace_id, out);
    case 10: return put_id(10, l.span_id, out);
    case 11: return out.put_fixed64(11, l.observed_time_unix_nano);
    case 12: return put_text(12, l.event_name, out);
    default: return;
  }
}

// Unrolled, so that no field is looked up by its number.
template <class T>
void encode_all_fields(const T& message, Writer& out) {
  encode_unknown(message.unknown, out);
  [&]<std::uint32_t... i>(std::integer_sequence<std::uint32_t, i...>) {
    (field_of(message, last_field<T> - i, out), ...);
  }(std::make_integer_sequence<std::uint32_t, last_field<T>>());
}

}  // namespace

void encode_field(const Span& span, std::uint32_t number, Writer& out) { field_of(span, number, out); }
void encode_field(const LogRecord& record, std::uint32_t number, Writer& out) { field_of(record, number, out); }
void encode(const Span& span, Writer& out) { encode_all_fields(span, out); }
void encode(const LogRecord& record, Writer& out) { encode_all_fields(record, out); }

void encode(const Metric& m, Writer& out) {
  encode_unknown(m.unknown, out);
  encode_attributes(12, m.metadata, out);
  if (DataForm form = data_form(m.type); form.field != 0) {
    std::size_t mark = out.size();
    if (m.type == MetricType::sum) out.put_number(3, m.is_monotonic);
    if (m.type != MetricType::gauge && m.type != MetricType::summary)
      out.put_number(2, static_cast<std::uint64_t>(m.temporality));
    backwards(m.points, [&](const DataPoint& point) {
      std::size_t inner = out.size();
      encode_unknown(point.unknown, out);
      form.encode_point(point, out);
      out.close(1, inner);
    });
    out.close(form.field, mark);
  }
  put_text(3, m.unit, out);
  put_text(2, m.description, out);
  put_text(1, m.name, out);
}

}  // namespace weir::otlp

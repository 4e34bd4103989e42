// How large messages become, counted as encode() writes them, with the longest form of every number and length.
#include "otlp/codec.h"

namespace weir::otlp {
namespace {

constexpr std::size_t length = 11;  // a tag of up to two bytes, and a length or number

template <class Range, class Size>
std::size_t sum(const Range& range, Size size) {
  std::size_t out = 0;
  for (auto& element : range) out += size(element);
  return out;
}

std::size_t size_of(const Unknown& unknown) {
  return sum(unknown, [](std::string_view field) { return field.size(); });
}

std::size_t size_of(const Attributes& attributes) {
  return sum(attributes, [](const KeyValue& kv) { return 3 * length + kv.key.size() + encoded_size_at_most(kv.value); });
}

std::size_t size_of(const Span::Event& event) { return 5 * length + event.name.size() + size_of(event.attributes) + size_of(event.unknown); }
std::size_t size_of(const Span::Link& link) { return 7 * length + 24 + link.trace_state.size() + size_of(link.attributes) + size_of(link.unknown); }
std::size_t size_of(const Exemplar& exemplar) { return 6 * length + 24 + size_of(exemplar.filtered_attributes) + size_of(exemplar.unknown); }

std::size_t size_of(const DataPoint& point) {
  return 20 * length + size_of(point.attributes) + sum(point.exemplars, [](auto& exemplar) { return size_of(exemplar); }) + size_of(point.unknown) +
         8 * (point.bucket_counts.size() + point.explicit_bounds.size()) + 10 * (point.positive.counts.size() + point.negative.counts.size()) +
         3 * length * point.quantiles.size();
}

}  // namespace

std::size_t encoded_size_at_most(const Value& value) {
  switch (value.type) {
    case ValueType::string:
    case ValueType::bytes: return length + value.text.size();
    case ValueType::array:
      if (value.raw) return length + value.text.size();
      return length + sum(*value.items, [](const Value& item) { return length + encoded_size_at_most(item); });
    case ValueType::map: return length + (value.raw ? value.text.size() : size_of(*value.fields));
    default: return length;
  }
}

std::size_t encoded_size_at_most(const Resource& r) { return length + size_of(r.attributes) + size_of(r.unknown); }

std::size_t encoded_size_at_most(const Scope& s) { return 3 * length + s.name.size() + s.version.size() + size_of(s.attributes) + size_of(s.unknown); }

std::size_t encoded_size_at_most(const Span& s) {
  return 18 * length + 32 + s.trace_state.size() + s.name.size() + s.status_message.size() + size_of(s.attributes) +
         sum(s.events, [](auto& event) { return size_of(event); }) + sum(s.links, [](auto& link) { return size_of(link); }) + size_of(s.unknown);
}

std::size_t encoded_size_at_most(const LogRecord& l) {
  return 12 * length + 24 + l.severity_text.size() + l.event_name.size() + encoded_size_at_most(l.body) + size_of(l.attributes) + size_of(l.unknown);
}

std::size_t head_size_at_most(const Metric& m) {
  return 7 * length + m.name.size() + m.description.size() + m.unit.size() + size_of(m.metadata) + size_of(m.unknown);
}

std::size_t encoded_size_at_most(const Metric& m) { return head_size_at_most(m) + sum(m.points, [](auto& point) { return size_of(point); }); }

}  // namespace weir::otlp

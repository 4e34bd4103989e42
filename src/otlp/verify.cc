#include "otlp/verify.h"

#include "base/text.h"
#include "otlp/batch.h"
#include "otlp/span_view.h"

namespace weir::otlp {
namespace {

// What a field of a known message must look like. `message` entries name the table row of the nested message.
enum class Kind : std::uint8_t { unknown, varint, fixed64, fixed32, text, bytes, trace_id, span_id, message, packed8, packed_varint };

struct Field {
  Kind kind = Kind::unknown;
  std::uint8_t message = 0;
};

enum MessageId : std::uint8_t {
  opaque,
  any_value,
  array_value,
  key_value_list,
  key_value,
  resource,
  scope,
  request_traces,
  resource_spans,
  scope_spans,
  span,
  event,
  link,
  status,
  request_logs,
  resource_logs,
  scope_logs,
  log_record,
  request_metrics,
  resource_metrics,
  scope_metrics,
  metric,
  gauge,
  sum,
  number_point,
  histogram,
  histogram_point,
  exponential_histogram,
  exponential_point,
  buckets,
  summary,
  summary_point,
  quantile,
  exemplar,
  request_profiles,
  resource_profiles,
  scope_profiles,
  profile,
  message_count
};

struct Descriptor {
  std::string_view name;
  bool counts = false;  // one of these is an item
  std::array<Field, 17> fields{};
  std::uint32_t cost = 0;  // Cost::bytes of one without what is nested in it
  bool unit = false;       // see Cost::ordinary_unit()
};

// An element of an ArenaVector: what is outgrown stays behind, and there is room for four from the start.
template <class T>
constexpr std::uint32_t listed = 4 * sizeof(T);
// An element of a std::vector, while it is moved.
template <class T>
constexpr std::uint32_t moved = 3 * sizeof(T);
constexpr std::uint32_t unknown_cost = listed<std::string_view>;
constexpr std::uint32_t attribute_cost = listed<KeyValue>;
constexpr std::uint32_t number_cost = listed<std::uint64_t>;  // in a list

constexpr Field varint{Kind::varint}, fixed64{Kind::fixed64}, fixed32{Kind::fixed32}, text{Kind::text}, bytes{Kind::bytes},
    trace_id{Kind::trace_id}, span_id{Kind::span_id}, packed8{Kind::packed8}, packed_varint{Kind::packed_varint}, none{};
constexpr Field of(MessageId m) { return {Kind::message, m}; }

// Indexed by MessageId; fields by number. From opentelemetry-proto 1.x.
constexpr auto table = [] {
  std::array<Descriptor, message_count> t{};
  t[opaque] = {"message", false, {}};
  t[any_value] = {"AnyValue", false, {none, text, varint, varint, fixed64, of(array_value), of(key_value_list), bytes, varint}};
  t[array_value] = {"ArrayValue", false, {none, of(any_value)}};
  t[key_value_list] = {"KeyValueList", false, {none, of(key_value)}};
  t[key_value] = {"KeyValue", false, {none, text, of(any_value), varint}};
  t[resource] = {"Resource", false, {none, of(key_value), varint}};
  t[scope] = {"InstrumentationScope", false, {none, text, text, of(key_value), varint}};
  t[request_traces] = {"ExportTraceServiceRequest", false, {none, of(resource_spans)}};
  t[resource_spans] = {"ResourceSpans", false, {none, of(resource), of(scope_spans), text}};
  t[scope_spans] = {"ScopeSpans", false, {none, of(scope), of(span), text}};
  t[span] = {"Span", true, {none, trace_id, span_id, text, span_id, text, varint, fixed64, fixed64, of(key_value), varint, of(event), varint, of(link), varint, of(status), fixed32}};
  t[event] = {"Span.Event", false, {none, fixed64, text, of(key_value), varint}};
  t[link] = {"Span.Link", false, {none, trace_id, span_id, text, of(key_value), varint, fixed32}};
  t[status] = {"Status", false, {none, none, text, varint}};
  t[request_logs] = {"ExportLogsServiceRequest", false, {none, of(resource_logs)}};
  t[resource_logs] = {"ResourceLogs", false, {none, of(resource), of(scope_logs), text}};
  t[scope_logs] = {"ScopeLogs", false, {none, of(scope), of(log_record), text}};
  t[log_record] = {"LogRecord", true, {none, fixed64, varint, text, none, of(any_value), of(key_value), varint, fixed32, trace_id, span_id, fixed64, text}};
  t[request_metrics] = {"ExportMetricsServiceRequest", false, {none, of(resource_metrics)}};
  t[resource_metrics] = {"ResourceMetrics", false, {none, of(resource), of(scope_metrics), text}};
  t[scope_metrics] = {"ScopeMetrics", false, {none, of(scope), of(metric), text}};
  t[metric] = {"Metric", false, {none, text, text, text, none, of(gauge), none, of(sum), none, of(histogram), of(exponential_histogram), of(summary), of(key_value)}};
  t[gauge] = {"Gauge", false, {none, of(number_point)}};
  t[sum] = {"Sum", false, {none, of(number_point), varint, varint}};
  t[number_point] = {"NumberDataPoint", true, {none, none, fixed64, fixed64, fixed64, of(exemplar), fixed64, of(key_value), varint}};
  t[histogram] = {"Histogram", false, {none, of(histogram_point), varint}};
  t[histogram_point] = {"HistogramDataPoint", true, {none, none, fixed64, fixed64, fixed64, fixed64, packed8, packed8, of(exemplar), of(key_value), varint, fixed64, fixed64}};
  t[exponential_histogram] = {"ExponentialHistogram", false, {none, of(exponential_point), varint}};
  t[exponential_point] = {"ExponentialHistogramDataPoint", true, {none, of(key_value), fixed64, fixed64, fixed64, fixed64, varint, fixed64, of(buckets), of(buckets), varint, of(exemplar), fixed64, fixed64, fixed64}};
  t[buckets] = {"Buckets", false, {none, varint, packed_varint}};
  t[summary] = {"Summary", false, {none, of(summary_point)}};
  t[summary_point] = {"SummaryDataPoint", true, {none, none, fixed64, fixed64, fixed64, fixed64, of(quantile), of(key_value), varint}};
  t[quantile] = {"ValueAtQuantile", false, {none, fixed64, fixed64}};
  t[exemplar] = {"Exemplar", false, {none, none, fixed64, fixed64, span_id, trace_id, fixed64, of(key_value)}};
  t[request_profiles] = {"ExportProfilesServiceRequest", false, {none, of(resource_profiles), of(opaque)}};
  t[resource_profiles] = {"ResourceProfiles", false, {none, of(resource), of(scope_profiles), text}};
  t[scope_profiles] = {"ScopeProfiles", false, {none, of(scope), of(profile), text}};
  t[profile] = {"Profile", true, {}};

  for (auto group : {resource_spans, resource_logs, resource_metrics, resource_profiles}) t[group].cost = moved<ResourceGroup>;
  for (auto group : {scope_spans, scope_logs, scope_metrics, scope_profiles}) t[group].cost = moved<ScopeGroup>;
  t[resource].cost = sizeof(Resource);
  t[scope].cost = sizeof(Scope);
  t[any_value].cost = listed<Value>;
  t[key_value].cost = attribute_cost;
  t[array_value].cost = sizeof(Array);
  t[key_value_list].cost = sizeof(Attributes);
  t[span].cost = moved<Item> + sizeof(Span) + 8 * sizeof(KeyValue);
  t[event].cost = listed<Span::Event>;
  t[link].cost = listed<Span::Link>;
  t[log_record].cost = moved<Item> + sizeof(LogRecord);
  t[metric].cost = moved<Item> + sizeof(Metric);
  for (auto point : {number_point, histogram_point, exponential_point, summary_point}) t[point].cost = sizeof(DataPoint);
  t[quantile].cost = listed<DataPoint::Quantile>;
  t[exemplar].cost = listed<Exemplar>;
  t[profile].cost = moved<Item>;
  for (auto unit : {resource, scope, span, log_record, metric}) t[unit].unit = true;
  return t;
}();

template <class T>
inline T load(const char* p) {
  T out;
  std::memcpy(&out, p, sizeof out);
  return out;
}

// In large steps, the last of which overlaps the one before.
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

// The commonest attribute by far: a key and a value of one text, integer, boolean or double, each shorter than 128 bytes
// and in field order. False: look closer.
[[gnu::always_inline]] inline bool is_plain_key_value(const char* p, const char* end) {
  auto size = static_cast<std::size_t>(end - p);
  if (size < 6 || p[0] != 0x0a) return false;
  std::size_t key = byte_at(p + 1);
  if (key >= 0x80 || size < key + 6) return false;
  const char* value = p + 4 + key;
  auto value_size = static_cast<std::size_t>(end - value);
  if (value[-2] != 0x12 || value_size >= 0x80 || byte_at(value - 1) != value_size) return false;
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
    const Descriptor& type = table[id];
    items += type.counts;
    const std::size_t cost_before = cost.bytes, items_before = items;
    cost.bytes += type.cost;
    if (id == opaque || id == profile) return true;
    if (id == key_value && is_plain_key_value(p, end)) return true;
    const char* begin = p;
    if (id == span && landmarks_ != nullptr && !landmarks_->begin(p)) landmarks_ = nullptr;
    std::size_t data_items = 0;  // of a metric's data, and the field it is in: the last kind of data counts
    std::uint32_t data_field = 0;
    while (p != end) {
      if (id == span && (p = past_plain_span_fields(p, end, begin)) == end) break;
      const char* whole = p;
      std::uint64_t tag = byte_at(p++);
      if (tag >= 0x80 && !long_tag(p, end, tag)) return bad(type, 0, cut);
      auto number = static_cast<std::uint32_t>(tag >> 3);
      if (number == 0) return bad(type, 0, cut);
      Field field = number < type.fields.size() ? type.fields[number] : none;
      std::size_t before = items;
      p = value(field, static_cast<WireType>(tag & 7), p, end, depth);
      if (p == nullptr) return where.empty() ? bad(type, number, why) : false;
      if (id == span && landmarks_ != nullptr) note_field(number, {whole, static_cast<std::size_t>(p - whole)});
      if (id == metric && number < 12 && field.kind == Kind::message) {
        std::size_t added = items - before;
        if (std::exchange(data_field, number) != number) items -= std::exchange(data_items, 0);
        data_items += added;
      }
    }
    if (type.unit) end_unit(cost.bytes - cost_before, items - items_before, static_cast<std::size_t>(end - begin));
    return true;
  }

  std::size_t items = 0;
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

  // Past those fields of a span that stand here in the form and order in which SDKs send them.
  const char* past_plain_span_fields(const char* p, const char* end, const char* begin) {
    SpanHead head({p, static_cast<std::size_t>(end - p)});
    if (!is_text(head.name.data(), head.name.size())) return p;
    if (landmarks_ != nullptr && p != begin && head.end != p) landmarks_->disorder();
    p = head.end;
    auto is_attribute = [&] {
      auto left = static_cast<std::size_t>(end - p);
      return left >= 2 && byte_at(p) == 0x4a && byte_at(p + 1) < 0x80 && left >= 2u + byte_at(p + 1);
    };
    std::size_t attributes = 0;
    for (std::size_t size; is_attribute() && is_plain_key_value(p + 2, p + 2 + (size = byte_at(p + 1))); p += 2 + size, ++attributes)
      if (landmarks_ != nullptr) landmarks_->attribute(p, {p + 4, byte_at(p + 3)});
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

  bool bad(const Descriptor& type, std::uint32_t number, std::string_view reason) {
    where = fmt::format("{} field {}", type.name, number);
    why = reason;
    return false;
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

  // Past the field's value, null when it is not what it should be.
  const char* value(Field field, WireType type, const char* p, const char* end, int depth) {
    if (field.kind == Kind::unknown) unknown += unknown_cost;
    if (field.kind == Kind::packed8 || field.kind == Kind::packed_varint) cost.bytes += number_cost;
    switch (type) {
      case WireType::varint:
        if (field.kind != Kind::varint && field.kind != Kind::unknown && field.kind != Kind::packed_varint) return wrong(wire_type);
        p = past_varint(p, end);
        return p ? p : wrong(cut);
      case WireType::fixed64:
        if (field.kind != Kind::fixed64 && field.kind != Kind::unknown && field.kind != Kind::packed8) return wrong(wire_type);
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

  // What stands in a length-delimited field.
  bool content(Field field, const char* p, const char* end, int depth) {
    auto size = static_cast<std::size_t>(end - p);
    switch (field.kind) {
      case Kind::unknown:
      case Kind::bytes: return true;
      case Kind::text: return is_text(p, size) || wrong("text is not valid UTF-8");
      case Kind::trace_id: return size == 16 || size == 0 || wrong("a trace id has 16 bytes");
      case Kind::span_id: return size == 8 || size == 0 || wrong("a span id has 8 bytes");
      case Kind::message: {
        if (depth == 0) return wrong("values are nested too deep");
        auto next = static_cast<MessageId>(field.message);
        return walk(next, p, end, next == any_value ? depth - 1 : depth);
      }
      case Kind::packed8: cost.bytes += size / 8 * number_cost; return size % 8 == 0 || wrong("packed doubles are cut short");
      case Kind::packed_varint:
        cost.bytes += size * number_cost;
        while (p != nullptr && p != end) p = past_varint(p, end);
        return p == end || wrong("packed numbers are cut short");
      default: return wrong(wire_type);
    }
  }

  LandmarkWriter* landmarks_;
};

}  // namespace

Result<Extent> verify(Signal signal, std::string_view request, const Sought* sought) {
  constexpr std::array roots = {request_traces, request_metrics, request_logs, request_profiles};
  std::optional<LandmarkWriter> landmarks;
  if (sought != nullptr && signal == Signal::traces) landmarks.emplace(*sought, std::max<std::size_t>(4096, request.size() / 4));
  Walker walker(landmarks ? &*landmarks : nullptr);
  if (!walker.walk(roots[static_cast<std::size_t>(signal)], request.data(), request.data() + request.size(), max_value_depth))
    return fail(Errc::invalid, "{}: {}", walker.where, walker.why);
  walker.cost.bytes += walker.unknown;
  walker.cost.largest += walker.unknown;  // they may all stand in one message
  walker.cost.bytes += request.size();  // room that scopes keep for items, see reserve_items()
  walker.cost.dense |= walker.cost.bytes > Cost::ordinary(walker.items, request.size()) + Cost::ordinary(1, 0);
  return Extent{walker.items, landmarks ? landmarks->finish() : std::string(), walker.cost};
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

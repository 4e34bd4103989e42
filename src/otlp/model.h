#pragma once
// Decoded OTLP messages. Text is a view into the request's bytes or the batch's arena; everything here lives in an
// arena and dies with its batch. Field names are those of opentelemetry-proto 1.x.
#include <array>
#include <string_view>

#include "base/arena.h"

namespace weir::otlp {

enum class Signal : std::uint8_t { traces, metrics, logs, profiles };
inline constexpr std::array<Signal, 4> all_signals = {Signal::traces, Signal::metrics, Signal::logs, Signal::profiles};
constexpr std::string_view to_string(Signal s) {
  constexpr std::array<std::string_view, 4> names = {"traces", "metrics", "logs", "profiles"};
  return names[static_cast<std::size_t>(s)];
}
// The word self-metrics use for the items of a signal: otelcol_receiver_accepted_<this>.
constexpr std::string_view items_name(Signal s) {
  constexpr std::array<std::string_view, 4> names = {"spans", "metric_points", "log_records", "profile_samples"};
  return names[static_cast<std::size_t>(s)];
}

template <std::size_t N>
struct Id {
  std::array<unsigned char, N> bytes{};
  bool operator==(const Id&) const = default;
  auto operator<=>(const Id&) const = default;
  bool empty() const { return *this == Id{}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }
  // Zero when `raw` is not exactly N bytes.
  static Id from(std::string_view raw) {
    Id id;
    if (raw.size() == N) std::memcpy(id.bytes.data(), raw.data(), N);
    return id;
  }
};
using TraceId = Id<16>;
using SpanId = Id<8>;

// Raw `tag value` slices of fields this program does not know; sent on as they came.
using Unknown = ArenaVector<std::string_view>;

enum class ValueType : std::uint8_t { empty, string, boolean, integer, real, bytes, array, map };

class Attributes;
struct Array;

// AnyValue. Arrays and maps stay raw message bytes until somebody looks inside.
struct Value {
  ValueType type = ValueType::empty;
  bool raw = false;  // array and map only: `text` is the undecoded ArrayValue / KeyValueList
  union {
    std::string_view text{};  // string, bytes, raw
    bool boolean;
    std::int64_t integer;
    double real;
    Array* items;
    Attributes* fields;
  };

  static Value of(std::string_view v) { return {.type = ValueType::string, .text = v}; }
  static Value of(bool v) {
    Value out{.type = ValueType::boolean};
    out.boolean = v;
    return out;
  }
  static Value of(std::int64_t v) {
    Value out{.type = ValueType::integer};
    out.integer = v;
    return out;
  }
  static Value of(double v) {
    Value out{.type = ValueType::real};
    out.real = v;
    return out;
  }
  static Value of_bytes(std::string_view v) { return {.type = ValueType::bytes, .text = v}; }
  static Value of(Array* v) {
    Value out{.type = ValueType::array};
    out.items = v;
    return out;
  }
  static Value of(Attributes* v) {
    Value out{.type = ValueType::map};
    out.fields = v;
    return out;
  }
  static Value of(const char*) = delete;  // would be a bool

  bool is(ValueType t) const { return type == t; }
  // Decodes in place when raw. Only for type array / map.
  Array& array(Arena& arena);
  Attributes& map(Arena& arena);
  // Same value, all of whose text and children live in `arena`.
  Value deep_copy(Arena& arena) const;
};

// As opentelemetry-go prints it (AsString): text as is, numbers in Go's shortest form, bytes as base64, arrays and maps
// as JSON, empty as "".
std::string to_text(const Value& value);
// Same type and content. Arrays in order, maps regardless of order.
bool equal(const Value& a, const Value& b);

struct KeyValue {
  std::string_view key;
  Value value;
};

// A list of key-values in order of arrival. Keys are meant to be unique; where a sender repeated one, the first counts.
class Attributes : public ArenaVector<KeyValue> {
 public:
  Value* find(std::string_view key) {
    for (auto& kv : *this)
      if (kv.key == key) return &kv.value;
    return nullptr;
  }
  const Value* find(std::string_view key) const { return const_cast<Attributes*>(this)->find(key); }
  // Neither `key` nor the value's text is copied: both must outlive the batch or live in its arena.
  void set(Arena& arena, std::string_view key, const Value& value) {
    if (Value* there = find(key))
      *there = value;
    else
      push_back(arena, {key, value});
  }
  // The last entry takes the place of what goes, as in the Go collector: later statements may ask for the first entries.
  bool remove(std::string_view key) {
    std::size_t before = size();
    for (std::size_t i = 0; i < size();) {
      if ((*this)[i].key != key) {
        ++i;
        continue;
      }
      (*this)[i] = back();
      pop_back();
    }
    return size() != before;
  }
};

struct Array : ArenaVector<Value> {};

struct Resource {
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
  Unknown unknown;
};

struct Scope {
  std::string_view name, version;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
  Unknown unknown;
};

struct Span {
  struct Event {
    std::uint64_t time_unix_nano = 0;
    std::string_view name;
    Attributes attributes;
    std::uint32_t dropped_attributes_count = 0;
    Unknown unknown;
  };
  struct Link {
    TraceId trace_id;
    SpanId span_id;
    std::string_view trace_state;
    Attributes attributes;
    std::uint32_t dropped_attributes_count = 0;
    std::uint32_t flags = 0;
    Unknown unknown;
  };
  enum Kind : std::int32_t { unspecified, internal, server, client, producer, consumer };
  enum StatusCode : std::int32_t { unset, ok, error };

  TraceId trace_id;
  SpanId span_id, parent_span_id;
  std::string_view trace_state, name;
  std::int32_t kind = 0;
  std::uint32_t flags = 0;
  std::uint64_t start_time_unix_nano = 0, end_time_unix_nano = 0;
  Attributes attributes;
  ArenaVector<Event> events;
  ArenaVector<Link> links;
  std::uint32_t dropped_attributes_count = 0, dropped_events_count = 0, dropped_links_count = 0;
  std::int32_t status_code = 0;
  std::string_view status_message;
  Unknown unknown;
};

struct LogRecord {
  std::uint64_t time_unix_nano = 0, observed_time_unix_nano = 0;
  std::int32_t severity_number = 0;
  std::uint32_t flags = 0;
  std::string_view severity_text, event_name;
  Value body;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
  TraceId trace_id;
  SpanId span_id;
  Unknown unknown;
};

enum class MetricType : std::uint8_t { none, gauge, sum, histogram, exponential_histogram, summary };
enum class Temporality : std::int32_t { unspecified, delta, cumulative };
enum class NumberType : std::uint8_t { none, integer, real };

struct Exemplar {
  std::uint64_t time_unix_nano = 0;
  NumberType type = NumberType::none;
  std::int64_t integer = 0;
  double real = 0;
  TraceId trace_id;
  SpanId span_id;
  Attributes filtered_attributes;
  Unknown unknown;
};

// One point of any metric type; which fields mean something follows from the metric's type.
struct DataPoint {
  struct Buckets {  // exponential histogram
    std::int32_t offset = 0;
    ArenaVector<std::uint64_t> counts;
    bool present = false;
  };
  struct Quantile {
    double quantile = 0, value = 0;
  };

  Attributes attributes;
  std::uint64_t start_time_unix_nano = 0, time_unix_nano = 0;
  std::uint32_t flags = 0;
  ArenaVector<Exemplar> exemplars;
  Unknown unknown;

  NumberType type = NumberType::none;  // gauge, sum
  std::int64_t integer = 0;
  double real = 0;

  std::uint64_t count = 0;  // histograms, summary
  bool has_sum = false, has_min = false, has_max = false;
  double sum = 0, min = 0, max = 0;
  ArenaVector<std::uint64_t> bucket_counts;
  ArenaVector<double> explicit_bounds;

  std::int32_t scale = 0;
  std::uint64_t zero_count = 0;
  double zero_threshold = 0;
  Buckets positive, negative;

  ArenaVector<Quantile> quantiles;
};

struct Metric {
  std::string_view name, description, unit;
  Attributes metadata;
  MetricType type = MetricType::none;
  Temporality temporality = Temporality::unspecified;  // sum and histograms
  bool is_monotonic = false;                           // sum
  ArenaVector<DataPoint> points;
  Unknown unknown;
};

// The message type of a signal's items.
template <Signal S>
struct ItemOf;
template <>
struct ItemOf<Signal::traces> {
  using type = Span;
};
template <>
struct ItemOf<Signal::metrics> {
  using type = Metric;
};
template <>
struct ItemOf<Signal::logs> {
  using type = LogRecord;
};

}  // namespace weir::otlp

template <std::size_t N>
struct std::hash<weir::otlp::Id<N>> {
  std::size_t operator()(const weir::otlp::Id<N>& id) const noexcept {
    std::uint64_t word;  // ids are random; the last eight bytes are in every SDK
    std::memcpy(&word, id.bytes.data() + N - 8, 8);
    return word * 0x9e3779b97f4a7c15ULL;
  }
};

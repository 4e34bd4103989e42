#include "weir/own_batches.h"

#include "weir/version.h"

namespace weir::app {
namespace {

using otlp::Attributes;
using otlp::Batch;
using otlp::Signal;
using otlp::Value;
using telemetry::Family;
using telemetry::Sample;

// A batch with one resource and one scope, to be filled through `items`.
class Builder {
 public:
  Builder(Signal signal, const OwnResource& about) : batch_(signal), arena(batch_.arena()) {
    auto* resource = arena.make<otlp::Resource>();
    for (auto& [key, value] : about) set(resource->attributes, key, value);
    auto* scope = arena.make<otlp::Scope>();
    scope->name = "weir";
    scope->version = version;
    auto& group = batch_.groups().emplace_back();
    group.resource = otlp::Lazy<otlp::Resource>(resource);
    group.scopes.emplace_back().scope = otlp::Lazy<otlp::Scope>(scope);
  }

  void set(Attributes& attributes, std::string_view key, std::string_view value) {
    attributes.set(arena, arena.copy(key), Value::of(arena.copy(value)));
  }
  template <class T>
  void add(T* item, std::size_t points = 1) {
    batch_.groups().front().scopes.front().items.push_back(otlp::Item::of(item, static_cast<std::uint32_t>(points)));
  }
  // `about_bytes`: the size of one item on the wire, roughly.
  Batch finish(std::size_t about_bytes) {
    batch_.prune();
    batch_.set_bytes(batch_.items() * about_bytes);
    return std::move(batch_);
  }

 private:
  Batch batch_;

 public:
  Arena& arena;
};

const Sample* find(const Family* family, const telemetry::Labels& labels) {
  if (family == nullptr) return nullptr;
  auto at = std::find_if(family->samples.begin(), family->samples.end(), [&](auto& s) { return s.labels == labels; });
  return at == family->samples.end() ? nullptr : &*at;
}

void fill_number(otlp::DataPoint& point, double value) {
  auto whole = static_cast<std::int64_t>(std::clamp(value, -9e15, 9e15));
  point.type = static_cast<double>(whole) == value ? otlp::NumberType::integer : otlp::NumberType::real;
  point.integer = whole;
  point.real = value;
}

void fill_histogram(otlp::DataPoint& point, const Sample& sample, const Sample* before, Arena& arena) {
  point.has_sum = true;
  point.sum = sample.sum - (before ? before->sum : 0);
  for (std::size_t i = 0; i < sample.counts.size(); ++i) {
    std::uint64_t n = sample.counts[i] - (before && i < before->counts.size() ? before->counts[i] : 0);
    point.count += n;
    point.bucket_counts.push_back(arena, n);
  }
  for (double bound : sample.bounds) point.explicit_bounds.push_back(arena, bound);
}

otlp::MetricType type_of(telemetry::Type type) {
  switch (type) {
    case telemetry::Type::counter: return otlp::MetricType::sum;
    case telemetry::Type::gauge: return otlp::MetricType::gauge;
    case telemetry::Type::histogram: return otlp::MetricType::histogram;
  }
  return otlp::MetricType::none;
}

std::int32_t severity(log::Level level) {
  constexpr std::array<std::int32_t, 4> numbers = {5, 9, 13, 17};
  return numbers[static_cast<std::size_t>(level)];
}

template <std::size_t N>
otlp::Id<N> random_id(Rng& rng) {
  otlp::Id<N> id;
  for (std::size_t i = 0; i < N; i += 8) {
    std::uint64_t word = rng.next() | 1;  // never all zero
    std::memcpy(id.bytes.data() + i, &word, 8);
  }
  return id;
}

}  // namespace

Batch metrics_batch(std::span<const Family> families, std::span<const Family> previous, const OwnResource& resource,
                    UnixNanos since, UnixNanos now) {
  Builder out(Signal::metrics, resource);
  for (auto& family : families) {
    if (family.samples.empty()) continue;
    bool gauge = family.type == telemetry::Type::gauge;
    auto old = std::find_if(previous.begin(), previous.end(), [&](auto& f) { return f.name == family.name; });
    const Family* before = gauge || old == previous.end() ? nullptr : &*old;
    auto* metric = out.arena.make<otlp::Metric>();
    metric->name = out.arena.copy(family.name);
    metric->description = out.arena.copy(family.help);
    metric->unit = out.arena.copy(family.unit);
    metric->type = type_of(family.type);
    if (!gauge) metric->temporality = previous.empty() ? otlp::Temporality::cumulative : otlp::Temporality::delta;
    metric->is_monotonic = family.type == telemetry::Type::counter;
    for (auto& sample : family.samples) {
      otlp::DataPoint& point = metric->points.push_back(out.arena, {});
      for (auto& [key, value] : sample.labels) out.set(point.attributes, key, value);
      point.start_time_unix_nano = gauge ? 0 : since;
      point.time_unix_nano = now;
      const Sample* last = find(before, sample.labels);
      if (family.type == telemetry::Type::histogram)
        fill_histogram(point, sample, last, out.arena);
      else
        fill_number(point, sample.value - (last ? last->value : 0));
    }
    out.add(metric, metric->points.size());
  }
  return out.finish(100);
}

Batch logs_batch(std::span<const log::Record> records, const OwnResource& resource) {
  constexpr std::array<std::string_view, 4> names = {"debug", "info", "warn", "error"};
  Builder out(Signal::logs, resource);
  for (auto& record : records) {
    auto* item = out.arena.make<otlp::LogRecord>();
    item->time_unix_nano = item->observed_time_unix_nano = record.time;
    item->severity_number = severity(record.level);
    item->severity_text = names[static_cast<std::size_t>(record.level)];
    item->body = Value::of(out.arena.copy(record.message));
    for (auto& [key, value] : record.fields) out.set(item->attributes, key, value);
    out.add(item);
  }
  return out.finish(200);
}

Batch spans_batch(std::span<const telemetry::OwnSpan> spans, const OwnResource& resource, Rng& rng) {
  Builder out(Signal::traces, resource);
  for (auto& span : spans) {
    auto* item = out.arena.make<otlp::Span>();
    item->trace_id = random_id<16>(rng);
    item->span_id = random_id<8>(rng);
    item->name = out.arena.copy(span.name);
    item->kind = otlp::Span::internal;
    item->start_time_unix_nano = span.start;
    item->end_time_unix_nano = span.end;
    for (auto& a : span.attributes)
      item->attributes.set(out.arena, out.arena.copy(a.key), a.is_number ? Value::of(a.number) : Value::of(out.arena.copy(a.text)));
    if (!span.error.empty()) {
      item->status_code = otlp::Span::error;
      item->status_message = out.arena.copy(span.error);
    }
    out.add(item);
  }
  return out.finish(200);
}

}  // namespace weir::app

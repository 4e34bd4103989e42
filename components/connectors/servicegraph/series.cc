#include "components/connectors/servicegraph/series.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::connectors::servicegraph {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::Value;

// A key holds all labels: a byte for the small ones, then client, server and dimensions, each with its length in front
// (dimensions with a byte before that: present or not). The empty key is the series for what is over the limit.
constexpr std::string_view overflow_key = "";

void put(std::string& key, std::string_view text) {
  auto size = static_cast<std::uint32_t>(text.size());
  key.append(reinterpret_cast<const char*>(&size), sizeof size);
  key.append(text);
}

std::string_view take(std::string_view& key) {
  std::uint32_t size;
  std::memcpy(&size, key.data(), sizeof size);
  std::string_view text = key.substr(sizeof size, size);
  key.remove_prefix(sizeof size + size);
  return text;
}

std::uint8_t small_labels(const Edge& edge) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(edge.connection) | static_cast<unsigned>(edge.virtual_node) << 2 | unsigned{edge.failed} << 4);
}

}  // namespace

Shape::Shape(const Config& config, const Budget& memory, std::uint64_t hash_seed)
    : bounds(config.bounds()),
      exponential_size(static_cast<std::uint32_t>(config.exponential_histogram_max_size)),
      virtual_node_label(config.virtual_node_extra_label),
      limit(config.aggregation_cardinality_limit),
      budget(memory),
      seed(hash_seed),
      row_bytes(SeriesTable::row_size + 2 * sizeof(std::uint64_t) * (bounds ? bounds->size() + 1 : histograms::Exponential(exponential_size).size())) {
  for (auto& name : config.dimensions) labels.push_back("client_" + name), labels.push_back("server_" + name);
}

Latency::Latency(const Shape& shape) : numbers_(histograms::Exponential(shape.exponential_size)) {
  if (shape.bounds) numbers_ = Explicit{.buckets = std::vector<std::uint64_t>(shape.bounds->size() + 1)};
}

void Latency::add(double seconds, const Shape& shape) {
  auto* fixed = std::get_if<Explicit>(&numbers_);
  if (fixed == nullptr) return std::get<histograms::Exponential>(numbers_).add(seconds);
  auto at = std::lower_bound(shape.bounds->begin(), shape.bounds->end(), seconds) - shape.bounds->begin();
  fixed->buckets[static_cast<std::size_t>(at)]++;
  fixed->count++;
  fixed->sum += seconds;
}

void Latency::merge(const Latency& other) {
  auto* fixed = std::get_if<Explicit>(&numbers_);
  if (fixed == nullptr) return std::get<histograms::Exponential>(numbers_).merge(std::get<histograms::Exponential>(other.numbers_));
  auto& more = std::get<Explicit>(other.numbers_);
  for (std::size_t i = 0; i < fixed->buckets.size(); ++i) fixed->buckets[i] += more.buckets[i];
  fixed->count += more.count;
  fixed->sum += more.sum;
}

void Latency::write(const Shape& shape, Arena& arena, DataPoint& point) const {
  auto* fixed = std::get_if<Explicit>(&numbers_);
  if (fixed == nullptr) return std::get<histograms::Exponential>(numbers_).write(arena, point);
  point.count = fixed->count;
  point.has_sum = true, point.sum = fixed->sum;
  for (double bound : *shape.bounds) point.explicit_bounds.push_back(arena, bound);
  for (std::uint64_t n : fixed->buckets) point.bucket_counts.push_back(arena, n);
}

void Latency::pack(Packer& out) const {
  auto* fixed = std::get_if<Explicit>(&numbers_);
  if (fixed == nullptr) return std::get<histograms::Exponential>(numbers_).pack(out);
  out.number(fixed->sum), out.number(fixed->count);
  out.numbers(fixed->buckets);
}

bool Latency::unpack(const Shape& shape, Unpacker& in) {
  if (!shape.bounds) {
    auto read = histograms::Exponential::unpack(in);
    if (!read || read->size() != std::get<histograms::Exponential>(numbers_).size()) return false;
    numbers_ = std::move(*read);
    return true;
  }
  Explicit read;
  read.sum = in.number<double>(), read.count = in.number<std::uint64_t>();
  read.buckets = in.numbers<std::uint64_t>();
  if (!in.ok() || read.buckets.size() != shape.bounds->size() + 1) return false;
  numbers_ = std::move(read);
  return true;
}

SeriesTable::SeriesTable(std::shared_ptr<const Shape> shape) : shape_(std::move(shape)), rows_(0, Hash{shape_->seed}) {}

std::size_t SeriesTable::Hash::operator()(std::string_view key) const { return XXH3_64bits_withSeed(key.data(), key.size(), seed); }

void SeriesTable::make_key(const Edge& edge) {
  key_.assign(1, static_cast<char>(small_labels(edge)));
  put(key_, edge.client);
  put(key_, edge.server);
  for (auto& dimension : edge.dimensions) {
    key_.push_back(static_cast<char>(dimension.present));
    if (dimension.present) put(key_, dimension.text);
  }
}

SeriesTable::Row& SeriesTable::row(std::string_view key) {
  auto at = rows_.find(key);
  if (at != rows_.end()) return at->second;
  if (full() && key != overflow_key) return row(overflow_key);
  bytes_ += bytes_of(key);
  return rows_.emplace(std::string(key), Row{.client = Latency(*shape_), .server = Latency(*shape_), .start = start_}).first->second;
}

void SeriesTable::add(const Edge& edge, TimePoint now) {
  make_key(edge);
  Row& to = row(key_);
  to.requests++;
  to.failed += edge.failed;
  to.updated = now;
  to.client.add(edge.client_seconds, *shape_);
  to.server.add(edge.server_seconds, *shape_);
}

void SeriesTable::merge(SeriesTable other) {
  while (!other.rows_.empty()) {
    auto node = other.rows_.extract(other.rows_.begin());
    if (!full() && !rows_.contains(node.key())) {
      node.mapped().start = start_;
      bytes_ += bytes_of(node.key());
      rows_.insert(std::move(node));
      continue;
    }
    Row& to = row(node.key());
    const Row& from = node.mapped();
    to.requests += from.requests;
    to.failed += from.failed;
    to.updated = std::max(to.updated, from.updated);
    to.client.merge(from.client);
    to.server.merge(from.server);
  }
}

std::string SeriesTable::pack() const {
  Packer out;
  for (auto& [key, row] : rows_) {
    out.text(key);
    out.number(row.start), out.number(row.requests), out.number(row.failed);
    row.client.pack(out), row.server.pack(out);
  }
  return out.finish();
}

bool SeriesTable::unpack(std::string_view packed, TimePoint now) {
  Unpacker in(packed);
  while (!in.done()) {
    std::string key(in.text());
    Row read{.client = Latency(*shape_), .server = Latency(*shape_), .updated = now};
    read.start = in.number<UnixNanos>(), read.requests = in.number<std::uint64_t>(), read.failed = in.number<std::uint64_t>();
    if (!read.client.unpack(*shape_, in) || !read.server.unpack(*shape_, in) || !in.ok() || !well_formed(key)) return false;
    if (full() || !rows_.emplace(key, std::move(read)).second) continue;
    bytes_ += bytes_of(key);
  }
  return in.ok();
}

// What labels() can read.
bool SeriesTable::well_formed(std::string_view key) const {
  if (key == overflow_key) return true;
  Unpacker in(key);
  in.number<char>(), in.text(), in.text();
  for (std::size_t i = 0; i < shape_->labels.size(); ++i)
    if (in.number<char>() != 0) in.text();
  return in.ok() && in.done();
}

bool SeriesTable::forget_idle(TimePoint before) {
  return std::erase_if(rows_, [&](auto& entry) {
           bool idle = entry.second.updated < before;
           if (idle) bytes_ -= bytes_of(entry.first);
           return idle;
         }) != 0;
}

namespace {

// Builds the metrics of one batch.
class MetricsWriter {
 public:
  MetricsWriter(const Shape& shape, UnixNanos now, Duration offset, Charge charge)
      : shape_(shape), batch_(charged_batch(std::move(charge))), arena_(batch_.arena()), offset_(static_cast<UnixNanos>(offset.count())), now_(now - offset_) {
    for (auto& label : shape.labels) labels_.push_back(arena_.copy(label));
  }

  Metric* counter(std::string_view name) {
    Metric* metric = arena_.make<Metric>();
    metric->name = name;
    metric->type = otlp::MetricType::sum;
    metric->temporality = otlp::Temporality::cumulative;
    metric->is_monotonic = true;
    return metric;
  }
  Metric* histogram(std::string_view name) {
    Metric* metric = arena_.make<Metric>();
    metric->name = name;
    metric->unit = "s";
    metric->type = shape_.bounds ? otlp::MetricType::histogram : otlp::MetricType::exponential_histogram;
    metric->temporality = otlp::Temporality::cumulative;
    return metric;
  }

  // Texts of labels are views into the key, which must live in the arena.
  DataPoint& point(Metric& metric, std::string_view key, UnixNanos start) {
    DataPoint& out = metric.points.push_back(arena_, {});
    out.start_time_unix_nano = start - offset_;
    out.time_unix_nano = now_;
    labels(key, out.attributes);
    return out;
  }
  void count(Metric& metric, std::string_view key, UnixNanos start, std::uint64_t n) {
    DataPoint& out = point(metric, key, start);
    out.type = otlp::NumberType::integer;
    out.integer = static_cast<std::int64_t>(n);
  }

  otlp::Batch finish(std::initializer_list<Metric*> metrics) {
    auto* scope = arena_.make<otlp::Scope>();
    scope->name = "traces_service_graph";
    auto& group = batch_.groups().emplace_back();
    auto& scopes = group.scopes.emplace_back();
    scopes.scope = otlp::Lazy<otlp::Scope>(scope);
    std::size_t bytes = 0;
    for (Metric* metric : metrics) {
      if (metric->points.empty()) continue;
      scopes.items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
      bytes += metric->points.size() * 250;  // with four labels and seventeen buckets
    }
    batch_.prune();
    batch_.set_bytes(bytes);
    return std::move(batch_);
  }

  Arena& arena() { return arena_; }

 private:
  static otlp::Batch charged_batch(Charge charge) {
    otlp::Batch out(otlp::Signal::metrics);
    out.charge = std::move(charge);
    return out;
  }
  void labels(std::string_view key, otlp::Attributes& out) {
    if (key == overflow_key) {
      out.push_back(arena_, {"otel.metric.overflow", Value::of(true)});
      return;
    }
    auto small = static_cast<unsigned char>(key.front());
    key.remove_prefix(1);
    out.reserve(arena_, 4 + labels_.size() + unsigned{shape_.virtual_node_label});
    out.push_back(arena_, {"client", Value::of(take(key))});
    out.push_back(arena_, {"server", Value::of(take(key))});
    out.push_back(arena_, {"connection_type", Value::of(to_string(static_cast<Connection>(small & 3)))});
    out.push_back(arena_, {"failed", Value::of((small & 1 << 4) != 0)});
    for (std::string_view label : labels_) {
      bool present = key.front() != 0;
      key.remove_prefix(1);
      if (present) out.push_back(arena_, {label, Value::of(take(key))});
    }
    if (shape_.virtual_node_label)
      out.push_back(arena_, {"virtual_node", Value::of(to_string(static_cast<VirtualNode>(small >> 2 & 3)))});
  }

  const Shape& shape_;
  otlp::Batch batch_;
  Arena& arena_;
  UnixNanos offset_, now_;
  std::vector<std::string_view> labels_;
};

}  // namespace

otlp::Batch SeriesTable::write(UnixNanos now, Duration offset, Charge charge) const {
  MetricsWriter writer(*shape_, now, offset, std::move(charge));
  Metric *total = writer.counter("traces_service_graph_request_total"), *failures = writer.counter("traces_service_graph_request_failed_total");
  Metric *server = writer.histogram("traces_service_graph_request_server"), *client = writer.histogram("traces_service_graph_request_client");
  for (Metric* metric : {total, server, client}) metric->points.reserve(writer.arena(), rows_.size());
  for (auto& [labels, row] : rows_) {
    std::string_view key = writer.arena().copy(labels);
    writer.count(*total, key, row.start, row.requests);
    if (row.failed) writer.count(*failures, key, row.start, row.failed);
    row.server.write(*shape_, writer.arena(), writer.point(*server, key, row.start));
    row.client.write(*shape_, writer.arena(), writer.point(*client, key, row.start));
  }
  return writer.finish({total, failures, server, client});
}

}  // namespace weir::connectors::servicegraph

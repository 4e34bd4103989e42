#include "components/connectors/spanmetrics/emission.h"

namespace weir::connectors::spanmetrics {
namespace {

// Bodies are cut here, so that they pass the message limits of receivers.
constexpr std::size_t body_bytes = 1024 * 1024;

constexpr std::uint64_t temporality_delta = 1, temporality_cumulative = 2;

void write_packed(std::uint32_t field, const void* data, std::size_t bytes, otlp::Writer& out) {
  if (bytes) out.bytes(field, {static_cast<const char*>(data), bytes});
}

}  // namespace

Emission::Emission(const Config& config)
    : names_{config.metric_name("calls"), config.metric_name("duration"), config.metric_name("events")},
      unit_(config.histogram.unit == Unit::seconds ? "s" : "ms"),
      bounds_(config.histogram.bounds()),
      exponential_(config.histogram.exponential.has_value()),
      delta_(config.delta()),
      with_durations_(!config.histogram.disable),
      with_resource_(!exclude_resource_gate() || config.add_resource_attributes) {}

void Emission::point(const Resource& resource, Kind kind, const Series& series, bool zero) {
  if (writer_.size() >= body_bytes) cut();
  open(resource, kind);
  std::size_t mark = writer_.size();
  if (kind != Kind::durations)
    write_sum(series, zero);
  else if (exponential_)
    write_exponential(series);
  else
    write_explicit(series);
  writer_.close(1, mark);
  ++points_;
}

// The writer works from the end: what is opened here is closed later, in front of it.
void Emission::open(const Resource& resource, Kind kind) {
  if (resource_ != &resource) {
    close_resource();
    resource_ = &resource;
    resource_mark_ = scope_mark_ = writer_.size();
  }
  if (metric_ != kind) {
    close_metric();
    metric_ = kind;
    metric_mark_ = data_mark_ = writer_.size();
  }
}

void Emission::close_metric() {
  if (!metric_) return;
  bool sum = metric_ != Kind::durations;
  if (sum) writer_.number(3, 1);  // monotonic
  writer_.number(2, delta_ ? temporality_delta : temporality_cumulative);
  writer_.close(sum ? 7 : exponential_ ? 10 : 9, data_mark_);
  if (!sum) writer_.bytes(3, unit_);
  writer_.bytes(1, names_[static_cast<std::size_t>(*metric_)]);
  writer_.close(2, metric_mark_);
  metric_.reset();
}

void Emission::close_resource() {
  close_metric();
  if (!resource_) return;
  std::size_t scope = writer_.size();
  writer_.bytes(1, "spanmetricsconnector");
  writer_.close(1, scope);
  writer_.close(2, scope_mark_);
  writer_.bytes(1, with_resource_ ? std::string_view(resource_->attributes) : std::string_view());
  writer_.close(1, resource_mark_);
  resource_ = nullptr;
}

void Emission::cut() {
  close_resource();
  if (writer_.size() == 0) return;
  bodies_.push_back(otlp::Batch::trusted(otlp::Signal::metrics, writer_.finish(), std::exchange(points_, 0)));
}

std::vector<otlp::Batch> Emission::finish() {
  cut();
  return std::exchange(bodies_, {});
}

void Emission::write_attributes(std::uint32_t field, const Series& series) {
  parts_.clear();
  for (otlp::Reader reader(series.attributes); reader.next();) parts_.push_back(reader.bytes());
  for (std::size_t i = parts_.size(); i-- > 0;) writer_.bytes(field, parts_[i]);
}

void Emission::write_exemplars(std::uint32_t field, const Series& series) {
  for (std::size_t i = series.exemplars.size(); i-- > 0;) {
    const ExemplarSpan& exemplar = series.exemplars[i];
    std::size_t mark = writer_.size();
    writer_.bytes(5, exemplar.trace.view());
    writer_.bytes(4, exemplar.span.view());
    writer_.real(3, exemplar.value);
    writer_.fixed64(2, time_);
    writer_.close(field, mark);
  }
}

void Emission::write_sum(const Series& series, bool zero) {
  write_attributes(7, series);
  writer_.fixed64(6, zero ? 0 : series.count);
  write_exemplars(5, series);
  writer_.fixed64(3, time_);
  writer_.fixed64(2, series.start);
}

void Emission::write_explicit(const Series& series) {
  write_attributes(9, series);
  write_exemplars(8, series);
  write_packed(7, bounds_.data(), bounds_.size() * sizeof(double), writer_);
  write_packed(6, series.buckets.data(), series.buckets.size() * sizeof(std::uint64_t), writer_);
  writer_.real(5, series.sum);
  writer_.fixed64(4, series.count);
  writer_.fixed64(3, time_);
  writer_.fixed64(2, series.start);
}

void Emission::write_exponential(const Series& series) {
  const histograms::Exponential& histogram = *series.exponential;
  writer_.real(13, histogram.max());
  writer_.real(12, histogram.min());
  write_exemplars(11, series);
  if (auto& counts = histogram.buckets(); !counts.empty()) {
    std::size_t mark = writer_.size();
    for (std::size_t i = counts.size(); i-- > 0;) writer_.varint(counts[i]);
    writer_.close(2, mark);
    writer_.put_number(1, otlp::zigzag(histogram.offset()));
    writer_.close(8, mark);
  }
  writer_.put_fixed64(7, histogram.zero_count());
  writer_.put_number(6, otlp::zigzag(histogram.scale()));
  writer_.real(5, histogram.sum());
  writer_.fixed64(4, histogram.count());
  writer_.fixed64(3, time_);
  writer_.fixed64(2, series.start);
  write_attributes(1, series);
}

}  // namespace weir::connectors::spanmetrics

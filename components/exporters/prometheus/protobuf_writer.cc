// io.prometheus.client.MetricFamily messages, each behind its length: the format that carries native histograms.
#include "components/exporters/prometheus/exposition.h"
#include "components/exporters/prometheus/labels.h"
#include "components/shared/prometheus_translation/native.h"
#include "base/text.h"
#include "otlp/wire.h"

namespace weir::exporters::prometheus {
namespace {

using weir::prometheus::Escaping;
using weir::prometheus::NativeBuckets;

// Written last to first, so each function writes a message's fields from the last to the first.
class ProtobufWriter : public prometheus::Writer {
 public:
  ProtobufWriter(Format format, bool timestamps) : escaping_(format.escaping), timestamps_(timestamps) {}

  bool begin(std::string_view name, std::string_view help, Type type, bool, std::string&) override {
    name_ = escape(name);
    help_ = help;
    type_ = type;
    return true;
  }

  void series(const Series& s, std::string&) override {
    metric_.clear();
    write_metric(s);
    body_ += metric_.view();
  }

  void end(std::string& out) override {
    metric_.clear();
    metric_.raw(body_);
    metric_.number(3, type_number());
    metric_.bytes(2, help_);
    metric_.bytes(1, name_);
    metric_.varint(metric_.size());
    out += metric_.view();
    body_.clear();
  }
  void finish(std::string&) override {}

 private:
  std::uint64_t type_number() const {
    switch (type_) {
      case Type::counter: return 0;
      case Type::gauge: return 1;
      case Type::summary: return 2;
      case Type::histogram: return 4;
    }
    return 3;
  }

  std::string escape(std::string_view name) const {
    return weir::prometheus::is_plain_name(name) ? std::string(name) : weir::prometheus::escape_name(name, escaping_);
  }

  void write_metric(const Series& s) {
    std::size_t mark = metric_.size();
    if (type_ == Type::histogram) write_histogram(s);
    if (timestamps_ && s.time != 0) metric_.number(6, s.time / 1'000'000);
    if (type_ == Type::summary) write_summary(s);
    if (type_ == Type::counter) write_counter(s);
    if (type_ == Type::gauge) write_gauge(s.value);
    write_labels(s.labels);
    metric_.close(4, mark);
  }

  void write_labels(std::string_view labels) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (LabelReader reader(labels); reader.next();) pairs.emplace_back(escape(reader.name()), reader.value());
    for (auto& [name, value] : std::views::reverse(pairs)) write_label(1, name, value);
  }

  void write_label(std::uint32_t field, std::string_view name, std::string_view value) {
    std::size_t mark = metric_.size();
    metric_.bytes(2, value);
    metric_.bytes(1, name);
    metric_.close(field, mark);
  }

  void write_time(std::uint32_t field, UnixNanos time) {
    std::size_t mark = metric_.size();
    metric_.put_number(2, time % 1'000'000'000);
    metric_.put_number(1, time / 1'000'000'000);
    metric_.close(field, mark);
  }
  // When counting began, if that is known to the second.
  void write_created(std::uint32_t field, UnixNanos start) {
    if (start >= 1'000'000'000) write_time(field, start);
  }

  void write_exemplar(std::uint32_t field, const ExemplarValue& e) {
    std::size_t mark = metric_.size();
    if (e.time != 0) write_time(3, e.time);
    metric_.real(2, e.value);
    if (!e.trace_id.empty()) write_label(1, "trace_id", to_hex(e.trace_id.view()));
    if (!e.span_id.empty()) write_label(1, "span_id", to_hex(e.span_id.view()));
    metric_.close(field, mark);
  }

  void write_gauge(double value) {
    std::size_t mark = metric_.size();
    metric_.real(1, value);
    metric_.close(2, mark);
  }

  void write_counter(const Series& s) {
    std::size_t mark = metric_.size();
    write_created(3, s.start);
    if (!s.exemplars.empty()) write_exemplar(2, s.exemplars.back());
    metric_.real(1, s.value);
    metric_.close(3, mark);
  }

  void write_summary(const Series& s) {
    std::size_t mark = metric_.size();
    auto& d = *s.distribution;
    write_created(4, s.start);
    for (auto [quantile, value] : std::views::reverse(d.quantiles)) {
      std::size_t inner = metric_.size();
      metric_.real(2, value);
      metric_.real(1, quantile);
      metric_.close(3, inner);
    }
    metric_.real(2, d.sum.sum);
    metric_.number(1, d.sum.count);
    metric_.close(4, mark);
  }

  void write_histogram(const Series& s) {
    std::size_t mark = metric_.size();
    auto& d = *s.distribution;
    if (d.form == Distribution::Form::native)
      write_native(s);
    else
      write_classic(s);
    metric_.real(2, d.sum.sum);
    metric_.number(1, d.sum.count);
    metric_.close(7, mark);
  }

  void write_classic(const Series& s) {
    write_created(15, s.start);
    auto buckets = classic_buckets(s);
    for (auto& bucket : std::views::reverse(buckets)) {
      std::size_t mark = metric_.size();
      if (bucket.exemplar != nullptr) write_exemplar(3, *bucket.exemplar);
      metric_.real(2, bucket.bound);
      metric_.number(1, bucket.count);
      metric_.close(3, mark);
    }
  }

  void write_native(const Series& s) {
    Arena arena;
    weir::otlp::DataPoint point;
    s.distribution->sum.write(arena, point);
    auto native = weir::prometheus::to_native(point);
    if (!native) return;  // checked when it came; what was added up since has no scale below -4 with 160 buckets a side
    for (auto& e : std::views::reverse(s.exemplars))
      if (e.time != 0) write_exemplar(16, e);
    write_created(15, s.start);
    write_side(native->positive, 12, 13);
    write_side(native->negative, 9, 10);
    metric_.number(7, native->zero_count);
    metric_.real(6, native->zero_threshold);
    metric_.number(5, weir::otlp::zigzag(native->schema));
  }

  void write_side(const NativeBuckets& buckets, std::uint32_t span_field, std::uint32_t delta_field) {
    for (auto delta : std::views::reverse(buckets.deltas)) metric_.number(delta_field, weir::otlp::zigzag(delta));
    for (auto& span : std::views::reverse(buckets.spans)) {
      std::size_t mark = metric_.size();
      metric_.number(2, span.length);
      metric_.number(1, weir::otlp::zigzag(span.offset));
      metric_.close(span_field, mark);
    }
  }

  Escaping escaping_;
  bool timestamps_;
  std::string name_, help_, body_;
  Type type_ = Type::gauge;
  weir::otlp::Writer metric_;
};

}  // namespace

std::unique_ptr<prometheus::Writer> make_protobuf_writer(Format format, bool timestamps) {
  return std::make_unique<ProtobufWriter>(format, timestamps);
}

}  // namespace weir::exporters::prometheus

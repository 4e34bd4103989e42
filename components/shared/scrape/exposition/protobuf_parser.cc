// The protobuf format: MetricFamily messages, each with its length in front. A histogram or summary is told as the series
// that it would be in text, or as one native histogram.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "components/shared/scrape/exposition/classic.h"
#include "components/shared/scrape/exposition/text_parser.h"
#include "otlp/wire.h"
#include "prometheus/number.h"

namespace weir::exposition {
namespace {

using otlp::Reader;
using otlp::WireType;

struct Sub {  // a message within
  std::string_view bytes;
  bool present = false;
};

struct Bucket {
  double cumulative = 0, upper_bound = 0;
  Sub exemplar;
};
struct BucketSpan {
  std::int32_t offset = 0;
  std::uint32_t length = 0;
};

// One Metric. Vectors are reused.
struct Metric {
  std::vector<std::string_view> labels;
  std::int64_t timestamp = 0;
  double value = 0;  // counter, gauge, untyped
  Sub exemplar, start;

  // summary, histogram
  std::uint64_t count = 0;
  double count_real = 0, sum = 0;
  std::vector<std::pair<double, double>> quantiles;
  std::vector<Bucket> buckets;
  std::vector<Sub> exemplars;
  std::int32_t schema = 0;
  double zero_threshold = 0, zero_count_real = 0;
  std::uint64_t zero_count = 0;
  struct Side {
    std::vector<BucketSpan> spans;
    std::vector<std::int64_t> deltas;
    std::vector<double> counts;
  } positive, negative;

  double total() const { return count_real != 0 ? count_real : static_cast<double>(count); }
  bool is_float() const { return count_real > 0 || zero_count_real > 0; }
  bool is_native() const { return !positive.spans.empty() || !negative.spans.empty() || zero_threshold > 0 || zero_count > 0; }
  void clear();
};

void Metric::clear() {
  labels.clear();
  timestamp = 0;
  value = count_real = sum = zero_threshold = zero_count_real = 0;
  exemplar = start = {};
  count = zero_count = 0;
  schema = 0;
  quantiles.clear();
  buckets.clear();
  exemplars.clear();
  for (Side* side : {&positive, &negative}) {
    side->spans.clear();
    side->deltas.clear();
    side->counts.clear();
  }
}

// Reads values of known fields; a wrong wire type fails the message.
class Fields {
 public:
  explicit Fields(std::string_view message) : reader_(message) {}
  bool next() { return !wrong_ && reader_.next(); }
  std::uint32_t field() const { return reader_.field(); }
  bool ok() const { return !wrong_ && reader_.ok(); }
  void skip() { reader_.skip(); }
  double real() { return expect(WireType::fixed64) ? reader_.real() : 0; }
  std::uint64_t number() { return expect(WireType::varint) ? reader_.varint() : 0; }
  std::string_view bytes() { return expect(WireType::bytes) ? reader_.bytes() : std::string_view(); }
  Sub sub() {
    return {bytes(), true};
  }
  // Repeated numbers, packed or one by one.
  void reals(std::vector<double>& out) {
    if (!reader_.is(WireType::bytes)) return out.push_back(real());
    std::string_view packed = reader_.bytes();
    wrong_ = wrong_ || packed.size() % 8 != 0;
    for (; packed.size() >= 8; packed.remove_prefix(8)) {
      std::uint64_t bits;
      std::memcpy(&bits, packed.data(), 8);
      out.push_back(std::bit_cast<double>(bits));
    }
  }
  void signed_numbers(std::vector<std::int64_t>& out) {
    if (!reader_.is(WireType::bytes)) return out.push_back(otlp::unzigzag(number()));
    Reader packed(reader_.bytes());
    while (packed.ok() && !packed.rest().empty()) {
      std::uint64_t v = packed.varint();
      if (packed.ok()) out.push_back(otlp::unzigzag(v));
    }
    wrong_ = wrong_ || !packed.ok();
  }

 private:
  bool expect(WireType type) {
    wrong_ = wrong_ || !reader_.is(type);
    return !wrong_;
  }
  Reader reader_;
  bool wrong_ = false;
};

bool read_value(std::string_view message, Metric& out) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: out.value = fields.real(); break;
      case 2: out.exemplar = fields.sub(); break;
      case 3: out.start = fields.sub(); break;
      default: fields.skip();
    }
  }
  return fields.ok();
}

bool read_quantile(std::string_view message, std::pair<double, double>& out) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: out.first = fields.real(); break;
      case 2: out.second = fields.real(); break;
      default: fields.skip();
    }
  }
  return fields.ok();
}

bool read_summary(std::string_view message, Metric& out) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: out.count = fields.number(); break;
      case 2: out.sum = fields.real(); break;
      case 3:
        if (!read_quantile(fields.bytes(), out.quantiles.emplace_back())) return false;
        break;
      case 4: out.start = fields.sub(); break;
      default: fields.skip();
    }
  }
  return fields.ok();
}

bool read_bucket(std::string_view message, Bucket& out) {
  Fields fields(message);
  std::uint64_t count = 0;
  while (fields.next()) {
    switch (fields.field()) {
      case 1: count = fields.number(); break;
      case 2: out.upper_bound = fields.real(); break;
      case 3: out.exemplar = fields.sub(); break;
      case 4: out.cumulative = fields.real(); break;
      default: fields.skip();
    }
  }
  if (out.cumulative == 0) out.cumulative = static_cast<double>(count);
  return fields.ok();
}

bool read_span(std::string_view message, BucketSpan& out) {
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: out.offset = static_cast<std::int32_t>(otlp::unzigzag(fields.number())); break;
      case 2: out.length = static_cast<std::uint32_t>(fields.number()); break;
      default: fields.skip();
    }
  }
  return fields.ok();
}

bool read_histogram(std::string_view message, Metric& out) {
  Fields fields(message);
  while (fields.next()) {
    bool good = true;
    switch (fields.field()) {
      case 1: out.count = fields.number(); break;
      case 2: out.sum = fields.real(); break;
      case 3: good = read_bucket(fields.bytes(), out.buckets.emplace_back()); break;
      case 4: out.count_real = fields.real(); break;
      case 5: out.schema = static_cast<std::int32_t>(otlp::unzigzag(fields.number())); break;
      case 6: out.zero_threshold = fields.real(); break;
      case 7: out.zero_count = fields.number(); break;
      case 8: out.zero_count_real = fields.real(); break;
      case 9: good = read_span(fields.bytes(), out.negative.spans.emplace_back()); break;
      case 10: fields.signed_numbers(out.negative.deltas); break;
      case 11: fields.reals(out.negative.counts); break;
      case 12: good = read_span(fields.bytes(), out.positive.spans.emplace_back()); break;
      case 13: fields.signed_numbers(out.positive.deltas); break;
      case 14: fields.reals(out.positive.counts); break;
      case 15: out.start = fields.sub(); break;
      case 16: out.exemplars.push_back(fields.sub()); break;
      default: fields.skip();
    }
    if (!good) return false;
  }
  return fields.ok();
}

bool read_metric(std::string_view message, Metric& out) {
  out.clear();
  Fields fields(message);
  while (fields.next()) {
    bool good = true;
    switch (fields.field()) {
      case 1: out.labels.push_back(fields.bytes()); break;
      case 2:
      case 3:
      case 5: good = read_value(fields.bytes(), out); break;
      case 4: good = read_summary(fields.bytes(), out); break;
      case 6: out.timestamp = static_cast<std::int64_t>(fields.number()); break;
      case 7: good = read_histogram(fields.bytes(), out); break;
      default: fields.skip();
    }
    if (!good) return false;
  }
  return fields.ok();
}

bool read_label(std::string_view message, std::string_view& name, std::string_view& value) {
  name = value = {};
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: name = fields.bytes(); break;
      case 2: value = fields.bytes(); break;
      default: fields.skip();
    }
  }
  return fields.ok() && !name.empty() && valid_utf8(name) && valid_utf8(value);
}

// ms; nothing when there is no such message.
std::optional<std::int64_t> read_timestamp(const Sub& message) {
  if (!message.present) return std::nullopt;
  std::uint64_t seconds = 0, nanos = 0;
  Fields fields(message.bytes);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: seconds = fields.number(); break;
      case 2: nanos = fields.number(); break;
      default: fields.skip();
    }
  }
  if (!fields.ok()) return std::nullopt;
  return static_cast<std::int64_t>(seconds * 1000 + static_cast<std::uint64_t>(static_cast<std::int32_t>(nanos) / 1'000'000));
}

bool read_exemplar(const Sub& message, Exemplar& out) {
  out.labels.clear();
  out.value = 0;
  out.timestamp.reset();
  if (!message.present) return false;
  Fields fields(message.bytes);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: {
        std::string_view name, value;
        if (!read_label(fields.bytes(), name, value)) return false;
        out.labels.emplace_back(name, value);
        break;
      }
      case 2: out.value = fields.real(); break;
      case 3: out.timestamp = read_timestamp(fields.sub()); break;
      default: fields.skip();
    }
  }
  std::sort(out.labels.begin(), out.labels.end());
  return fields.ok();
}

// Buckets that are not empty. False when spans and counts do not belong together.
bool read_side(const Metric::Side& side, bool is_float, std::vector<NativeHistogram::Bucket>& out) {
  std::uint64_t total = 0;
  for (const BucketSpan& span : side.spans) total += span.length;
  if (total != (is_float ? side.counts.size() : side.deltas.size())) return false;
  std::int64_t index = 0, count = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < side.spans.size(); ++i) {
    const BucketSpan& span = side.spans[i];
    if (i > 0 && span.offset < 0) return false;
    index += span.offset;
    for (std::uint32_t n = 0; n < span.length; ++n, ++at, ++index) {
      if (index > std::numeric_limits<std::int32_t>::max() || index < std::numeric_limits<std::int32_t>::min()) return false;
      NativeHistogram::Bucket bucket{.index = static_cast<std::int32_t>(index)};
      if (is_float) bucket.real = side.counts[at];
      else bucket.count = count = static_cast<std::int64_t>(static_cast<std::uint64_t>(count) + static_cast<std::uint64_t>(side.deltas[at]));
      if (bucket.count != 0 || bucket.real != 0) out.push_back(bucket);
    }
  }
  return true;
}

bool make_native(const Metric& metric, NativeHistogram& out) {
  out.clear();
  out.schema = metric.schema;
  out.is_float = metric.is_float();
  out.count = metric.count;
  out.count_real = metric.count_real;
  out.sum = metric.sum;
  out.zero_threshold = metric.zero_threshold;
  out.zero_count = metric.zero_count;
  out.zero_count_real = metric.zero_count_real;
  return read_side(metric.positive, out.is_float, out.positive) && read_side(metric.negative, out.is_float, out.negative);
}

class ProtobufParser final : public Parser {
 public:
  ProtobufParser(std::string_view body, const Options& options) : left_(body), options_(options) {}

  Entry next(std::string_view expected) override;
  void labels(std::vector<scrape::Label>& out) override;
  bool exemplar(Exemplar& out) override;
  std::int64_t start_timestamp() override { return read_timestamp(metric_.start).value_or(0); }

 private:
  enum class At : std::uint8_t { family, unit, type, metric, classic, converted };
  static constexpr int count_series = -2, sum_series = -1;

  bool read_family();
  Entry next_family();
  Entry next_metric(std::string_view expected);
  Entry begin_metric(std::string_view expected);
  Entry tell_classic(std::string_view expected);
  Entry tell_native(std::string_view expected);
  Entry tell_converted(std::string_view expected);
  Entry tell(Entry entry, char kind, double bound, std::string_view expected);
  bool has_parts() const { return is_histogram_ || family_type_ == MetricType::summary; }
  std::size_t parts() const;
  double part_value() const;
  double part_bound() const;

  std::string_view left_;
  Options options_;
  At at_ = At::family;
  std::string_view family_name_, help_, unit_;
  MetricType family_type_ = MetricType::unknown;
  bool is_histogram_ = false;
  std::vector<std::string_view> metrics_;
  std::size_t metric_at_ = 0;

  Metric metric_;
  NativeHistogram native_;
  ClassicHistogram classic_;
  int part_ = 0;
  bool told_exemplar_ = false;
  std::size_t exemplar_at_ = 0;
  Entry told_ = Entry::end;
  std::string key_;
  std::size_t base_ = 0;  // how much of key_ all series of the metric share
};

bool ProtobufParser::read_family() {
  Reader length(left_);
  std::uint64_t size = length.varint();
  if (!length.ok() || size > length.rest().size()) return false;
  std::string_view message = length.rest().substr(0, size);
  left_ = length.rest().substr(size);
  family_name_ = help_ = unit_ = {};
  metrics_.clear();
  std::uint64_t number = 0;
  Fields fields(message);
  while (fields.next()) {
    switch (fields.field()) {
      case 1: family_name_ = fields.bytes(); break;
      case 2: help_ = fields.bytes(); break;
      case 3: number = fields.number(); break;
      case 4: metrics_.push_back(fields.bytes()); break;
      case 5: unit_ = fields.bytes(); break;
      default: fields.skip();
    }
  }
  constexpr MetricType types[] = {MetricType::counter, MetricType::gauge, MetricType::summary, MetricType::unknown, MetricType::histogram, MetricType::gauge_histogram};
  if (!fields.ok() || number >= std::size(types)) return false;
  family_type_ = types[number];
  is_histogram_ = family_type_ == MetricType::histogram || family_type_ == MetricType::gauge_histogram;
  return true;
}

Entry ProtobufParser::next_family() {
  do {
    if (left_.empty()) return Entry::end;
    if (!read_family()) return fail("a metric family is no protobuf message, or of an unknown type");
  } while (metrics_.empty());
  if (family_name_.empty() || !valid_utf8(family_name_)) return fail("a metric's name is empty or not UTF-8");
  if (!valid_utf8(help_)) return fail(fmt::format("the help of {} is not UTF-8", family_name_));
  metric_at_ = 0;
  name = family_name_;
  text = help_;
  at_ = unit_.empty() ? At::type : At::unit;
  return Entry::help;
}

Entry ProtobufParser::next(std::string_view expected) {
  switch (at_) {
    case At::family: return next_family();
    case At::unit:
      text = unit_;
      at_ = At::type;
      return Entry::unit;
    case At::type:
      type = family_type_;
      at_ = At::metric;
      return Entry::type;
    case At::metric: return next_metric(expected);
    case At::classic: return tell_classic(expected);
    case At::converted: return tell_converted(expected);
  }
  return Entry::end;
}

Entry ProtobufParser::next_metric(std::string_view expected) {
  if (metric_at_ == metrics_.size()) return next_family();
  if (!read_metric(metrics_[metric_at_++], metric_)) return fail(fmt::format("a metric of {} is no protobuf message", family_name_));
  timestamp.reset();
  if (metric_.timestamp != 0) timestamp = metric_.timestamp;
  key_.assign(family_name_);
  for (std::string_view label : metric_.labels) {
    auto size = static_cast<std::uint32_t>(label.size());
    key_.append("\xff").append(reinterpret_cast<const char*>(&size), sizeof size).append(label);
  }
  base_ = key_.size();
  if (!expected.starts_with(key_))
    for (std::string_view label : metric_.labels) {
      std::string_view n, v;
      if (!read_label(label, n, v)) return fail(fmt::format("a label of {} has no name or is not UTF-8", family_name_));
    }
  return begin_metric(expected);
}

Entry ProtobufParser::begin_metric(std::string_view expected) {
  exemplar_at_ = 0;
  value = metric_.value;
  if (!has_parts()) return tell(Entry::series, 'v', 0, expected);
  part_ = count_series;
  if (is_histogram_ && options_.native_histograms && metric_.is_native()) return tell_native(expected);
  if (is_histogram_ && options_.convert_classic && !options_.keep_classic) return tell_converted(expected);
  at_ = At::classic;
  return tell_classic(expected);
}

std::size_t ProtobufParser::parts() const {
  if (!is_histogram_) return metric_.quantiles.size();
  bool has_infinity = !metric_.buckets.empty() && metric_.buckets.back().upper_bound == std::numeric_limits<double>::infinity();
  return metric_.buckets.size() + (has_infinity ? 0 : 1);
}

double ProtobufParser::part_value() const {
  auto at = static_cast<std::size_t>(part_);
  if (part_ == count_series) return metric_.total();
  if (part_ == sum_series) return metric_.sum;
  if (!is_histogram_) return metric_.quantiles[at].second;
  return at < metric_.buckets.size() ? metric_.buckets[at].cumulative : metric_.total();
}

double ProtobufParser::part_bound() const {
  if (part_ < 0) return 0;
  auto at = static_cast<std::size_t>(part_);
  if (!is_histogram_) return metric_.quantiles[at].first;
  return at < metric_.buckets.size() ? metric_.buckets[at].upper_bound : std::numeric_limits<double>::infinity();
}

Entry ProtobufParser::tell_classic(std::string_view expected) {
  if (part_ >= 0 && static_cast<std::size_t>(part_) >= parts()) {
    at_ = At::metric;
    bool native = options_.native_histograms && metric_.is_native();
    if (is_histogram_ && options_.convert_classic && !native) return tell_converted(expected);
    return next_metric(expected);
  }
  value = part_value();
  Entry entry = tell(Entry::series, part_ == count_series ? 'c' : part_ == sum_series ? 's' : 'b', part_bound(), expected);
  ++part_;
  return entry;
}

Entry ProtobufParser::tell_native(std::string_view expected) {
  if (!make_native(metric_, native_)) return fail(fmt::format("histogram {}: its spans and its buckets do not belong together", family_name_));
  native_.is_gauge = family_type_ == MetricType::gauge_histogram;
  at_ = options_.keep_classic && !metric_.buckets.empty() ? At::classic : At::metric;
  return tell(Entry::histogram, 'h', 0, expected);
}

Entry ProtobufParser::tell_converted(std::string_view expected) {
  classic_.clear();
  classic_.set_count(metric_.total());
  classic_.set_sum(metric_.sum);
  for (const Bucket& bucket : metric_.buckets) classic_.set_bucket(bucket.upper_bound, bucket.cumulative);
  if (!classic_.convert(native_)) return fail(fmt::format("histogram {}: its buckets are not cumulative or do not reach its count", family_name_));
  native_.is_gauge = family_type_ == MetricType::gauge_histogram;
  at_ = At::metric;
  part_ = count_series;
  return tell(Entry::histogram, 'h', 0, expected);
}

Entry ProtobufParser::tell(Entry entry, char kind, double bound, std::string_view expected) {
  key_.resize(base_);
  key_ += '\xff';
  key_ += kind;
  if (kind == 'b') {
    auto bits = std::bit_cast<std::uint64_t>(bound);
    key_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  series = key_;
  as_expected = series == expected;
  histogram = entry == Entry::histogram ? &native_ : nullptr;
  told_exemplar_ = false;
  told_ = entry;
  return entry;
}

void ProtobufParser::labels(std::vector<scrape::Label>& out) {
  out.clear();
  char kind = key_[base_ + 1];
  std::string metric(family_name_);
  if (kind == 'c') metric += "_count";
  if (kind == 's') metric += "_sum";
  if (kind == 'b' && is_histogram_) metric += "_bucket";
  for (std::string_view label : metric_.labels) {
    std::string_view n, v;
    read_label(label, n, v);
    out.emplace_back(std::string(n), std::string(v));
  }
  if (kind == 'b') {
    std::uint64_t bits;
    std::memcpy(&bits, key_.data() + base_ + 2, sizeof bits);
    std::string number;
    prometheus::append_openmetrics_number(number, std::bit_cast<double>(bits));
    out.emplace_back(is_histogram_ ? "le" : "quantile", std::move(number));
  }
  out.emplace_back(std::string(scrape::metric_name_label), std::move(metric));
}

bool ProtobufParser::exemplar(Exemplar& out) {
  if (told_ == Entry::histogram) {  // only those with a time
    bool own = !metric_.exemplars.empty();
    std::size_t all = own ? metric_.exemplars.size() : metric_.buckets.size();
    while (exemplar_at_ < all) {
      const Sub& message = own ? metric_.exemplars[exemplar_at_] : metric_.buckets[exemplar_at_].exemplar;
      ++exemplar_at_;
      if (read_exemplar(message, out) && out.timestamp) return true;
    }
    return false;
  }
  if (std::exchange(told_exemplar_, true)) return false;
  if (family_type_ == MetricType::counter) return read_exemplar(metric_.exemplar, out);
  if (!is_histogram_) return false;
  auto bucket = static_cast<std::size_t>(part_ - 1);  // part_ is the next one already
  return part_ > 0 && bucket < metric_.buckets.size() && read_exemplar(metric_.buckets[bucket].exemplar, out);
}

}  // namespace

std::unique_ptr<Parser> make_protobuf_parser(std::string_view body, const Options& options) {
  return std::make_unique<ProtobufParser>(body, options);
}

}  // namespace weir::exposition

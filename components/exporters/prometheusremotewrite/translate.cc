#include "components/exporters/prometheusremotewrite/translate.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/gates.h"
#include "base/text.h"
#include "components/exporters/prometheusremotewrite/labels.h"
#include "components/exporters/prometheusremotewrite/point_view.h"
#include "prometheus/number.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using prometheus::Identity;
using prometheus::LabelNamer;
using prometheus::MetricKind;
using prometheus::MetricNamer;
using remote_write::Exemplar;
using remote_write::Histogram;
using remote_write::Label;
using remote_write::Metadata;
using remote_write::Sample;
using remote_write::Version;

constexpr std::size_t max_exemplar_characters = 128;

enum class Suffix : std::uint8_t { none, sum, count, bucket };
constexpr std::array<std::string_view, 4> suffixes = {"", "_sum", "_count", "_bucket"};

std::int64_t milliseconds(UnixNanos time) { return static_cast<std::int64_t>(time / 1'000'000); }

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

remote_write::MetricType type_of(const Metric& metric) {
  auto* original = metric.metadata.find(prometheus::type_in_metadata);
  std::string_view was = original && original->is(otlp::ValueType::string) ? original->text : std::string_view{};
  using Type = remote_write::MetricType;
  switch (metric.type) {
    case MetricType::gauge: return was == "unknown" ? Type::unknown : Type::gauge;
    case MetricType::sum:
      if (metric.is_monotonic) return Type::counter;
      return was == "info" ? Type::info : was == "stateset" ? Type::stateset : Type::gauge;
    case MetricType::histogram:
    case MetricType::exponential_histogram: return Type::histogram;
    case MetricType::summary: return Type::summary;
    case MetricType::none: break;
  }
  return Type::unknown;
}

bool is_cumulative(const Metric& metric) {
  bool has_temporality = metric.type == MetricType::sum || metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram;
  return metric.type != MetricType::none && (!has_temporality || metric.temporality == otlp::Temporality::cumulative);
}

class Translator {
 public:
  Translator(otlp::Batch& batch, const TranslationSettings& settings, KnownSeries& known)
      : batch_(batch),
        known_(known),
        out_{.known = &known, .arena = std::make_unique<Arena>()},
        arena_(*out_.arena),
        settings_(settings),
        metric_namer_{settings.name_space, settings.strategy},
        label_namer_{.utf8 = !prometheus::escapes(settings.strategy), .prefix_underscore = !is_permissive()},
        point_labels_(label_namer_, arena_),
        target_labels_(settings.version == Version::v2 ? label_namer_ : LabelNamer{.keep_underscores = !is_permissive()}, arena_) {
    out_.with_series = settings.version == Version::v2;
    out_.series.reserve(batch.items());
    out_.samples.reserve(batch.items());
  }

  Translated run() {
    for (auto& group : batch_.groups()) {
      resource_message_ = &group.resource;
      resource_ = nullptr;
      resource_key_ = key_of(group.resource, {});
      newest_ = 0;
      for (auto& scope : group.scopes) {
        scope_message_ = &scope.scope;
        labels_begun_ = false;
        scope_key_ = key_of(scope.scope, resource_key_);
        for (auto& item : scope.items) take_item(item);
      }
      if (settings_.target_info && newest_ != 0) add_target_info();
    }
    for (auto& series : out_.series) put_in_order(series);
    return std::move(out_);
  }

 private:
  template <class T>
  KnownSeries::Key key_of(const otlp::Lazy<T>& message, const KnownSeries::Key& within) {
    if (!message.dirty()) return known_.key(message.raw(), within);
    otlp::Writer bytes;
    message.write(bytes);
    return known_.key(bytes.view(), within);
  }

  // What follows needs the resource itself.
  const otlp::Resource& resource() {
    if (resource_ == nullptr) {
      resource_ = &resource_message_->read(batch_.arena());
      identity_ = Identity::of(resource_->attributes);
    }
    return *resource_;
  }

  void begin_labels() {
    if (std::exchange(labels_begun_, true)) return;
    resource();
    set_scope(scope_message_->read(batch_.arena()));
  }

  void put_in_order(OutSeries& series) {
    if (series.rare && series.rare->histograms.size() > 1) std::ranges::stable_sort(series.rare->histograms, {}, &Histogram::time);
    if (series.first == series.last) return;
    std::vector<std::pair<Sample, std::uint32_t>> all;
    out_.each_sample(series, [&](const OutSample& s) { all.emplace_back(s.value, s.point); });
    std::ranges::stable_sort(all, {}, [](auto& pair) { return pair.first.time; });
    std::uint32_t at = series.first;
    for (auto& [value, point] : all) {
      OutSample& to = out_.samples[at - 1];
      to.value = value;
      to.point = point;
      at = to.next;
    }
  }

  void set_scope(const otlp::Scope& scope) {
    Pairs winning = identity_labels();
    if (settings_.scope_info) add_scope(scope, winning);
    point_labels_.begin(winning, settings_.external_labels);
  }

  void add_scope(const otlp::Scope& scope, Pairs& out) const {
    auto add = [&](const std::string& key, const std::string& value) {
      if (auto name = label_namer_.build(key)) out.emplace_back(std::move(*name), value);
    };
    if (!scope.name.empty()) add("otel_scope_name", std::string(scope.name));
    if (!scope.version.empty()) add("otel_scope_version", std::string(scope.version));
    for (auto& kv : scope.attributes)
      if (kv.key != "name" && kv.key != "version" && kv.key != "schema_url") add("otel_scope_" + std::string(kv.key), otlp::to_text(kv.value));
  }

  static bool is_permissive() { return gates::enabled("pkg.translator.prometheus.PermissiveLabelSanitization"); }

  void refuse(const std::string& why, std::uint32_t points = 1) {
    out_.invalid += points;
    if (out_.why.empty()) out_.why = why;
  }

  // job and instance, which come from the resource whatever a point says.
  Pairs identity_labels() const {
    Pairs out;
    if (!identity_.job.value_or("").empty() && !name_is_empty()) out.emplace_back("job", *identity_.job);
    if (!identity_.instance.value_or("").empty()) out.emplace_back("instance", *identity_.instance);
    return out;
  }

  bool name_is_empty() const {
    auto* name = resource_->attributes.find("service.name");  // begin_labels() or resource() came before
    return name == nullptr || otlp::to_text(*name).empty();
  }

  void set_name(std::string_view name) {
    name_ = arena_.copy(name);
    name_hash_ = XXH3_64bits(name.data(), name.size());
    names_ = {};
  }

  // Finds out the name of the metric at hand when it is asked for: of series that are known nobody asks.
  bool has_name() {
    if (name_state_ != NameState::unknown) return name_state_ == NameState::good;
    auto name = metric_namer_.build(metric_->name, metric_->unit, prometheus::kind_of(*metric_));
    name_state_ = NameState::bad;
    if (!name) {
      name_error_ = name.error().what;
    } else if (!valid_utf8(*name)) {
      name_error_ = "a metric name that is not UTF-8";
    } else {
      name_state_ = NameState::good;
      set_name(*name);
    }
    return name_state_ == NameState::good;
  }

  // False when none of its points can be sent.
  bool begin_metric(const Metric& metric, std::uint32_t count) {
    metric_ = &metric;
    name_state_ = NameState::unknown;
    if (!is_cumulative(metric)) return refuse(fmt::format("invalid temporality and type combination for metric \"{}\"", metric.name), count), false;
    bool v2 = settings_.version == Version::v2;
    if (!v2 && !settings_.metadata) return true;
    if (!has_name()) return refuse(name_error_, count), false;
    Metadata metadata{type_of(metric), name_, metric.description, arena_.copy(prometheus::unit_name(metric.unit, label_namer_.utf8))};
    if (v2 || valid_utf8(metric.description)) out_.metadata.push_back(metadata);
    return true;
  }

  void note_time(UnixNanos time, std::uint32_t number) {
    if (time <= newest_) return;
    newest_ = time;
    newest_point_ = number;
  }

  void take_item(otlp::Item& item) {
    Metric head;
    std::string_view data;
    if (!item.dirty && !item.raw.empty()) {
      decode(item.raw, batch_.arena(), head, {otlp::Parts::fields | otlp::Parts::attributes});
      data = data_of(item.raw, head.type);
    }
    if (data.empty() || (head.type == MetricType::histogram && settings_.custom_buckets)) return take_metric(item.read<Metric>(batch_.arena()));
    take_bytes(item, head, data);
  }

  void take_metric(const Metric& metric) {
    std::uint32_t first = out_.points;
    auto count = static_cast<std::uint32_t>(metric.points.size());
    out_.points += count;
    for (std::uint32_t i = 0; i < count; ++i) note_time(metric.points[i].time_unix_nano, first + i);
    if (!begin_metric(metric, count)) return;
    for (std::uint32_t i = 0; i < count; ++i) take_point(metric.points[i], first + i);
  }

  void take_bytes(otlp::Item& item, const Metric& head, std::string_view data) {
    std::uint32_t first = out_.points;
    bool wanted = begin_metric(head, item.points);
    KnownSeries::Key key = key_of(head);
    otlp::Reader reader(data);
    while (reader.next()) {
      if (reader.field() != 1) {
        reader.skip();
        continue;
      }
      std::string_view bytes = reader.bytes();
      std::uint32_t index = out_.points++ - first;
      bool plain = read(head.type, bytes, view_);
      UnixNanos time = plain ? view_.time : item.read<Metric>(batch_.arena()).points[index].time_unix_nano;
      note_time(time, first + index);
      if (wanted) take_bytes_of_point(item, head, key, plain, index, first + index);
    }
  }

  void take_bytes_of_point(otlp::Item& item, const Metric& head, const KnownSeries::Key& metric, bool plain, std::uint32_t index, std::uint32_t number) {
    number_ = number;
    KnownSeries::Key key;
    if (plain) {
      key = key_of(head.type, metric);
      if (auto known = known_.find(key)) return take_known(head, *known);
    }
    asked_.clear();
    if (take_point(item.read<Metric>(batch_.arena()).points[index], number) && plain) known_.remember(key, asked_);
  }

  // Everything that decides about names and labels is in the key.
  KnownSeries::Key key_of(const Metric& head) const {
    KnownSeries::Key key = known_.key(head.name, scope_key_);
    char flags[2] = {static_cast<char>(head.type), static_cast<char>(head.is_monotonic)};
    return known_.key(head.unit, known_.key({flags, sizeof flags}, key));
  }

  KnownSeries::Key key_of(MetricType type, const KnownSeries::Key& metric) const {
    KnownSeries::Key key = known_.key(view_.attributes, metric);
    if (type == MetricType::histogram) {
      key = known_.key(view_.bounds.substr(0, 8 * view_.buckets()), key);
      if (view_.has_sum) key = known_.key("sum", key);
    }
    if (type == MetricType::summary)
      for (auto& [quantile, value] : view_.quantiles) key = known_.key({reinterpret_cast<const char*>(&quantile), sizeof quantile}, key);
    return key;
  }

  // As take_number, take_histogram and take_summary ask for series.
  void take_known(const Metric& head, std::span<const KnownSeries::Id> ids) {
    std::size_t next = 0;
    auto add = [&](double value) { add_sample(series_of(ids[next++]), sample(view_.time, view_.start, view_.stale, value)); };
    if (head.type == MetricType::gauge || head.type == MetricType::sum) {
      bool counts = head.type == MetricType::sum && head.is_monotonic;
      return add_sample(series_of(ids[0]), sample(view_.time, counts ? view_.start : 0, view_.stale, view_.value));
    }
    if (head.type == MetricType::summary || view_.has_sum) add(view_.sum);
    add(static_cast<double>(view_.count));
    if (head.type == MetricType::summary) {
      for (auto& [quantile, value] : view_.quantiles) add(value);
      return;
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; next + 1 < ids.size(); ++i) add(static_cast<double>(sum += view_.bucket(i)));
    add(static_cast<double>(view_.count));
  }

  // False when it cannot be sent.
  bool take_point(const DataPoint& p, std::uint32_t number) {
    number_ = number;
    if (!has_name()) return refuse(name_error_), false;
    begin_labels();
    otlp::Attributes joined;
    const otlp::Attributes* attributes = &p.attributes;
    if (settings_.conversion.enabled) {
      for (auto& kv : p.attributes) joined.push_back(arena_, kv);
      settings_.conversion.apply(resource_->attributes, arena_, joined);
      attributes = &joined;
    }
    if (auto made = point_labels_.make(*attributes, false, base_); !made) return refuse(made.error().what), false;
    shard_ = base_.hash + name_hash_;
    switch (metric_->type) {
      case MetricType::gauge:
      case MetricType::sum: take_number(p); break;
      case MetricType::histogram: return take_histogram(p);
      case MetricType::exponential_histogram: return take_exponential(p);
      case MetricType::summary: take_summary(p); break;
      case MetricType::none: break;
    }
    return true;
  }

  // The series with the metric's name and perhaps a suffix, the labels at hand and perhaps one more. Valid until the next is asked for.
  OutSeries& series(Suffix suffix, const Label& extra = {}) {
    auto& name = names_[static_cast<std::size_t>(suffix)];
    if (name.empty()) name = arena_.copy(fmt::format("{}{}", name_, suffixes[static_cast<std::size_t>(suffix)]));
    labels_ = base_;
    labels_.put({"__name__", name});
    if (!extra.name.empty()) labels_.put(extra);
    asked_.push_back(known_.intern(labels_, shard_));
    return series_of(asked_.back());
  }

  OutSeries& series_of(KnownSeries::Id id) {
    std::uint32_t& place = known_.place(id);
    if (place != 0) return out_.series[place - 1];
    OutSeries& made = out_.series.emplace_back();
    place = static_cast<std::uint32_t>(out_.series.size());
    made.labels = id;
    if (out_.with_series) made.metadata = static_cast<std::uint32_t>(out_.metadata.size() - 1);
    return made;
  }

  void add_sample(OutSeries& to, const Sample& value) {
    out_.samples.push_back({value, number_});
    auto number = static_cast<std::uint32_t>(out_.samples.size());
    if (to.first == 0) to.first = number;
    else out_.samples[to.last - 1].next = number;
    to.last = number;
  }

  OutSeries::Rare& rare(OutSeries& of) {
    if (!of.rare) of.rare = std::make_unique<OutSeries::Rare>();
    return *of.rare;
  }

  static Sample sample(UnixNanos time, UnixNanos start, bool stale, double value) {
    return {stale ? prometheus::stale_marker() : value, milliseconds(time), milliseconds(start)};
  }
  static Sample sample(const DataPoint& p, double value) { return sample(p.time_unix_nano, p.start_time_unix_nano, prometheus::has_no_value(p), value); }

  void take_number(const DataPoint& p) {
    OutSeries& to = series(Suffix::none);
    bool counts = metric_->type == MetricType::sum && metric_->is_monotonic;
    Sample s = sample(p, prometheus::value_of(p));
    if (!counts) s.start = 0;
    add_sample(to, s);
    if (counts || settings_.version == Version::v2) add_exemplars(p, to);
  }

  void take_summary(const DataPoint& p) {
    add_sample(series(Suffix::sum), sample(p, p.sum));
    add_sample(series(Suffix::count), sample(p, static_cast<double>(p.count)));
    for (auto& q : p.quantiles) add_sample(series(Suffix::none, {"quantile", number_text(q.quantile)}), sample(p, q.value));
  }

  bool take_histogram(const DataPoint& p) {
    if (settings_.custom_buckets) {
      auto native = prometheus::to_custom_buckets(p);
      if (!native && !settings_.classic_beside) return refuse(native.error().what), false;
      if (native) add_native(p, std::move(*native));
      if (!settings_.classic_beside) return true;
    }
    if (p.has_sum) add_sample(series(Suffix::sum), sample(p, p.sum));
    add_sample(series(Suffix::count), sample(p, static_cast<double>(p.count)));
    std::uint64_t sum = 0;
    std::vector<std::pair<double, KnownSeries::Id>> buckets;
    for (std::size_t i = 0; i < p.explicit_bounds.size() && i < p.bucket_counts.size(); ++i) {
      double bound = p.explicit_bounds[i];
      sum += p.bucket_counts[i];
      if (std::isinf(bound) && bound > 0) break;
      add_bucket(p, bound, number_text(bound), sum, buckets);
    }
    add_bucket(p, INFINITY, "+Inf", p.count, buckets);
    std::ranges::stable_sort(buckets, {}, &std::pair<double, KnownSeries::Id>::first);
    for (auto& e : p.exemplars) {
      double value = prometheus::value_of(e);
      for (auto& [bound, to] : buckets)
        if (value <= bound) {
          add_exemplar(e, series_of(to));
          break;
        }
    }
    return true;
  }

  // Of bounds and quantiles, which are the same for many points.
  std::string_view number_text(double number) {
    auto [at, is_new] = numbers_.try_emplace(std::bit_cast<std::uint64_t>(number));
    if (is_new) at->second = arena_.copy(prometheus::plain_number(number));
    return at->second;
  }

  void add_bucket(const DataPoint& p, double bound, std::string_view le, std::uint64_t count, std::vector<std::pair<double, KnownSeries::Id>>& buckets) {
    add_sample(series(Suffix::bucket, {"le", le}), sample(p, static_cast<double>(count)));
    buckets.emplace_back(bound, asked_.back());
  }

  bool take_exponential(const DataPoint& p) {
    auto native = prometheus::to_native(p);
    if (!native) return refuse(native.error().what), false;
    add_native(p, std::move(*native));
    return true;
  }

  void add_native(const DataPoint& p, prometheus::NativeHistogram native) {
    OutSeries& to = series(Suffix::none);
    Histogram& h = rare(to).histograms.emplace_back();
    rare(to).points.push_back(number_);
    h.schema = native.schema;
    h.count = native.count;
    h.zero_count = native.zero_count;
    h.sum = native.sum;
    h.zero_threshold = native.zero_threshold;
    h.positive_spans = std::move(native.positive.spans);
    h.positive_deltas = std::move(native.positive.deltas);
    h.negative_spans = std::move(native.negative.spans);
    h.negative_deltas = std::move(native.negative.deltas);
    h.custom_bounds = std::move(native.custom_bounds);
    h.time = milliseconds(p.time_unix_nano);
    h.start = milliseconds(p.start_time_unix_nano);
    if (prometheus::has_no_value(p)) {
      h = {.schema = h.schema, .sum = prometheus::stale_marker(), .time = h.time};
      h.count = std::bit_cast<std::uint64_t>(prometheus::stale_marker());
    }
    add_exemplars(p, to);
  }

  void add_exemplars(const DataPoint& p, OutSeries& to) {
    for (auto& e : p.exemplars) add_exemplar(e, to);
  }

  void add_exemplar(const otlp::Exemplar& e, OutSeries& to) {
    Exemplar out{.value = prometheus::value_of(e), .time = milliseconds(e.time_unix_nano)};
    std::size_t size = 0;
    auto add_id = [&](std::string_view name, std::string_view id) {
      out.labels.push_back({name, arena_.copy(to_hex(id))});
      size += name.size() + 2 * id.size();
    };
    if (!e.trace_id.empty()) add_id("trace_id", e.trace_id.view());
    if (!e.span_id.empty()) add_id("span_id", e.span_id.view());
    std::size_t ids = out.labels.size();
    for (auto& kv : e.filtered_attributes) {
      auto name = label_namer_.build(kv.key);
      std::string value = otlp::to_text(kv.value);
      if (!name || std::ranges::find(out.labels, *name, &Label::name) != out.labels.end() || !valid_utf8(value)) continue;
      size += characters(*name) + characters(value);
      out.labels.push_back({arena_.copy(*name), arena_.copy(value)});
    }
    if (size > max_exemplar_characters) out.labels.resize(ids);
    std::ranges::sort(out.labels);
    rare(to).exemplars.push_back(std::move(out));
  }

  // Of the resource at hand, whose attributes it has.
  void add_target_info() {
    KnownSeries::Key key = known_.key("target_info", resource_key_);
    number_ = newest_point_;
    auto known = known_.find(key);
    if (known && known->empty()) return;
    if (settings_.version == Version::v2) out_.metadata.push_back({remote_write::MetricType::gauge, "target_info", "Target metadata", ""});
    if (known) return add_sample(series_of((*known)[0]), {1, milliseconds(newest_), 0});
    asked_.clear();
    if (make_target_info()) add_sample(series(Suffix::none), {1, milliseconds(newest_), 0});
    known_.remember(key, asked_);
  }

  bool make_target_info() {
    bool more = std::ranges::any_of(resource().attributes, [](auto& kv) { return !prometheus::is_identity(kv.key); });
    if (!more) return false;
    target_labels_.begin(identity_labels(), settings_.external_labels);
    if (!target_labels_.make(resource_->attributes, true, base_)) return false;
    bool known = std::ranges::any_of(base_.labels, [](auto& l) { return l.name == "job" || l.name == "instance"; });
    auto name = MetricNamer{settings_.name_space, prometheus::escapes(settings_.strategy) ? Strategy::underscores : Strategy::none}.build("target_info", "", MetricKind::gauge);
    if (!known || !name) return false;
    set_name(*name);
    shard_ = base_.hash + name_hash_;
    return true;
  }

  otlp::Batch& batch_;
  KnownSeries& known_;
  Translated out_;
  Arena& arena_;  // of out_
  const TranslationSettings& settings_;
  MetricNamer metric_namer_;
  LabelNamer label_namer_;
  LabelMaker point_labels_, target_labels_;
  std::unordered_map<std::uint64_t, std::string_view> numbers_;
  otlp::Lazy<otlp::Resource>* resource_message_ = nullptr;
  otlp::Lazy<otlp::Scope>* scope_message_ = nullptr;
  const otlp::Resource* resource_ = nullptr;  // once decoded
  bool labels_begun_ = false;                 // for the scope at hand
  KnownSeries::Key resource_key_, scope_key_;
  const Metric* metric_ = nullptr;
  PointView view_;                            // of the point at hand
  std::vector<KnownSeries::Id> asked_;        // series of the point at hand
  enum class NameState : std::uint8_t { unknown, good, bad } name_state_ = NameState::unknown;
  std::string name_error_;
  Identity identity_;
  UnixNanos newest_ = 0;             // of the resource at hand
  std::uint32_t newest_point_ = 0;
  std::string_view name_;            // of the metric at hand
  std::uint64_t name_hash_ = 0;
  std::array<std::string_view, suffixes.size()> names_;  // with each suffix, once asked for
  LabelSet base_;                    // of the point at hand
  LabelSet labels_;                  // of the series at hand
  std::uint64_t shard_ = 0;
  std::uint32_t number_ = 0;
};

}  // namespace

std::size_t Translated::samples_of(const OutSeries& of) const {
  std::size_t out = of.rare ? of.rare->histograms.size() : 0;
  each_sample(of, [&](const OutSample&) { ++out; });
  return out;
}

std::size_t Translated::size_of(const OutSeries& of) const {
  std::size_t out = 8 + known->label_bytes(of.labels);
  each_sample(of, [&](const OutSample&) { out += 24; });
  if (of.rare) out += remote_write::size_of({.histograms = of.rare->histograms, .exemplars = of.rare->exemplars});
  return out + (with_series ? metadata[of.metadata].help.size() + metadata[of.metadata].unit.size() : 0);
}

remote_write::Series Translated::whole(const OutSeries& of) const {
  remote_write::Series out;
  for (std::uint32_t pair : known->labels(of.labels)) out.labels.push_back({std::as_const(*known).pair(pair).name(), std::as_const(*known).pair(pair).value()});
  each_sample(of, [&](const OutSample& s) { out.samples.push_back(s.value); });
  if (of.rare) {
    out.histograms = of.rare->histograms;
    out.exemplars = of.rare->exemplars;
  }
  if (with_series) out.metadata = metadata[of.metadata];
  return out;
}

Translated translate(otlp::Batch& batch, const TranslationSettings& settings, KnownSeries& known) { return Translator(batch, settings, known).run(); }

}  // namespace weir::exporters::prometheusremotewrite

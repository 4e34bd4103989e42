#pragma once
// One translation of a batch: translate.cc walks through it, translate_points.cc makes samples of points that are not known.
#include <array>
#include <unordered_map>

#include "base/gates.h"
#include "components/exporters/prometheusremotewrite/labels.h"
#include "components/exporters/prometheusremotewrite/point_view.h"
#include "components/exporters/prometheusremotewrite/translate.h"
#include "prometheus/number.h"

namespace weir::exporters::prometheusremotewrite {

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

enum class Suffix : std::uint8_t { none, sum, count, bucket };
inline constexpr std::array<std::string_view, 4> suffixes = {"", "_sum", "_count", "_bucket"};

inline std::int64_t milliseconds(UnixNanos time) { return static_cast<std::int64_t>(time / 1'000'000); }

// For one batch. One core.
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

  Translated run();

 private:
  template <class T>
  KnownSeries::Key key_of(const otlp::Lazy<T>& message, const KnownSeries::Key& within);

  // What follows needs the resource itself.
  const otlp::Resource& resource();
  void begin_labels();
  void put_in_order(OutSeries& series);
  void set_scope(const otlp::Scope& scope);
  void add_scope(const otlp::Scope& scope, Pairs& out) const;

  static bool is_permissive() { return gates::enabled("pkg.translator.prometheus.PermissiveLabelSanitization"); }

  void refuse(const std::string& why, std::uint32_t points = 1);

  // job and instance, which come from the resource whatever a point says.
  Pairs identity_labels() const;
  bool name_is_empty() const;
  void set_name(std::string_view name);

  // Finds out the name of the metric at hand when it is asked for: of series that are known nobody asks.
  bool has_name();

  // False when none of its points can be sent.
  bool begin_metric(const Metric& metric, std::uint32_t count);

  void note_time(UnixNanos time, std::uint32_t number) {
    if (time <= newest_) return;
    newest_ = time;
    newest_point_ = number;
  }

  void take_item(otlp::Item& item);
  void take_metric(const Metric& metric);
  void take_bytes(otlp::Item& item, const Metric& head, std::string_view data);
  void take_bytes_of_point(otlp::Item& item, const Metric& head, const KnownSeries::Key& metric, bool plain, std::uint32_t index, std::uint32_t number);

  KnownSeries::Key key_of(const Metric& head) const;
  KnownSeries::Key key_of(MetricType type, const KnownSeries::Key& metric) const;

  void take_known(const Metric& head, std::span<const KnownSeries::Id> ids);

  // False when it cannot be sent.
  bool take_point(const DataPoint& p, std::uint32_t number);

  // The series with the metric's name and perhaps a suffix, the labels at hand and perhaps one more. Valid until the next is asked for.
  OutSeries& series(Suffix suffix, const Label& extra = {});

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

  void take_number(const DataPoint& p);
  void take_summary(const DataPoint& p);
  bool take_histogram(const DataPoint& p);

  // Of bounds and quantiles, which are the same for many points.
  std::string_view number_text(double number);
  void add_bucket(const DataPoint& p, double bound, std::string_view le, std::uint64_t count, std::vector<std::pair<double, KnownSeries::Id>>& buckets);
  bool take_exponential(const DataPoint& p);
  void add_native(const DataPoint& p, prometheus::NativeHistogram native);
  void add_exemplars(const DataPoint& p, OutSeries& to);
  void add_exemplar(const otlp::Exemplar& e, OutSeries& to);

  // Of the resource at hand, whose attributes it has.
  void add_target_info();
  bool make_target_info();
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

}  // namespace weir::exporters::prometheusremotewrite

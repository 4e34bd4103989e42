#pragma once
// Writes series as OTLP metrics, straight into request bodies.
#include "components/connectors/spanmetrics/config.h"
#include "components/connectors/spanmetrics/series.h"
#include "otlp/batch.h"

namespace weir::connectors::spanmetrics {

class Emission {
 public:
  explicit Emission(const Config& config);

  // The next points carry this time.
  void at(UnixNanos time) { time_ = time; }
  // Metrics of a resource, from the series that pick(series) chooses. `zero`: with a count of zero, and calls only.
  template <class Pick>
  void add(const Resource& resource, bool calls_and_durations_alike, Pick pick);
  // The first points of series whose counts go up from zero: the same metrics, counts only, all zero.
  template <class Pick>
  void add_zeros(const Resource& resource, Pick pick);
  // Everything added, in bodies of about a megabyte.
  std::vector<otlp::Batch> finish();

 private:
  enum class Kind : std::uint8_t { calls, durations, events };
  void point(const Resource& resource, Kind kind, const Series& series, bool zero);
  void open(const Resource& resource, Kind kind);
  void close_metric();
  void close_resource();
  void cut();
  void write_sum(const Series& series, bool zero);
  void write_explicit(const Series& series);
  void write_exponential(const Series& series);
  void write_exemplars(std::uint32_t field, const Series& series);
  void write_attributes(std::uint32_t field, const Series& series);

  std::array<std::string, 3> names_;
  std::string_view unit_;
  std::vector<double> bounds_;
  bool exponential_, delta_, with_durations_, with_resource_;
  UnixNanos time_ = 0;

  otlp::Writer writer_;
  std::size_t points_ = 0;  // in it
  std::vector<otlp::Batch> bodies_;
  const Resource* resource_ = nullptr;  // open, or null
  std::optional<Kind> metric_;          // open, or none
  std::size_t resource_mark_ = 0, scope_mark_ = 0, metric_mark_ = 0, data_mark_ = 0;
  std::vector<std::string_view> parts_;
};

template <class Pick>
void Emission::add(const Resource& resource, bool calls_and_durations_alike, Pick pick) {
  auto add_table = [&](Kind kind, Family family) {
    for (auto& series : resource.tables[family].all())
      if (pick(*series)) point(resource, kind, *series, !delta_ && series->fresh);
  };
  add_table(Kind::events, events);
  if (with_durations_) add_table(Kind::durations, calls_and_durations_alike ? calls : durations);
  add_table(Kind::calls, calls);
}

template <class Pick>
void Emission::add_zeros(const Resource& resource, Pick pick) {
  for (Family family : {events, calls})
    for (auto& series : resource.tables[family].all())
      if (pick(*series)) point(resource, family == events ? Kind::events : Kind::calls, *series, true);
}

}  // namespace weir::connectors::spanmetrics

#pragma once
// OTLP metrics as series of remote write.
#include "components/exporters/prometheusremotewrite/known_series.h"
#include "components/shared/prometheus_translation/translation.h"
#include "components/shared/remote_write/encode.h"
#include "otlp/batch.h"

namespace weir::exporters::prometheusremotewrite {

using prometheus::Strategy;

struct TranslationSettings {
  std::string name_space;
  Strategy strategy = Strategy::underscores_with_suffixes;
  std::vector<std::pair<std::string, std::string>> external_labels;  // names are label names already
  prometheus::ResourceConversion conversion;
  remote_write::Version version = remote_write::Version::v1;
  bool target_info = true;
  bool scope_info = true;
  bool metadata = false;          // 1.0; 2.0 always has it
  bool custom_buckets = false;    // explicit histograms as native ones with custom buckets
  bool classic_beside = false;    // and as they are, too
};

struct OutSample {
  remote_write::Sample value;
  std::uint32_t point = 0;  // its number in the batch
  std::uint32_t next = 0;   // 1 + the number of the series' next sample
};

// A series of a batch. Most have one sample and nothing else.
struct OutSeries {
  struct Rare {
    std::vector<remote_write::Histogram> histograms;
    std::vector<std::uint32_t> points;  // of these, by their number in the batch
    std::vector<remote_write::Exemplar> exemplars;
  };
  KnownSeries::Id labels = 0;
  std::uint32_t metadata = 0;         // 2.0: index into Translated::metadata
  std::uint32_t first = 0, last = 0;  // samples; 1 + their number
  std::unique_ptr<Rare> rare;
};

struct Translated {
  KnownSeries* known = nullptr;  // has the labels
  std::unique_ptr<Arena> arena;  // text that is not the batch's
  std::vector<OutSeries> series;
  std::vector<OutSample> samples;
  std::vector<remote_write::Metadata> metadata;
  bool with_series = false;      // 2.0: metadata are those of series; otherwise they are sent by themselves
  std::uint32_t points = 0;      // in the batch
  std::uint32_t invalid = 0;     // of them, not translated
  std::string why;               // of the first of these

  template <class F>
  void each_sample(const OutSeries& of, F f) const {
    for (std::uint32_t at = of.first; at != 0; at = samples[at - 1].next) f(samples[at - 1]);
  }
  std::size_t samples_of(const OutSeries& of) const;  // histograms too
  // About what it takes in a request.
  std::size_t size_of(const OutSeries& of) const;
  remote_write::Series whole(const OutSeries& of) const;
};

// Text of the result lives in the batch and in the result, labels in `known` until its next begin(). Samples of a series are in the order
// of their times.
Translated translate(otlp::Batch& batch, const TranslationSettings& settings, KnownSeries& known);

}  // namespace weir::exporters::prometheusremotewrite

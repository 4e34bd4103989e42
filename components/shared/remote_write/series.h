#pragma once
// One series of a remote write request. Text is borrowed: from the request's bytes, or from whoever made it.
#include <cstdint>
#include <string_view>
#include <vector>

#include "components/shared/prometheus_translation/native.h"

namespace weir::remote_write {

// The numbers are those of both protocols.
enum class MetricType : std::uint8_t { unknown, counter, gauge, histogram, gauge_histogram, summary, info, stateset };

struct Label {
  std::string_view name, value;
  auto operator<=>(const Label&) const = default;
};

struct Sample {
  double value = 0;
  std::int64_t time = 0, start = 0;  // milliseconds; start 0: not known
};

struct Exemplar {
  std::vector<Label> labels;
  double value = 0;
  std::int64_t time = 0;
};

struct Histogram {
  enum class Reset : std::uint8_t { unknown, yes, no, gauge };
  std::int32_t schema = 0;
  bool is_float = false;
  std::uint64_t count = 0, zero_count = 0;  // of a float histogram these and the buckets' are whole parts
  double sum = 0, zero_threshold = 0;
  std::vector<prometheus::NativeSpan> positive_spans, negative_spans;
  std::vector<std::int64_t> positive_deltas, negative_deltas;  // integer histograms
  std::vector<double> positive_counts, negative_counts;        // float histograms
  std::vector<double> custom_bounds;
  Reset reset = Reset::unknown;
  std::int64_t time = 0, start = 0;
};

struct Metadata {
  MetricType type = MetricType::unknown;
  std::string_view family, help, unit;  // 2.0 has no family: it is about the series
};

struct Series {
  std::vector<Label> labels;  // sorted by name, with __name__
  std::vector<Sample> samples;
  std::vector<Histogram> histograms;
  std::vector<Exemplar> exemplars;
  Metadata metadata;  // 2.0

  void clear() {
    labels.clear();
    samples.clear();
    histograms.clear();
    exemplars.clear();
    metadata = {};
  }
};

}  // namespace weir::remote_write

#pragma once
// OTLP metrics as series of remote write.
#include <deque>

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

// A series and the points it is made of, by their number in the batch.
struct OutSeries {
  remote_write::Series data;
  std::vector<std::uint32_t> points;
  std::uint64_t shard = 0;  // equal for all series of one point, and for all points of one series
};

struct Translated {
  std::unique_ptr<Arena> arena;  // text of the series that is not the batch's
  std::deque<OutSeries> series;  // in place
  std::vector<remote_write::Metadata> metadata;
  std::uint32_t points = 0;      // in the batch
  std::uint32_t invalid = 0;     // of them, not translated
  std::string why;               // of the first of these
};

// Text of the result lives in the batch and in the result. Samples of a series are in the order of their times.
Translated translate(otlp::Batch& batch, const TranslationSettings& settings);

}  // namespace weir::exporters::prometheusremotewrite

#pragma once
// Requests as text, in the layout of the collector's debug exporter, which people and their scripts read.
#include "otlp/batch.h"

namespace weir::exporters::debug {

// "Traces" and {"resource spans": 2, "spans": 4}.
struct Headline {
  std::string_view title;
  std::vector<std::pair<std::string_view, std::size_t>> counts;
};
Headline headline(otlp::Batch& batch);

// One line for each item. Nothing for profiles.
std::string normal_text(otlp::Batch& batch);
// Every field. Nothing for profiles.
std::string detailed_text(otlp::Batch& batch);

}  // namespace weir::exporters::debug

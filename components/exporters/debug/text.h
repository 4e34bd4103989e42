#pragma once
// Requests as text, in the layout of the collector's debug exporter, which people and their scripts read.
#include <memory>
#include <string>

#include "otlp/batch.h"

namespace weir::exporters::debug {

// "Traces" and {"resource spans": 2, "spans": 4}.
struct Headline {
  std::string_view title;
  std::vector<std::pair<std::string_view, std::size_t>> counts;
};
Headline headline(otlp::Batch& batch);

// Makes the text of one batch in parts, so that a large one does not keep its core from others.
class Printer {
 public:
  virtual ~Printer() = default;
  // Appends about `bytes` of text, at least an item's; true when the batch is at its end. Nothing comes of profiles.
  virtual bool print(otlp::Batch& batch, std::size_t bytes, std::string& out) = 0;
};
// One line for each item.
std::unique_ptr<Printer> normal_printer();
// Every field.
std::unique_ptr<Printer> detailed_printer();

std::string normal_text(otlp::Batch& batch);
std::string detailed_text(otlp::Batch& batch);

}  // namespace weir::exporters::debug

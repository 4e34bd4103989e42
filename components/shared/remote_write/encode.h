#pragma once
#include <unordered_map>

#include "components/shared/remote_write/decode.h"
#include "otlp/wire.h"

namespace weir::remote_write {

// The bytes a series adds to a request, about; for cutting requests at a size.
std::size_t size_of(const Series& series);

// One request. `metadata`: 1.0 only, 2.0 has it with the series.
std::string encode(Version version, std::span<const Series* const> series, std::span<const Metadata> metadata = {});

// The parts of a request, for those who put it together themselves. As the writer works: last field first.
// Texts of a 2.0 request.
class Symbols {
 public:
  Symbols() { of(""); }
  std::uint32_t of(std::string_view text) {
    auto [at, fresh] = refs_.emplace(text, static_cast<std::uint32_t>(all_.size()));
    if (fresh) all_.push_back(text);
    return at->second;
  }
  void write(otlp::Writer& out) const;

 private:
  std::unordered_map<std::string_view, std::uint32_t> refs_;
  std::vector<std::string_view> all_;
};
void write_sample(otlp::Writer& out, const Sample& sample, bool with_start);
void write_histogram(otlp::Writer& out, Version version, const Histogram& histogram);
void write_exemplar(otlp::Writer& out, const Exemplar& exemplar, Symbols* symbols);  // null: 1.0
void write_metadata(otlp::Writer& out, const Metadata& metadata);                    // 1.0: by itself
void write_metadata(otlp::Writer& out, const Metadata& metadata, Symbols& symbols);  // 2.0: of a series

}  // namespace weir::remote_write

#include "components/shared/remote_write/encode.h"

namespace weir::remote_write {
namespace {

using otlp::Writer;

void put_real(Writer& out, std::uint32_t field, double value) {
  if (std::bit_cast<std::uint64_t>(value) != 0) out.real(field, value);
}
void put_time(Writer& out, std::uint32_t field, std::int64_t time) { out.put_number(field, static_cast<std::uint64_t>(time)); }

void write_spans(Writer& out, std::uint32_t field, std::span<const prometheus::NativeSpan> spans) {
  for (auto& span : std::views::reverse(spans)) {
    std::size_t mark = out.size();
    out.put_number(2, span.length);
    out.put_number(1, otlp::zigzag(span.offset));
    out.close(field, mark);
  }
}

void write_deltas(Writer& out, std::uint32_t field, std::span<const std::int64_t> deltas) {
  if (deltas.empty()) return;
  std::size_t mark = out.size();
  for (auto delta : std::views::reverse(deltas)) out.varint(otlp::zigzag(delta));
  out.close(field, mark);
}

void write_reals(Writer& out, std::uint32_t field, std::span<const double> values) {
  if (values.empty()) return;
  std::size_t mark = out.size();
  for (double value : std::views::reverse(values)) out.raw({reinterpret_cast<const char*>(&value), sizeof value});
  out.close(field, mark);
}

void write_label(Writer& out, const Label& label) {
  std::size_t mark = out.size();
  out.put_bytes(2, label.value);
  out.put_bytes(1, label.name);
  out.close(1, mark);
}

void write_refs(Writer& out, std::span<const Label> labels, Symbols& symbols) {
  if (labels.empty()) return;
  std::size_t mark = out.size();
  for (auto& label : std::views::reverse(labels)) {
    out.varint(symbols.of(label.value));
    out.varint(symbols.of(label.name));
  }
  out.close(1, mark);
}

void write_series_v1(Writer& out, const Series& series) {
  std::size_t mark = out.size();
  for (auto& h : std::views::reverse(series.histograms)) write_histogram(out, Version::v1, h);
  for (auto& e : std::views::reverse(series.exemplars)) write_exemplar(out, e, nullptr);
  for (auto& sample : std::views::reverse(series.samples)) write_sample(out, sample, false);
  for (auto& label : std::views::reverse(series.labels)) write_label(out, label);
  out.close(1, mark);
}

void write_series_v2(Writer& out, const Series& series, Symbols& symbols) {
  std::size_t mark = out.size();
  write_metadata(out, series.metadata, symbols);
  for (auto& e : std::views::reverse(series.exemplars)) write_exemplar(out, e, &symbols);
  for (auto& h : std::views::reverse(series.histograms)) write_histogram(out, Version::v2, h);
  for (auto& sample : std::views::reverse(series.samples)) write_sample(out, sample, true);
  write_refs(out, series.labels, symbols);
  out.close(5, mark);
}

}  // namespace

void write_histogram(Writer& out, Version version, const Histogram& h) {
  std::size_t mark = out.size();
  if (version == Version::v2) put_time(out, 17, h.start);
  write_reals(out, 16, h.custom_bounds);
  put_time(out, 15, h.time);
  out.put_number(14, static_cast<std::uint64_t>(h.reset));
  write_reals(out, 13, h.positive_counts);
  write_deltas(out, 12, h.positive_deltas);
  write_spans(out, 11, h.positive_spans);
  write_reals(out, 10, h.negative_counts);
  write_deltas(out, 9, h.negative_deltas);
  write_spans(out, 8, h.negative_spans);
  if (h.is_float)
    out.real(7, static_cast<double>(h.zero_count));
  else
    out.number(6, h.zero_count);
  put_real(out, 5, h.zero_threshold);
  out.put_number(4, otlp::zigzag(h.schema));
  put_real(out, 3, h.sum);
  if (h.is_float)
    out.real(2, static_cast<double>(h.count));
  else
    out.number(1, h.count);
  out.close(version == Version::v2 ? 3 : 4, mark);
}

void write_sample(Writer& out, const Sample& sample, bool with_start) {
  std::size_t mark = out.size();
  if (with_start) put_time(out, 3, sample.start);
  put_time(out, 2, sample.time);
  put_real(out, 1, sample.value);
  out.close(2, mark);
}

void write_exemplar(Writer& out, const Exemplar& e, Symbols* symbols) {
  std::size_t mark = out.size();
  put_time(out, 3, e.time);
  put_real(out, 2, e.value);
  if (symbols) write_refs(out, e.labels, *symbols);
  else
    for (auto& label : std::views::reverse(e.labels)) write_label(out, label);
  out.close(symbols ? 4 : 3, mark);
}

void write_metadata(Writer& out, const Metadata& m) {
  std::size_t mark = out.size();
  out.put_bytes(5, m.unit);
  out.put_bytes(4, m.help);
  out.put_bytes(2, m.family);
  out.put_number(1, static_cast<std::uint64_t>(m.type));
  out.close(3, mark);
}

void write_metadata(Writer& out, const Metadata& m, Symbols& symbols) {
  std::size_t mark = out.size();
  out.put_number(4, symbols.of(m.unit));
  out.put_number(3, symbols.of(m.help));
  out.put_number(1, static_cast<std::uint64_t>(m.type));
  out.close(5, mark);
}

void Symbols::write(Writer& out) const {
  for (auto text : std::views::reverse(all_)) out.bytes(4, text);
}

std::size_t size_of(const Series& s) {
  std::size_t out = 8;
  for (auto& label : s.labels) out += label.name.size() + label.value.size() + 6;
  out += s.samples.size() * 24;
  for (auto& e : s.exemplars) {
    out += 24;
    for (auto& label : e.labels) out += label.name.size() + label.value.size() + 6;
  }
  for (auto& h : s.histograms)
    out += 80 + 4 * (h.positive_spans.size() + h.negative_spans.size()) + 5 * (h.positive_deltas.size() + h.negative_deltas.size()) +
           8 * (h.custom_bounds.size() + h.positive_counts.size() + h.negative_counts.size());
  return out + s.metadata.help.size() + s.metadata.unit.size();
}

std::string encode(Version version, std::span<const Series* const> series, std::span<const Metadata> metadata) {
  Writer out(64 * 1024);
  if (version == Version::v1) {
    for (auto& m : std::views::reverse(metadata)) write_metadata(out, m);
    for (auto* s : std::views::reverse(series)) write_series_v1(out, *s);
  } else {
    Symbols symbols;
    for (auto* s : std::views::reverse(series)) write_series_v2(out, *s, symbols);
    symbols.write(out);
  }
  return std::string(out.view());
}

}  // namespace weir::remote_write

// Requests out of labels that are encoded already.
#include "components/exporters/prometheusremotewrite/requests.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using otlp::Writer;
using remote_write::Version;

void write_samples(Writer& out, const Translated& content, const OutSeries& series, bool with_start) {
  if (series.first == series.last) {
    if (series.first != 0) remote_write::write_sample(out, content.samples[series.first - 1].value, with_start);
    return;
  }
  std::vector<const remote_write::Sample*> all;
  content.each_sample(series, [&](const OutSample& s) { all.push_back(&s.value); });
  for (auto* sample : std::views::reverse(all)) remote_write::write_sample(out, *sample, with_start);
}

void write_v1(Writer& out, const Translated& content, const OutSeries& series) {
  std::size_t mark = out.size();
  if (series.rare) {
    for (auto& h : std::views::reverse(series.rare->histograms)) remote_write::write_histogram(out, Version::v1, h);
    for (auto& e : std::views::reverse(series.rare->exemplars)) remote_write::write_exemplar(out, e, nullptr);
  }
  write_samples(out, content, series, false);
  const KnownSeries& known = *content.known;
  for (std::uint32_t pair : std::views::reverse(known.labels(series.labels))) out.raw(known.pair(pair).field());
  out.close(1, mark);
}

// Looks a label's texts up once for each request.
void write_refs(Writer& out, KnownSeries& known, KnownSeries::Id id, std::uint32_t request, remote_write::Symbols& symbols) {
  std::size_t mark = out.size();
  for (std::uint32_t number : std::views::reverse(known.labels(id))) {
    KnownSeries::Pair& pair = known.pair(number);
    if (pair.request != request) {
      pair.request = request;
      pair.value_symbol = symbols.of(pair.value());
      pair.name_symbol = symbols.of(pair.name());
    }
    out.varint(pair.value_symbol);
    out.varint(pair.name_symbol);
  }
  out.close(1, mark);
}

void write_v2(Writer& out, const Translated& content, const OutSeries& series, std::uint32_t request, remote_write::Symbols& symbols) {
  std::size_t mark = out.size();
  remote_write::write_metadata(out, content.metadata[series.metadata], symbols);
  if (series.rare) {
    for (auto& e : std::views::reverse(series.rare->exemplars)) remote_write::write_exemplar(out, e, &symbols);
    for (auto& h : std::views::reverse(series.rare->histograms)) remote_write::write_histogram(out, Version::v2, h);
  }
  write_samples(out, content, series, true);
  write_refs(out, *content.known, series.labels, request, symbols);
  out.close(5, mark);
}

}  // namespace

Bytes encode(Version version, const Translated& content, const Request& request) {
  Writer out(request.bytes + 1024);
  if (version == Version::v1) {
    for (auto& m : std::views::reverse(request.metadata)) remote_write::write_metadata(out, m);
    for (std::size_t i = request.series.size(); i-- > 0;) {
      if (i >= 4) content.known->prefetch(request.series[i - 4]->labels);
      write_v1(out, content, *request.series[i]);
    }
  } else {
    remote_write::Symbols symbols;
    std::uint32_t number = content.known->next_request();
    for (auto* s : std::views::reverse(request.series)) write_v2(out, content, *s, number, symbols);
    symbols.write(out);
  }
  return out.finish();
}

}  // namespace weir::exporters::prometheusremotewrite

#include "components/exporters/prometheusremotewrite/translate.h"

namespace weir::exporters::prometheusremotewrite {

std::size_t Translated::samples_of(const OutSeries& of) const {
  std::size_t out = of.rare ? of.rare->histograms.size() : 0;
  each_sample(of, [&](const OutSample&) { ++out; });
  return out;
}

std::size_t Translated::size_of(const OutSeries& of) const {
  std::size_t out = 8 + known->label_bytes(of.labels);
  each_sample(of, [&](const OutSample&) { out += 24; });
  if (of.rare) out += remote_write::size_of({.histograms = of.rare->histograms, .exemplars = of.rare->exemplars});
  return out + (with_series ? metadata[of.metadata].help.size() + metadata[of.metadata].unit.size() : 0);
}

remote_write::Series Translated::whole(const OutSeries& of) const {
  remote_write::Series out;
  for (std::uint32_t pair : known->labels(of.labels)) out.labels.push_back({std::as_const(*known).pair(pair).name(), std::as_const(*known).pair(pair).value()});
  each_sample(of, [&](const OutSample& s) { out.samples.push_back(s.value); });
  if (of.rare) {
    out.histograms = of.rare->histograms;
    out.exemplars = of.rare->exemplars;
  }
  if (with_series) out.metadata = metadata[of.metadata];
  return out;
}

}  // namespace weir::exporters::prometheusremotewrite

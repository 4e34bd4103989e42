#include "components/connectors/spanmetrics/series.h"

namespace weir::connectors::spanmetrics {

Series& SeriesTable::add(std::unique_ptr<Series> series) {
  Series& added = *series;
  all_.push_back(std::move(series));
  if (added.overflow)
    overflow_ = &added;
  else
    index_.insert(&added);
  return added;
}

void SeriesTable::forget(Series& series) {
  if (&series == overflow_)
    overflow_ = nullptr;
  else
    index_.erase(&series);
}

}  // namespace weir::connectors::spanmetrics

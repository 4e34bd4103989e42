#pragma once
// One target without a network: expositions in, points as text out.
#include <doctest/doctest.h>

#include "components/receivers/prometheus/series.h"
#include "otlp/batch.h"

namespace weir::receivers::prometheus::testing {

struct OneTarget {
  explicit OneTarget(SeriesSettings settings = {}, std::vector<scrape::Rule> rules = {}, scrape::Labels labels = {{"job", "j"}, {"instance", "10.0.0.1:80"}},
                     scrape::Labels external = {});
  // The points of one scrape at `now` ms, one line each, sorted: "name{attributes} value @ms"; the error, if there was one, is first.
  std::vector<std::string> scrape(std::string_view body, std::int64_t now, exposition::Format format = exposition::Format::text, exposition::Options options = {});
  std::vector<std::string> points();

  TargetSeries series;
  TargetSeries::Counts counts;
  std::string resource, scope;  // of the last points
};

}  // namespace weir::receivers::prometheus::testing

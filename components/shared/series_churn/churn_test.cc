#include "components/shared/series_churn/churn.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::series_churn;

namespace {

double value(const telemetry::Registry& registry, std::string_view family, const telemetry::Labels& labels) {
  for (auto& f : registry.collect())
    for (auto& sample : f.samples)
      if (f.name == family && sample.labels == labels) return sample.value;
  return -1;
}

std::uint64_t spread(std::uint64_t n) {
  n = (n + 1) * 0x9e3779b97f4a7c15ULL;
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ULL;
  n = (n ^ n >> 27) * 0x94d049bb133111ebULL;
  return n ^ n >> 31;
}

}  // namespace

TEST_CASE("series churn: metrics with most new series and the labels that make them are told") {
  telemetry::Registry registry;
  Churn churn(registry, {{"processor", "p"}});
  for (std::uint64_t n = 0; n < 3000; ++n) {
    Label labels[] = {{"id", spread(n)}, {"code", spread(n % 3)}};
    churn.added(n % 3 == 0 ? "requests" : fmt::format("m{}", n), labels);
  }
  CHECK(value(registry, "weir_series_added", {{"processor", "p"}}) == 3000);
  double requests = value(registry, "weir_series_added_by_metric", {{"processor", "p"}, {"metric", "requests"}});
  CHECK(requests >= 1000);
  CHECK(requests <= 1000 + 2000 / 100);
  double ids = value(registry, "weir_series_label_values", {{"processor", "p"}, {"metric", "requests"}, {"label", "id"}});
  CHECK(ids > 600);
  CHECK(ids < 1400);
  CHECK(value(registry, "weir_series_label_values", {{"processor", "p"}, {"metric", "requests"}, {"label", "code"}}) <= 3);
}

TEST_CASE("series churn: what is told is bounded, and goes with its owner") {
  telemetry::Registry registry;
  {
    Churn churn(registry, {});
    for (int n = 0; n < 1000; ++n) churn.added(fmt::format("m{}", n), {});
    for (auto& family : registry.collect()) CHECK(family.samples.size() <= 10);
  }
  CHECK(registry.collect().empty());
}

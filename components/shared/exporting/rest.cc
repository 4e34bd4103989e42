#include "components/shared/exporting/rest.h"

namespace weir::exporting {
namespace {

// True when nothing of it is left.
bool cut_metric(otlp::Item& item, Arena& arena, const std::vector<bool>& unsent, std::size_t& number) {
  std::size_t count = item.read<otlp::Metric>(arena).points.size(), first = number;
  number += count;
  auto begin = unsent.begin() + static_cast<std::ptrdiff_t>(first);
  auto left = static_cast<std::size_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(count), true));
  if (left == count) return count == 0;
  if (left == 0) return true;
  auto& points = item.edit<otlp::Metric>(arena).points;
  std::size_t at = first;
  points.erase_if([&](const otlp::DataPoint&) { return !unsent[at++]; });
  item.points = static_cast<std::uint32_t>(left);
  return false;
}

}  // namespace

otlp::Batch rest_of(otlp::Batch& batch, const std::vector<bool>& unsent) {
  otlp::Batch out = batch.fork();
  out.settle({});
  std::size_t number = 0;
  Arena& arena = out.arena();
  bool metrics = out.signal() == otlp::Signal::metrics;
  for (auto& group : out.groups())
    for (auto& scope : group.scopes)
      std::erase_if(scope.items, [&](otlp::Item& item) { return metrics ? cut_metric(item, arena, unsent, number) : !unsent[number++]; });
  out.prune();
  return out;
}

}  // namespace weir::exporting

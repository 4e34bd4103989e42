#include "components/exporters/debug/text.h"

namespace weir::exporters::debug {

Headline headline(otlp::Batch& batch) {
  if (batch.signal() == otlp::Signal::profiles) return {"Profiles", {{"resource profiles", 0}, {"sample records", batch.items()}}};
  auto& groups = batch.groups();
  std::size_t metrics = 0;
  switch (batch.signal()) {
    case otlp::Signal::traces: return {"Traces", {{"resource spans", groups.size()}, {"spans", batch.items()}}};
    case otlp::Signal::logs: return {"Logs", {{"resource logs", groups.size()}, {"log records", batch.items()}}};
    default: break;
  }
  for (auto& group : groups)
    for (auto& scope : group.scopes) metrics += scope.items.size();
  return {"Metrics", {{"resource metrics", groups.size()}, {"metrics", metrics}, {"data points", batch.items()}}};
}

std::string normal_text(otlp::Batch& batch) {
  std::string out;
  normal_printer()->print(batch, SIZE_MAX, out);
  return out;
}

std::string detailed_text(otlp::Batch& batch) {
  std::string out;
  detailed_printer()->print(batch, SIZE_MAX, out);
  return out;
}

}  // namespace weir::exporters::debug

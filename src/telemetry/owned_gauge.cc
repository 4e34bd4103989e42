#include "telemetry/owned_gauge.h"

namespace weir::telemetry {

OwnedGauge::OwnedGauge(Registry& registry, std::string_view name, std::string_view help, Labels labels)
    : value_(std::make_shared<Gauge>()),
      source_(registry.add_source([value = value_, name = std::string(name), help = std::string(help), labels = std::move(labels)](std::vector<Family>& out) {
        out.push_back({name, help, "", Type::gauge, {Sample{.labels = labels, .value = value->value()}}});
      })) {}

}  // namespace weir::telemetry

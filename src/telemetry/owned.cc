#include "telemetry/owned.h"

#include "telemetry/sample.h"

namespace weir::telemetry {
namespace {

Type type_of(const Gauge&) { return Type::gauge; }
Type type_of(const Counter&) { return Type::counter; }
Type type_of(const Histogram&) { return Type::histogram; }

}  // namespace

template <class Cell>
void Owned<Cell>::show(Registry& registry, std::string_view name, std::string_view help, Labels labels) {
  source_ = registry.add_source([cell = cell_, name = std::string(name), help = std::string(help), labels = std::move(labels)](std::vector<Family>& out) {
    out.push_back({name, help, "", type_of(*cell), {sample_of(labels, *cell)}});
  });
}

template class Owned<Gauge>;
template class Owned<Counter>;
template class Owned<Histogram>;

}  // namespace weir::telemetry

#pragma once
// Documents of the mode otel.
#include "components/exporters/elasticsearch/documents.h"

namespace weir::exporters::elasticsearch::otel {

std::string log(const Surroundings& around, const otlp::LogRecord& record, const Index& index);
std::string span(const Surroundings& around, const otlp::Span& span, const Index& index);
std::string event(const Surroundings& around, const otlp::Span& span, const otlp::Span::Event& event, const Index& index);
// `metrics`: the values by metric, as JSON.
std::string points(const Surroundings& around, const otlp::DataPoint& first, std::string_view unit, std::string_view metrics, const Index& index);

}  // namespace weir::exporters::elasticsearch::otel

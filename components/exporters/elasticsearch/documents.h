#pragma once
// One log record, span, event or group of data points as a document.
#include <map>

#include "components/exporters/elasticsearch/index.h"

namespace weir::exporters::elasticsearch {

// What surrounds an item.
struct Surroundings {
  const otlp::Resource& resource;
  const otlp::Scope& scope;
  std::string_view resource_schema, scope_schema;
};

std::string log_document(const Mapping& mapping, const Surroundings& around, const otlp::LogRecord& record, const Index& index);
std::string span_document(const Mapping& mapping, const Surroundings& around, const otlp::Span& span, const Index& index);
// otel only: other modes have events within their span.
std::string event_document(const Surroundings& around, const otlp::Span& span, const otlp::Span::Event& event, const Index& index);

// Points that share a document: equal times, attributes and surroundings. False: it has the metric already, or the point has no value.
class PointDocument {
 public:
  bool add(const otlp::Metric& metric, const otlp::DataPoint& point);
  std::string to_json(const Mapping& mapping, const Surroundings& around, const Index& index) const;
  // "metrics.name":"gauge_long" for each, with otel only.
  std::string dynamic_templates() const;

 private:
  struct Entry {
    std::string value;  // JSON
    std::string_view template_name;
  };
  const otlp::DataPoint* first_ = nullptr;  // of the batch
  std::string_view unit_;
  std::map<std::string_view, Entry> metrics_;  // names as the batch has them
};

}  // namespace weir::exporters::elasticsearch

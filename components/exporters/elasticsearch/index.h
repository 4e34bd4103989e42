#pragma once
// Which index or data stream a document goes to.
#include "base/time.h"
#include "components/exporters/elasticsearch/config.h"

namespace weir::exporters::elasticsearch {

struct Index {
  std::string name;
  std::string type, dataset, name_space;  // of a data stream; otherwise empty
  bool is_data_stream() const { return !type.empty(); }
};

// The rules for one signal.
class Router {
 public:
  Router(const Config& config, otlp::Signal signal);
  // For documents of this mode from now on.
  void use(Mode mode) { otel_ = mode == Mode::otel; }
  // `now`: for names with a day.
  Index route(const otlp::Attributes& item, const otlp::Scope& scope, const otlp::Attributes& resource, UnixNanos now) const;
  // Events of spans are logs.
  Index route_event(const otlp::Attributes& event, const otlp::Scope& scope, const otlp::Attributes& resource, UnixNanos now) const;

 private:
  Index route_as(std::string_view type, const std::string& set, const otlp::Attributes& item, const otlp::Scope& scope, const otlp::Attributes& resource, UnixNanos now) const;

  std::string set_, set_for_events_;
  std::string_view type_;
  bool dynamic_, otel_;
  LogstashFormat logstash_;
};

}  // namespace weir::exporters::elasticsearch

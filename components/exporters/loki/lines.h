#pragma once
// The text of a log line, in the formats that Loki's users know.
#include <string>

#include "otlp/model.h"

namespace weir::exporters::loki {

struct Record {
  const otlp::LogRecord& log;
  const otlp::Scope& scope;
  const otlp::Attributes &attributes, &resource;  // those that did not become labels
};

// Keys in the order body, traceid, spanid, severity, flags, attributes, resources, instrumentation_scope; those without a
// value are left out. False for numbers that JSON cannot say.
bool json_line(const Record& record, std::string& out);
bool logfmt_line(const Record& record, std::string& out);
std::string raw_line(const Record& record);

// As Go's encoding/json: keys of maps sorted, <, > and & escaped.
bool append_go_json(std::string& out, const otlp::Value& value);
void append_go_json_string(std::string& out, std::string_view text);

}  // namespace weir::exporters::loki

#pragma once
// Pieces of JSON as Elasticsearch maps them: doubles always have a point.
#include "otlp/model.h"

namespace weir::exporters::elasticsearch {

void append_value(std::string& out, const otlp::Value& value);
void append_real(std::string& out, double value);
// "key":
void append_key(std::string& out, std::string_view key);
// In front of a closing bracket.
inline void drop_comma(std::string& out) {
  if (out.back() == ',') out.pop_back();
}
// RFC 3339 with nine digits.
std::string timestamp(std::uint64_t nanos);

}  // namespace weir::exporters::elasticsearch

#include "components/exporters/elasticsearch/json.h"

#include <cmath>

#include "base/text.h"
#include "base/time.h"

namespace weir::exporters::elasticsearch {
namespace {

void append(std::string& out, const otlp::Value& value, Arena& scratch) {
  switch (value.type) {
    case otlp::ValueType::empty: out += "null"; return;
    case otlp::ValueType::string: append_json_string(out, value.text); return;
    case otlp::ValueType::boolean: out += value.boolean ? "true" : "false"; return;
    case otlp::ValueType::integer: out += std::to_string(value.integer); return;
    case otlp::ValueType::real: append_real(out, value.real); return;
    case otlp::ValueType::bytes:
      out += '"';
      append_base64(out, value.text);
      out += '"';
      return;
    case otlp::ValueType::array: {
      otlp::Value copy = value;
      out += '[';
      for (auto& item : copy.array(scratch)) append(out, item, scratch), out += ',';
      drop_comma(out);
      out += ']';
      return;
    }
    case otlp::ValueType::map: {
      otlp::Value copy = value;
      out += '{';
      for (auto& kv : copy.map(scratch)) append_key(out, kv.key), append(out, kv.value, scratch), out += ',';
      drop_comma(out);
      out += '}';
    }
  }
}

}  // namespace

void append_value(std::string& out, const otlp::Value& value) {
  Arena scratch;
  append(out, value, scratch);
}

void append_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::string text = format_json_double(value);
  out += text;
  if (text.find_first_of(".e") == text.npos) out += ".0";
}

void append_key(std::string& out, std::string_view key) {
  append_json_string(out, key);
  out += ':';
}

std::string timestamp(std::uint64_t nanos) {
  std::string whole = format_rfc3339(static_cast<UnixNanos>(nanos - nanos % 1'000'000'000));
  if (whole.ends_with('Z')) whole.pop_back();
  return fmt::format("{}.{:09}Z", whole, nanos % 1'000'000'000);
}

}  // namespace weir::exporters::elasticsearch

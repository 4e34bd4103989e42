#include "components/shared/exporting/partial_success.h"

#include "base/log.h"
#include "config/yaml.h"
#include "otlp/wire.h"

namespace weir::exporting {
namespace {

constexpr std::size_t longest_json = 64 * 1024;
constexpr std::size_t longest_message = 1024;

PartialSuccess warn(std::string_view exporter, std::string_view message, std::int64_t rejected) {
  static log::RateLimit lines;
  long long more = 0;
  if ((rejected != 0 || !message.empty()) && lines.allow(more))
    log::warn("Partial success response",
              {{"exporter", exporter}, {"message", message}, {"dropped_items", rejected}, {"suppressed", more}});
  return {rejected > 0 ? static_cast<std::size_t>(rejected) : 0, std::string(message.substr(0, longest_message))};
}

}  // namespace

PartialSuccess warn_of_partial_success(std::string_view exporter, std::string_view response) {
  std::int64_t rejected = 0;
  std::string_view message;
  otlp::Reader fields(response);
  while (fields.next()) {
    if (fields.field() != 1 || !fields.is(otlp::WireType::bytes)) {
      fields.skip();
      continue;
    }
    otlp::Reader partial(fields.bytes());
    while (partial.next()) {
      if (partial.field() == 1 && partial.is(otlp::WireType::varint))
        rejected = static_cast<std::int64_t>(partial.varint());
      else if (partial.field() == 2 && partial.is(otlp::WireType::bytes))
        message = partial.bytes();
      else
        partial.skip();
    }
  }
  return warn(exporter, message, rejected);
}

PartialSuccess warn_of_json_partial_success(std::string_view exporter, std::string_view response) {
  if (response.size() > longest_json) return {};
  auto answer = config::parse_yaml(response, "answer");  // JSON is YAML
  const config::Value* partial = answer ? answer->get("partialSuccess") : nullptr;
  if (partial == nullptr) return {};
  std::string message;
  std::int64_t rejected = 0;
  for (auto& entry : partial->entries()) {
    if (entry.key == "errorMessage") message = entry.value.text();
    // 64-bit numbers are texts in OTLP JSON.
    if (entry.key.starts_with("rejected")) rejected = config::Value::plain(entry.value.text()).as_int();
  }
  return warn(exporter, message, rejected);
}

}  // namespace weir::exporting

#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {

Result<Json> Json::parse(std::string_view text) {
  Json out;
  if (auto error = out.parser_->parse(text.data(), text.size()).get(out.root_))
    return fail(Errc::invalid, "not JSON: {}", simdjson::error_message(error));
  return out;
}

std::string Json::text_of(simdjson::simdjson_result<simdjson::dom::element> value) {
  simdjson::dom::element element;
  if (value.get(element)) return {};
  if (std::string_view text; !element.get(text)) return std::string(text);
  if (element.is_null()) return {};
  return simdjson::minify(element);
}

}  // namespace weir::processors::resourcedetection

#pragma once
// Answers of metadata services, read leniently: what is not there is empty.
#include <simdjson.h>

#include <string>

#include "base/result.h"

namespace weir::processors::resourcedetection {

class Json {
 public:
  static Result<Json> parse(std::string_view text);

  // By JSON pointer, e.g. "/Config/NodeName". Numbers as text; empty when absent.
  std::string text(const char* pointer) const { return text_of(root_.at_pointer(pointer)); }
  simdjson::dom::element root() const { return root_; }
  static std::string text_of(simdjson::simdjson_result<simdjson::dom::element> value);

 private:
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  simdjson::dom::element root_;
};

}  // namespace weir::processors::resourcedetection

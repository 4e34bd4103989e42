#pragma once
// A document as a set of fields by their names with dots.
#include <map>
#include <string>

#include "otlp/model.h"

namespace weir::exporters::elasticsearch {

class Document {
 public:
  // Later values win. Maps become fields of their own, "name.key".
  void add(std::string_view name, const otlp::Value& value);
  // Nothing for an empty text.
  void add_text(std::string_view name, std::string_view text);
  void add_integer(std::string_view name, std::int64_t number);
  void add_time(std::string_view name, std::uint64_t nanos);
  template <class Id>
  void add_id(std::string_view name, const Id& id) {
    if (!id.empty()) add_hex(name, id.view());
  }
  // As JSON text already.
  void add_json(std::string_view name, std::string json) { fields_[std::string(name)] = std::move(json); }
  // Under `prefix` and a dot; at the top when it is empty.
  void add_all(std::string_view prefix, const otlp::Attributes& attributes);

  // `dedot`: names with dots become objects. A field that is also the beginning of another's name goes to "name.value".
  std::string to_json(bool dedot) const;

 private:
  void add_hex(std::string_view name, std::string_view bytes);
  void add_value(std::string name, const otlp::Value& value, Arena& scratch);
  std::map<std::string, std::string> fields_;  // JSON by name
};

}  // namespace weir::exporters::elasticsearch

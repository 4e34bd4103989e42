#pragma once
// What detectors find out: attributes of the resource that this process runs on.
#include <string>
#include <variant>
#include <vector>

namespace weir::processors::resourcedetection {

struct Attribute {
  std::string key;
  std::variant<std::string, std::int64_t, std::vector<std::string>> value;
  bool operator==(const Attribute&) const = default;
};

struct Finding {
  std::vector<Attribute> attributes;
  std::string schema_url;

  void set(std::string key, std::string value) { attributes.push_back({std::move(key), std::move(value)}); }
  void set_list(std::string key, std::vector<std::string> values) { attributes.push_back({std::move(key), std::move(values)}); }
  void set_number(std::string key, std::int64_t value) { attributes.push_back({std::move(key), value}); }
  const Attribute* find(std::string_view key) const {
    for (auto& attribute : attributes)
      if (attribute.key == key) return &attribute;
    return nullptr;
  }
};

}  // namespace weir::processors::resourcedetection

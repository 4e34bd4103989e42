#pragma once
// Fills a map from a text. Attributes look through all entries for each key; a hostile text has a hundred thousand.
#include <map>

#include "otlp/model.h"

namespace weir::ottl {

// Appends to `map`, or changes what is there; nobody else adds to it or removes from it meanwhile.
class MapBuilder {
 public:
  MapBuilder(otlp::Attributes& map, Arena& arena) : map_(map), arena_(arena) {}

  otlp::Value* find(std::string_view key) {
    if (map_.size() <= small) return map_.find(key);
    for (; indexed_ < map_.size(); ++indexed_) index_.emplace(map_[indexed_].key, indexed_);
    auto at = index_.find(key);
    return at == index_.end() ? nullptr : &map_[at->second].value;
  }
  // As Attributes::set().
  void set(std::string_view key, const otlp::Value& value) {
    if (otlp::Value* there = find(key))
      *there = value;
    else
      map_.push_back(arena_, {key, value});
  }

 private:
  static constexpr std::size_t small = 32;
  otlp::Attributes& map_;
  Arena& arena_;
  std::size_t indexed_ = 0;
  std::map<std::string_view, std::size_t> index_;  // in order: no choice of keys makes it slow
};

}  // namespace weir::ottl

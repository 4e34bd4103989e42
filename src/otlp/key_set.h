#pragma once
// Which attributes of a message to decode, by key.
#include <algorithm>
#include <string>
#include <vector>

#include "otlp/plain.h"

namespace weir::otlp {

// A default KeySet has no keys.
class KeySet {
 public:
  static const KeySet& every() {
    static const KeySet all = [] {
      KeySet out;
      out.add_every();
      return out;
    }();
    return all;
  }
  bool empty() const { return keys_.empty() && !every_; }
  bool is_every() const { return every_; }
  // The keys that were added by name.
  const std::vector<std::string>& keys() const { return keys_; }
  void add_every() {
    every_ = true;
    bits_ = ~std::uint64_t{0};
  }
  void add(std::string_view key) {
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return;
    keys_.emplace_back(key);
    bits_ |= key_bit(key);
  }
  void add(const KeySet& other) {
    if (other.every_) add_every();
    for (auto& key : other.keys_) add(std::string_view(key));
  }

  bool has(std::string_view key) const {
    if (!(bits_ & key_bit(key))) return false;
    for (auto& one : keys_)
      if (one == key) return true;
    return every_;
  }

 private:
  std::vector<std::string> keys_;
  std::uint64_t bits_ = 0;
  bool every_ = false;
};

}  // namespace weir::otlp

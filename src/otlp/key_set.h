#pragma once
// Which attributes of a message to decode, by key.
#include "otlp/wire.h"

namespace weir::otlp {

// Empty: none. Answers "no" to most keys by their length.
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
  void add_every() { every_ = true; }
  void add(std::string_view key) {
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return;
    keys_.emplace_back(key);
    lengths_ |= bit(key.size());
  }
  void add(const KeySet& other) {
    every_ |= other.every_;
    for (auto& key : other.keys_) add(std::string_view(key));
  }

  // Of a KeyValue message. Also true for one of another form than SDKs write: whoever decodes it sees the key.
  bool wants(std::string_view key_value) const {
    if (every_ || !is_plain(key_value)) return true;
    std::size_t size = byte(key_value, 1);
    return (lengths_ & bit(size)) && has(key_value.substr(2, size));
  }

 private:
  static std::size_t byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }
  // A short key, then a short value, then nothing.
  static bool is_plain(std::string_view kv) {
    if (kv.size() < 4 || kv[0] != 0x0A) return false;
    std::size_t value = 2 + byte(kv, 1);
    return value + 2 <= kv.size() && value < 130 && kv[value] == 0x12 && byte(kv, value + 1) < 0x80 &&
           value + 2 + byte(kv, value + 1) == kv.size();
  }
  bool has(std::string_view key) const { return std::find(keys_.begin(), keys_.end(), key) != keys_.end(); }
  static std::uint64_t bit(std::size_t length) { return std::uint64_t{1} << (length & 63); }

  std::vector<std::string> keys_;
  std::uint64_t lengths_ = 0;
  bool every_ = false;
};

}  // namespace weir::otlp

#pragma once
// Builds the key of a series from parts, over and over in one piece of memory.
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace weir::connectors::spanmetrics {

class KeyBuffer {
 public:
  std::string_view view() const { return {bytes_.data(), size_}; }
  std::size_t size() const { return size_; }
  void truncate(std::size_t size) { size_ = size; }

  void byte(std::uint8_t value) {
    room(1);
    bytes_[size_++] = static_cast<char>(value);
  }
  // With its length, so that no two lists of parts make the same key.
  void part(std::string_view text) {
    auto length = static_cast<std::uint32_t>(text.size());
    room(sizeof length + text.size());
    char* to = bytes_.data() + size_;
    std::memcpy(to, &length, sizeof length);
    if (length) std::memcpy(to + sizeof length, text.data(), text.size());
    size_ += sizeof length + text.size();
  }

 private:
  void room(std::size_t more) {
    if (bytes_.size() - size_ < more) [[unlikely]] bytes_.resize((size_ + more) * 2);
  }
  std::vector<char> bytes_ = std::vector<char>(512);
  std::size_t size_ = 0;
};

}  // namespace weir::connectors::spanmetrics

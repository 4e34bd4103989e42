#pragma once
// Numbers and texts one behind the other, little-endian: for files of our own.
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir {

static_assert(std::endian::native == std::endian::little);

class Packer {
 public:
  template <class T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  // With its length in front, below 4 GiB.
  void text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  template <class T>
  void numbers(const std::vector<T>& values) {
    text({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  std::size_t size() const { return out_.size(); }
  std::string finish() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what a Packer wrote, or anything else: once it ran short, ok() is false and everything is zero or empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}
  bool ok() const { return ok_; }
  bool done() const { return left_.empty(); }

  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T out{};
    std::string_view from = take(sizeof out);
    if (ok_) std::memcpy(&out, from.data(), sizeof out);
    return out;
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  template <class T>
  std::vector<T> numbers() {
    std::string_view bytes = text();
    if (bytes.size() % sizeof(T) != 0) return fail(), std::vector<T>();
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  void fail() { ok_ = false, left_ = {}; }

 private:
  std::string_view take(std::size_t n) {
    if (n > left_.size()) return fail(), std::string_view();
    std::string_view out = left_.substr(0, n);
    left_.remove_prefix(n);
    return out;
  }
  std::string_view left_;
  bool ok_ = true;
};

}  // namespace weir

#pragma once
// The last 64 KiB of what an LZ decoder has put out, which its copies refer to. Fixed memory.
#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

namespace weir::net {

class LzWindow {
 public:
  using Sink = std::function<void(std::string_view)>;
  static constexpr std::size_t farthest = 64 * 1024, bytes = farthest + 16 * 1024;

  void literal(std::string_view in, const Sink& out) {
    while (!in.empty()) {
      std::size_t part = std::min(in.size(), room(out));
      std::memcpy(text_.get() + filled_, in.data(), part);
      filled_ += part;
      in.remove_prefix(part);
    }
  }
  // False when that lies in front of the beginning, or farther back than the window reaches.
  bool copy(std::size_t distance, std::size_t length, const Sink& out) {
    if (distance == 0 || distance > std::min(filled_, farthest)) return false;
    while (length > 0) {
      std::size_t part = std::min({length, room(out), distance});  // a copy may run into what it makes
      std::memcpy(text_.get() + filled_, text_.get() + filled_ - distance, part);
      filled_ += part;
      length -= part;
      // What repeats itself after n bytes does so after 2 n.
      if (part == distance && 2 * distance <= farthest) distance *= 2;
    }
    return true;
  }
  // Hands over what is left.
  void flush(const Sink& out) {
    if (filled_ > sent_) out({text_.get() + sent_, filled_ - sent_});
    sent_ = filled_;
  }
  // Copies do not reach back behind this point.
  void restart(const Sink& out) {
    flush(out);
    filled_ = sent_ = 0;
  }

 private:
  std::size_t room(const Sink& out) {
    if (filled_ < bytes) return bytes - filled_;
    flush(out);
    std::memmove(text_.get(), text_.get() + bytes - farthest, farthest);
    filled_ = sent_ = farthest;
    return bytes - filled_;
  }

  std::unique_ptr<char[]> text_ = std::make_unique_for_overwrite<char[]>(bytes);
  std::size_t filled_ = 0, sent_ = 0;
};

}  // namespace weir::net

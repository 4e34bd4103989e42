#pragma once
// What both sides of HTTP/2 share: owning nghttp2's objects, fields, bodies that are sent without a copy.
#include <nghttp2/nghttp2.h>

#include <memory>
#include <vector>

#include "net/stream.h"

namespace weir::net {

struct Http2SessionFree {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
using Http2Session = std::unique_ptr<nghttp2_session, Http2SessionFree>;

// Flags for text that lives until the frame is serialised; nghttp2 copies without them.
inline nghttp2_nv http2_field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Fields of HTTP/1.1's connections, which HTTP/2 forbids.
bool forbidden_in_http2(std::string_view name);

// The body of one message on its way out, in pieces that are referenced.
class OutBody {
 public:
  void add(Bytes piece) {
    if (piece.empty()) return;
    size_ += piece.size();
    pieces_.push_back(std::move(piece));
  }
  // Small bytes in front of the pieces, such as gRPC's prefix.
  void set_prefix(std::string prefix) {
    size_ += prefix.size();
    prefix_ = std::move(prefix);
  }
  std::size_t left() const { return size_; }
  // The next `size` bytes, which must be there.
  void move_to(OutQueue& out, std::size_t size);

 private:
  std::string prefix_;
  std::vector<Bytes> pieces_;
  std::size_t first_ = 0;   // pieces before it are gone
  std::size_t offset_ = 0;  // of the first one
  std::size_t size_ = 0;
};

// Frames of this size are offered to peers, and used when they allow it.
inline constexpr std::uint32_t http2_max_frame = 1024 * 1024;
inline constexpr std::uint32_t http2_stream_window = 4 * 1024 * 1024;
inline constexpr std::int32_t http2_connection_window = 32 * 1024 * 1024;

}  // namespace weir::net

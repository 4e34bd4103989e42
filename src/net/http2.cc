#include "net/http2.h"

namespace weir::net {

bool forbidden_in_http2(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "transfer-encoding" ||
         name == "upgrade" || name == "host" || name == "content-length";
}

void OutBody::move_to(OutQueue& out, std::size_t size) {
  size_ -= size;
  if (!prefix_.empty()) {
    std::size_t part = std::min(size, prefix_.size());
    out.append(std::string_view(prefix_).substr(0, part));
    prefix_.erase(0, part);
    size -= part;
  }
  while (size > 0) {
    Bytes& piece = pieces_[first_];
    std::string_view part = piece.view().substr(offset_, size);
    size -= part.size();
    offset_ += part.size();
    if (offset_ < piece.size()) {
      out.append(piece.slice(part));
      break;
    }
    // The last part takes the reference along.
    out.append(part.size() == piece.size() ? std::move(piece) : piece.slice(part));
    ++first_;
    offset_ = 0;
  }
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
  }
}

}  // namespace weir::net

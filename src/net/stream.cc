#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

namespace weir::net {
namespace {

// One TLS record.
constexpr std::size_t record_bytes = 16 * 1024;
constexpr int max_iovecs = 64;

std::size_t gather(std::span<const iovec> pieces, std::span<char> into) {
  std::size_t used = 0;
  for (const iovec& piece : pieces) {
    std::size_t part = std::min(piece.iov_len, into.size() - used);
    std::memcpy(into.data() + used, piece.iov_base, part);
    used += part;
  }
  return used;
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this == &other) return *this;
  if (ssl_ != nullptr) SSL_free(ssl_);
  fd_ = std::move(other.fd_);
  ssl_ = std::exchange(other.ssl_, nullptr);
  handshaking_ = other.handshaking_;
  error_ = std::move(other.error_);
  return *this;
}

Stream::~Stream() {
  if (ssl_ == nullptr) return;
  // The close alert is a courtesy: no waiting for it to go out.
  if (!handshaking_ && error_.empty()) SSL_shutdown(ssl_);
  ERR_clear_error();
  SSL_free(ssl_);
}

void Stream::start_tls(ssl_st* ssl) {
  ssl_ = ssl;
  handshaking_ = true;
}

IoStatus Stream::handshake() {
  if (SSL_get_fd(ssl_) < 0) SSL_set_fd(ssl_, fd_.get());
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_);
  if (result != 1) return tls_status(result);
  handshaking_ = false;
  return IoStatus::ok;
}

std::string_view Stream::alpn() const {
  if (ssl_ == nullptr) return {};
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

IoStatus Stream::tls_status(int result) {
  int system_error = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IoStatus::again;
    case SSL_ERROR_ZERO_RETURN: return IoStatus::eof;
    case SSL_ERROR_SYSCALL:
      error_ = system_error != 0 ? std::strerror(system_error) : "connection closed";
      return IoStatus::error;
    default: {
      unsigned long code = ERR_get_error();
      long verify = SSL_get_verify_result(ssl_);
      if (verify != X509_V_OK) error_ = fmt::format("tls: certificate: {}", X509_verify_cert_error_string(verify));
      else if (const char* reason = ERR_reason_error_string(code)) error_ = fmt::format("tls: {}", reason);
      else error_ = "tls: failed";
      // Many peers go away without the closing alert; HTTP has its own framing against truncation.
      return ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING && !handshaking_ ? IoStatus::eof
                                                                                        : IoStatus::error;
    }
  }
}

IoResult Stream::read(std::span<char> into) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    errno = 0;
    std::size_t used = 0;
    // A record is small against `into`: take as many as there are.
    while (used < into.size()) {
      std::size_t got = 0;
      if (SSL_read_ex(ssl_, into.data() + used, into.size() - used, &got) != 1) {
        if (used > 0) return {IoStatus::ok, used};  // whatever it is, the next call tells
        return {tls_status(0), 0};
      }
      used += got;
    }
    return {IoStatus::ok, used};
  }
  for (;;) {
    ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (n > 0) return {IoStatus::ok, static_cast<std::size_t>(n)};
    if (n == 0) return {IoStatus::eof, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::again, 0};
    error_ = std::strerror(errno);
    return {IoStatus::error, 0};
  }
}

IoResult Stream::write(std::span<const iovec> pieces) {
  if (ssl_ != nullptr) {
    char record[record_bytes];
    std::size_t size = gather(pieces, record), done = 0;
    ERR_clear_error();
    errno = 0;
    if (SSL_write_ex(ssl_, record, size, &done) != 1) return {tls_status(0), 0};
    return {IoStatus::ok, done};
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  for (;;) {
    ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n >= 0) return {IoStatus::ok, static_cast<std::size_t>(n)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::again, 0};
    error_ = std::strerror(errno);
    return {IoStatus::error, 0};
  }
}

void Stream::acknowledge() {
  int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);  // not TCP: then there is nothing to hurry
}

void Stream::shutdown_write() {
  if (ssl_ != nullptr && !handshaking_ && error_.empty()) SSL_shutdown(ssl_);
  ::shutdown(fd_.get(), SHUT_WR);
}

void OutQueue::append(std::string_view copied) {
  if (copied.empty()) return;
  size_ += copied.size();
  if (segments_.size() > first_ && segments_.back().bytes.empty() && segments_.back().copy.size() < 4096) {
    segments_.back().copy += copied;
    return;
  }
  segments_.push_back({std::string(copied), {}});
}

void OutQueue::append(Bytes referenced) {
  if (referenced.size() < copy_below) return append(referenced.view());
  size_ += referenced.size();
  segments_.push_back({{}, std::move(referenced)});
}

IoStatus OutQueue::flush(Stream& stream, std::size_t& written) {
  while (size_ > 0) {
    iovec pieces[max_iovecs];
    int count = 0;
    for (std::size_t i = first_; i < segments_.size() && count < max_iovecs; ++i) {
      std::string_view view = segments_[i].view().substr(i == first_ ? offset_ : 0);
      pieces[count++] = {const_cast<char*>(view.data()), view.size()};
    }
    IoResult result = stream.write({pieces, static_cast<std::size_t>(count)});
    if (result.status != IoStatus::ok) return result.status;
    consume(result.bytes);
    written += result.bytes;
  }
  return IoStatus::ok;
}

void OutQueue::consume(std::size_t bytes) {
  size_ -= bytes;
  while (bytes > 0) {
    std::size_t left = segments_[first_].view().size() - offset_;
    if (bytes < left) {
      offset_ += bytes;
      break;
    }
    bytes -= left;
    offset_ = 0;
    segments_[first_++] = {};
  }
  if (size_ == 0) return clear();
  // A queue that is never quite empty must not keep what it has written.
  if (first_ >= 64 && first_ * 2 >= segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutQueue::clear() {
  // An idle connection keeps no memory for a burst it once had.
  if (segments_.capacity() > 16) segments_ = {};
  segments_.clear();
  first_ = offset_ = size_ = 0;
}

std::string OutQueue::text() const {
  std::string out;
  for (std::size_t i = first_; i < segments_.size(); ++i)
    out += segments_[i].view().substr(i == first_ ? offset_ : 0);
  return out;
}

}  // namespace weir::net

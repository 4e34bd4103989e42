#pragma once
// A connected non-blocking socket, plain or TLS, and what is still to be written to it.
#include <sys/uio.h>

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "net/socket.h"

struct ssl_st;

namespace weir::net {

enum class IoStatus : std::uint8_t { ok, again, eof, error };

struct IoResult {
  IoStatus status = IoStatus::error;
  std::size_t bytes = 0;  // with ok, at least 1
};

class Stream {
 public:
  Stream() = default;
  explicit Stream(Fd fd, ssl_st* ssl = nullptr) : fd_(std::move(fd)), ssl_(ssl), handshaking_(ssl != nullptr) {}
  Stream(Stream&& other) noexcept { *this = std::move(other); }
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  int fd() const { return fd_.get(); }
  bool is_tls() const { return ssl_ != nullptr; }
  // True until a TLS handshake is done; nothing can be read or written before.
  bool handshaking() const { return handshaking_; }
  // Turns a connected plain stream into a TLS one. `ssl` becomes its own.
  void start_tls(ssl_st* ssl);
  IoStatus handshake();
  // The protocol chosen in the handshake, or empty.
  std::string_view alpn() const;

  IoResult read(std::span<char> into);
  IoResult write(std::span<const iovec> pieces);
  // Tells the peer at once what came so far. One that sends small pieces only after another (Nagle's algorithm) waits for
  // that, which the kernel otherwise leaves for up to 40 ms.
  void acknowledge();
  // Tells the peer that nothing more will come; reading goes on.
  void shutdown_write();
  // Why the last call returned IoStatus::error.
  const std::string& error() const { return error_; }

 private:
  IoStatus tls_status(int result);
  Fd fd_;
  ssl_st* ssl_ = nullptr;
  bool handshaking_ = false;
  std::string error_;
};

// Bytes on their way out: small ones are copied together, big ones are referenced.
class OutQueue {
 public:
  void append(std::string_view copied);
  void append(Bytes referenced);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Writes until nothing is left (ok) or the socket takes no more (again). `written` grows by what went out.
  IoStatus flush(Stream& stream, std::size_t& written);
  void clear();
  // Everything as one string, for tests.
  std::string text() const;

 private:
  // Below this a copy is cheaper than an entry of its own.
  static constexpr std::size_t copy_below = 256;
  struct Segment {
    std::string copy;
    Bytes bytes;
    std::string_view view() const { return bytes.empty() ? std::string_view(copy) : bytes.view(); }
  };
  void consume(std::size_t bytes);
  std::vector<Segment> segments_;
  std::size_t first_ = 0;    // segments before it are written
  std::size_t offset_ = 0;   // of the first one, already written
  std::size_t size_ = 0;
};

}  // namespace weir::net

#pragma once
// Takes datagrams (UDP, or a unix socket's) on one core.
#include <functional>
#include <memory>
#include <string>

#include "io/loop.h"
#include "net/socket.h"

namespace weir::net {

struct DatagramSettings {
  std::string endpoint;               // host:port (port 0: any), :port, [::1]:port, unix:/path
  std::size_t max_size = 65'535;      // longer ones are cut, and told so
  std::size_t receive_buffer = 0;     // of the kernel, bytes; 0: the system's default
  int permissions = -1;               // of a unix socket's file; -1: what the process's umask makes of them
  bool share_port = false;            // another core listens there already (SO_REUSEPORT)
};

struct Datagram {
  std::string_view bytes;  // valid until the callback returns
  bool truncated = false;
  const SocketAddress& peer;
};

class DatagramSocket final : private io::FdHandler {
 public:
  using OnDatagram = std::function<void(const Datagram&)>;

  // `on_datagram` runs on the loop's core and may destroy the socket.
  static Result<std::unique_ptr<DatagramSocket>> listen(io::Executor& executor, DatagramSettings settings, OnDatagram on_datagram);
  ~DatagramSocket();
  DatagramSocket(const DatagramSocket&) = delete;

  // Where it really listens: "127.0.0.1:6831".
  std::string endpoint() const;
  // What the kernel had no room for since the start, as far as it says so.
  std::uint64_t overflowed() const { return overflowed_; }

 private:
  DatagramSocket(io::Loop& loop, DatagramSettings settings, OnDatagram on_datagram, Fd fd);
  void on_ready(std::uint32_t events) override;
  bool receive_one();

  io::Loop& loop_;
  DatagramSettings settings_;
  OnDatagram on_datagram_;
  Fd fd_;
  io::WatchId watch_ = 0;
  std::uint64_t overflowed_ = 0;
  bool* gone_ = nullptr;  // set while a callback runs: tells on_ready() that it was destroyed
};

}  // namespace weir::net

#pragma once
// The two protocols of a server's connection: bytes in, bytes out, no sockets.
#include "net/incoming.h"

namespace weir::net {

inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class ServerProtocol {
 public:
  virtual ~ServerProtocol() = default;

  // Bytes from the peer. False: the connection is over when what is queued has gone out.
  virtual bool receive(std::string_view bytes) = 0;
  // The peer will send no more. False as above.
  virtual bool receive_end() = 0;
  // A body that knows its size: where the next bytes may be read to directly, or null.
  virtual Incoming* direct() { return nullptr; }
  // How much to read at once otherwise: little when what follows is better read to direct().
  virtual std::size_t read_size() const { return SIZE_MAX; }
  // After bytes were put there.
  virtual bool received_direct() { return true; }
  // What came last is the head of a request, and nothing of its body.
  virtual bool waits_for_body() const { return false; }
  // Requests are under way. A connection without may be closed when its place is needed.
  virtual bool busy() const = 0;
  // False while the peer has to wait until an answer has gone out.
  virtual bool wants_input() const { return true; }

  // Answers a request; later than receive(), or from within it. Nothing happens when the request is gone.
  virtual void answer(std::int32_t stream, Answer answer) = 0;
  // The next message of a streaming call may come.
  virtual void next(std::int32_t) {}
  // Moves what is ready into the host's queue, as far as it should grow. False as above.
  virtual bool produce() = 0;
  // produce() has more to say, without a limit that is near.
  virtual bool streaming() const { return false; }
  // Nothing waits to be sent, but produce() would make more: a part of a body may be empty.
  virtual bool has_more_to_make() const { return false; }

  // When to call on_time; TimePoint::max() for never.
  virtual TimePoint deadline() const = 0;
  // False as above.
  virtual bool on_time(TimePoint now) = 0;
  // Take no new requests; be over when the open ones are answered. False as above.
  virtual bool drain() = 0;
};

std::unique_ptr<ServerProtocol> make_http1_server(ProtocolHost& host);
std::unique_ptr<ServerProtocol> make_http2_server(ProtocolHost& host);

// Where the queue of one connection stops growing.
inline constexpr std::size_t out_high_water = 1024 * 1024;

// A client that was heard of (accepted, answered) this short a time ago may have a request on its way when the server
// starts to drain: it is waited for, and answered.
inline constexpr Duration drain_grace = 500ms;

inline TimePoint later(TimePoint now, Duration wait) {
  return wait <= Duration::zero() ? TimePoint::max() : now + wait;
}

}  // namespace weir::net

#pragma once
// From a name to a connected stream: lookup, TCP, a proxy's tunnel, TLS.
#include <memory>

#include "io/loop.h"
#include "net/headers.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/url.h"

namespace weir::net {

// One lookup of a name, on a thread of its own because the system's resolver blocks. Letting it go cancels it.
class Lookup {
 public:
  using Done = std::move_only_function<void(Result<std::vector<SocketAddress>>)>;
  // Calls back later, on the executor's core. Literal addresses need no thread.
  Lookup(io::Executor& executor, const std::string& host, std::uint16_t port, Done done);
  Lookup(const Lookup&) = delete;
  ~Lookup();

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;  // the thread is the second owner
};

struct DialPlan {
  std::vector<SocketAddress> addresses;  // tried in order
  // Set: ask the proxy at these addresses for a tunnel to "host:port".
  std::string tunnel_to;
  std::string proxy_authorization;  // value of the header, or empty
  HeaderList proxy_headers;         // more of them
  TlsContext* tls = nullptr;
  std::string server_name;
  std::string_view without_tls;  // what the settings need for a server that has none, for messages
  Duration timeout = 20s;  // for all of it; an address that does not answer takes only its share
};

// One attempt to connect. Letting it go cancels it.
class Dial final : public io::FdHandler {
 public:
  using Done = std::move_only_function<void(Result<Stream>)>;
  // Calls back once, later, on the loop's core; may be let go in there.
  Dial(io::Loop& loop, DialPlan plan, Done done);
  Dial(const Dial&) = delete;
  ~Dial();
  void on_ready(std::uint32_t events) override;

 private:
  enum class Step : std::uint8_t { connecting, asking_proxy, shaking_hands };
  void next_address();
  void connected();
  void ask_proxy();
  void read_proxy();
  void secure();
  void shake_hands();
  void give_up(std::string reason);
  std::string peer() const { return to_string(plan_.addresses[next_ - 1]); }
  void finish(Result<Stream> result);

  io::Loop& loop_;
  DialPlan plan_;
  Done done_;
  Stream stream_;
  std::size_t next_ = 0;
  Step step_ = Step::connecting;
  std::string proxy_answer_;
  std::string last_error_ = "no addresses";
  io::WatchId watch_ = 0;
  io::TimerId timer_ = 0, start_ = 0, attempt_ = 0;
};

}  // namespace weir::net

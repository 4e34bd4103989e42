#pragma once
// A server of a receiver on one core, and what its requests say about their senders.
#include "components/shared/auth/auth.h"
#include "components/shared/listeners/listeners.h"
#include "engine/component.h"
#include "net/server.h"

namespace weir {

// A server, and its socket's way from plan to plan.
class Serving {
 public:
  Serving(net::ServerSettings settings, const engine::ReceiverContext& context);
  Serving(const Serving&) = delete;
  ~Serving();

  // Where it listens, as far as that is known before start().
  const net::ServerSettings& settings() const { return settings_; }
  // `handler` outlives it. Nothing is listened to on a core that need not: a unix socket has one listener, whatever the number of cores.
  Result<> start(net::Handler& handler);
  // For whoever takes this one's place: see engine::Listens.
  void share();
  void stop(io::Task done);

 private:
  bool is_needed() const { return context_.shard == 0 || !configured_.starts_with("unix:"); }

  engine::ReceiverContext context_;
  std::string configured_;
  std::shared_ptr<Listeners> listeners_;  // shared with the process and all other receivers
  net::ServerSettings settings_;
  std::unique_ptr<net::Server> server_;
};

// Stops all of them, then calls `done`. T: a pointer to something with stop(io::Task).
template <class T>
void stop_all(std::span<const T> servers, io::Task done) {
  if (servers.empty()) return done();
  struct Waiting {
    std::size_t left;
    io::Task done;
  };
  auto waiting = std::make_shared<Waiting>(servers.size(), std::move(done));  // shared by the servers' callbacks
  for (auto& server : servers)
    server->stop([waiting] {
      if (--waiting->left == 0) waiting->done();
    });
}

// How to find out what is known about senders.
struct SenderContext {
  bool include_metadata = false;
  auth::Server* authenticator = nullptr;  // null: anybody may send

  // Address, metadata and what the authenticator knows; charged.
  std::shared_ptr<const otlp::Context> of(const net::RequestHead& head, Budget& budget) const;
};

}  // namespace weir

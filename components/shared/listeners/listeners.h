#pragma once
// Listening sockets on their way from the receivers of one plan to those of the next, so that no connection attempt is
// turned away by a reload.
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "engine/component.h"

namespace weir {

// Thread-safe. Owned by the process (Host::shared). While a plan takes another one's place, who listens leaves a second
// descriptor of its socket here (share_listeners()), and whoever is to listen in its place takes it, instead of binding.
class Listeners {
 public:
  Listeners() = default;
  Listeners(const Listeners&) = delete;
  ~Listeners();

  static std::shared_ptr<Listeners> of(engine::Host& host) { return engine::shared_state<Listeners>(host, "listeners"); }

  // From now on sockets may be left.
  void open();
  // -1 when none was left for this endpoint and core.
  int take(const std::string& endpoint, std::uint16_t shard);
  // Takes the descriptor over. Closes it when no other plan is about to come.
  void leave(const std::string& endpoint, std::uint16_t shard, int fd);
  // For sockets that cannot be left: whoever binds this port shares it for a moment.
  void announce(const std::string& endpoint);
  // A socket with this endpoint's port was left or announced, maybe for another address of this machine: who binds has to share the port.
  bool shares_port(const std::string& endpoint) const;
  // Closes what nobody took. Called when the plan has taken the other one's place, or did not start.
  void close_rest();

  // What "port 0" became on the first core, for the others. "" when not known.
  std::string resolved(const std::string& endpoint) const;
  void resolve(const std::string& endpoint, std::string actual);

 private:
  void close_all();

  mutable std::mutex mutex_;  // guards everything below
  bool open_ = false;
  std::map<std::pair<std::string, std::uint16_t>, int> sockets_;
  std::set<std::string, std::less<>> ports_;  // that were left since open()
  std::map<std::string, std::string> resolved_;
};

}  // namespace weir

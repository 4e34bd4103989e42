#pragma once
// Listening sockets that outlive a plan: a reload hands them from the old receivers to the new ones, so that no
// connection attempt is turned away meanwhile.
#include <map>
#include <mutex>
#include <string>

#include "engine/component.h"

namespace weir {

// Thread-safe. Owned by the process (Host::shared); receivers put their sockets here when they stop.
class Listeners {
 public:
  Listeners() = default;
  Listeners(const Listeners&) = delete;
  ~Listeners();

  static std::shared_ptr<Listeners> of(engine::Host& host) { return engine::shared_state<Listeners>(host, "listeners"); }

  // -1 when none was left for this endpoint and core.
  int take(const std::string& endpoint, std::uint16_t shard);
  void leave(const std::string& endpoint, std::uint16_t shard, int fd);
  // Closes what nobody took. Called when a plan has started.
  void close_rest();
  // The process ends: what is left here, now and later, is closed at once, so that clients are refused instead of waiting.
  void stop();

  // What "port 0" became on the first core, for the others. "" when not known.
  std::string resolved(const std::string& endpoint) const;
  void resolve(const std::string& endpoint, std::string actual);

 private:
  mutable std::mutex mutex_;  // guards everything below
  bool stopped_ = false;
  std::map<std::pair<std::string, std::uint16_t>, int> sockets_;
  std::map<std::string, std::string> resolved_;
};

}  // namespace weir

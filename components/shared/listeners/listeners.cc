#include "components/shared/listeners/listeners.h"

#include <unistd.h>

namespace weir {

Listeners::~Listeners() { close_rest(); }

int Listeners::take(const std::string& endpoint, std::uint16_t shard) {
  std::lock_guard lock(mutex_);
  auto at = sockets_.find({endpoint, shard});
  if (at == sockets_.end()) return -1;
  int fd = at->second;
  sockets_.erase(at);
  return fd;
}

void Listeners::leave(const std::string& endpoint, std::uint16_t shard, int fd) {
  if (fd < 0) return;
  std::lock_guard lock(mutex_);
  if (stopped_) {
    close(fd);
    return;
  }
  auto [at, fresh] = sockets_.emplace(std::pair(endpoint, shard), fd);
  if (!fresh) close(fd);
}

void Listeners::close_rest() {
  std::lock_guard lock(mutex_);
  for (auto& [key, fd] : sockets_) close(fd);
  sockets_.clear();
}

void Listeners::stop() {
  close_rest();
  std::lock_guard lock(mutex_);
  stopped_ = true;
}

std::string Listeners::resolved(const std::string& endpoint) const {
  std::lock_guard lock(mutex_);
  auto at = resolved_.find(endpoint);
  return at == resolved_.end() ? "" : at->second;
}

void Listeners::resolve(const std::string& endpoint, std::string actual) {
  std::lock_guard lock(mutex_);
  resolved_[endpoint] = std::move(actual);
}

}  // namespace weir

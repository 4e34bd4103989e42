#include "components/shared/listeners/listeners.h"

#include <unistd.h>

namespace weir {

static std::string port_of(const std::string& endpoint) { return endpoint.substr(endpoint.rfind(':') + 1); }

Listeners::~Listeners() { close_all(); }

void Listeners::open() {
  std::lock_guard lock(mutex_);
  open_ = true;
}

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
  if (!open_ || !sockets_.emplace(std::pair(endpoint, shard), fd).second) {
    close(fd);
    return;
  }
  ports_.insert(port_of(endpoint));
}

void Listeners::announce(const std::string& endpoint) {
  std::lock_guard lock(mutex_);
  if (open_) ports_.insert(port_of(endpoint));
}

bool Listeners::shares_port(const std::string& endpoint) const {
  std::lock_guard lock(mutex_);
  return ports_.contains(port_of(endpoint));
}

void Listeners::close_rest() {
  std::lock_guard lock(mutex_);
  close_all();
  open_ = false;
  ports_.clear();
}

void Listeners::close_all() {
  for (auto& [key, fd] : sockets_) close(fd);
  sockets_.clear();
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

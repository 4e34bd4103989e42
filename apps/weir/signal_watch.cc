#include "weir/signal_watch.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace weir::app {

SignalWatch::SignalWatch(io::Loop& loop) : loop_(loop) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (auto watch = loop_.watch(fd_, EPOLLIN, *this)) watch_ = *watch;
}

SignalWatch::~SignalWatch() {
  loop_.unwatch(watch_);
  ::close(fd_);
}

}  // namespace weir::app

#include "io/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "io/loop_of.h"

namespace weir::io {
namespace {
constexpr WatchId wake_watch = 0;
}

struct Loop::Remote {
  std::mutex mutex;
  std::vector<Task> tasks;
  bool stop = false;
  bool signalled = false;  // the eventfd has been written since the last take
};

Loop::Loop(CoreId id) : id_(id), remote_(std::make_unique<Remote>()) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  WEIR_CHECK(epoll_ >= 0 && wake_ >= 0, "errno {}", errno);
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = wake_watch}};
  WEIR_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0, "errno {}", errno);
}

Loop::~Loop() {
  ::close(wake_);
  ::close(epoll_);
}

void Loop::run() {
  while (round(Duration::max())) {}
}

bool Loop::round(Duration max_wait) {
  run_once(max_wait);
  return goes_on();
}

bool Loop::eventless_round() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  CoreScope scope(id_);
  serve({});
  return goes_on();
}

bool Loop::goes_on() {
  if (!std::exchange(stopping_, false)) return true;
  run_tasks();
  return false;
}

void Loop::stop() {
  std::lock_guard lock(remote_->mutex);
  remote_->stop = true;
  if (std::exchange(remote_->signalled, true)) return;
  std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

bool Loop::run_until(const std::function<bool()>& done, Duration limit) {
  TimePoint end = now() + limit;
  while (!done()) {
    Duration left = end - now();
    if (left <= Duration::zero()) return false;
    run_once(left);
  }
  return true;
}

void Loop::post(Task task) {
  if (owner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    // From another core of this thread: what led to this may have posted here from a third core before.
    if (current_core() != id_) take_remote();
    tasks_.push_back(std::move(task));
    return;
  }
  std::lock_guard lock(remote_->mutex);
  remote_->tasks.push_back(std::move(task));
  if (std::exchange(remote_->signalled, true)) return;
  std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void Loop::take_remote() {
  std::lock_guard lock(remote_->mutex);
  remote_->signalled = false;
  if (std::exchange(remote_->stop, false)) stopping_ = true;
  for (Task& task : remote_->tasks) tasks_.push_back(std::move(task));
  remote_->tasks.clear();
}

// Only what is there now: tasks that post tasks must not keep the sockets waiting.
void Loop::run_tasks() {
  tasks_now_.swap(tasks_);
  for (Task& task : tasks_now_) task();
  tasks_now_.clear();
}

TimePoint Loop::next() const {
  if (!tasks_.empty() || !rechecks_.empty() || stopping_) return TimePoint::min();
  return timers_.empty() ? TimePoint::max() : timers_.next();
}

int Loop::millis_until(TimePoint when, TimePoint now) {
  if (when <= now) return 0;
  constexpr Duration longest = 1h;
  if (when >= now + longest) return static_cast<int>(longest / 1ms);
  return static_cast<int>((when - now + 1ms - Duration(1)) / 1ms);
}

std::span<char> Loop::scratch() {
  thread_local auto bytes = std::make_unique_for_overwrite<char[]>(scratch_bytes);
  return {bytes.get(), scratch_bytes};
}

void Loop::run_once(Duration max_wait) {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  CoreScope scope(id_);
  TimePoint before = now(), until = next();
  if (max_wait != Duration::max()) until = std::min(until, before + max_wait);
  std::array<epoll_event, 128> events;
  int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), millis_until(until, before));
  WEIR_CHECK(count >= 0 || errno == EINTR, "epoll_wait: errno {}", errno);
  serve({events.data(), static_cast<std::size_t>(std::max(count, 0))});
}

void Loop::serve(std::span<const epoll_event> events) {
  TimePoint began = now();
  rechecks_now_.swap(rechecks_);
  for (const epoll_event& event : events) {
    if (event.data.u64 == wake_watch) {
      take_remote();
    } else if (Watch* watch = find(event.data.u64)) {
      watch->handler->on_ready(event.events);
    }
  }
  for (auto [id, bits] : rechecks_now_)
    if (Watch* watch = find(id)) watch->handler->on_ready(bits);
  rechecks_now_.clear();
  if (!timers_.empty()) timers_.run(now());
  run_tasks();
  busy_ += now() - began;
}

Loop::Watch* Loop::find(WatchId watch) {
  auto slot = static_cast<std::uint32_t>(watch);
  if (slot >= watches_.size() || watches_[slot].generation != watch >> 32) return nullptr;
  return watches_[slot].handler == nullptr ? nullptr : &watches_[slot];
}

Result<WatchId> Loop::watch(int fd, std::uint32_t events, FdHandler& handler) {
  std::uint32_t slot = static_cast<std::uint32_t>(watches_.size());
  if (free_watches_.empty()) {
    watches_.emplace_back();
  } else {
    slot = free_watches_.back();
    free_watches_.pop_back();
  }
  Watch& watch = watches_[slot];
  WatchId id = (WatchId{watch.generation} << 32) | slot;
  epoll_event event{.events = events, .data = {.u64 = id}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    free_watches_.push_back(slot);
    return fail(Errc::internal, "epoll_ctl for fd {}: {}", fd, std::strerror(errno));
  }
  watch.fd = fd;
  watch.handler = &handler;
  return id;
}

void Loop::unwatch(WatchId id) {
  Watch* watch = find(id);
  if (watch == nullptr) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, watch->fd, nullptr);
  watch->handler = nullptr;
  if (++watch->generation == 0) watch->generation = 1;
  free_watches_.push_back(static_cast<std::uint32_t>(id));
}

void Loop::recheck(WatchId watch, std::uint32_t events) { rechecks_.emplace_back(watch, events); }

std::size_t raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit wanted = limit;
  wanted.rlim_cur = wanted.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
  return limit.rlim_cur;
}

Loop* find_loop(Executor& executor) { return dynamic_cast<Loop*>(&executor); }

Loop& loop_of(Executor& executor) {
  Loop* loop = find_loop(executor);
  WEIR_CHECK(loop != nullptr);
  return *loop;
}

}  // namespace weir::io

#pragma once
// The real executor: events, timers and tasks of one core around epoll.
#include <span>
#include <thread>

#include "io/executor.h"
#include "io/timers.h"

struct epoll_event;

namespace weir::io {

// Told when a watched file descriptor may be read or written.
class FdHandler {
 public:
  // `events` are EPOLL* bits. The handler may unwatch and destroy itself or others in here.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~FdHandler() = default;
};

// 0 is no watch.
using WatchId = std::uint64_t;

// One core's events, timers and posted tasks, all run by one thread at a time (see Team).
//
// Our own and not Asio's, because every connection of a thread reads into one shared buffer (scratch()), which needs
// readiness instead of completion: Asio's readiness wait costs an allocated operation for each idle connection and one
// epoll_ctl for each wait, ours neither.
class Loop final : public Executor {
 public:
  explicit Loop(CoreId id = {});
  Loop(const Loop&) = delete;
  ~Loop();

  // Until stop(). What was posted before stop() has been run when it returns.
  void run();
  // From any core.
  void stop();
  // One round: tasks, timers, and the events that come within `max_wait`.
  void run_once(Duration max_wait);
  // The same for whoever runs several loops. False when stop() was called; what was posted before has been run then.
  bool round(Duration max_wait);
  // The same without looking for events, which stay for a later round: for whoever sees by fd() that there are none.
  bool eventless_round();
  // Another thread runs the next round. The caller sees to it that this one's is over, and seen by that thread.
  void disown() { owner_.store({}, std::memory_order_relaxed); }
  // Readable when a round would find events.
  int fd() const { return epoll_; }
  // When a round is due without events; in the past when something waits to be run.
  TimePoint next() const;
  // How long rounds took so far, without waiting. From the thread that runs it.
  Duration busy() const { return busy_; }
  // A time-out for epoll_wait, rounded up: waking early would only mean another round.
  static int millis_until(TimePoint when, TimePoint now);
  // Rounds until `done()` holds; false when `limit` is over first. For tests and for tools that wait for one thing.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(30));

  CoreId id() const override { return id_; }
  void post(Task task) override;
  TimerId at(TimePoint when, Task task) override { return timers_.add(when, std::move(task)); }
  TimerId after(Duration wait, Task task) { return at(now() + wait, std::move(task)); }
  void cancel(TimerId timer) override { timers_.cancel(timer); }
  TimePoint now() const override { return system_clock().now(); }
  UnixNanos wall() const override { return system_clock().wall(); }

  // `events` as for epoll, EPOLLET included or not. The fd stays the caller's, who unwatches before closing it.
  Result<WatchId> watch(int fd, std::uint32_t events, FdHandler& handler);
  void unwatch(WatchId watch);
  // Calls the handler again in the next round: for one that stopped before EAGAIN so that others get their turn.
  void recheck(WatchId watch, std::uint32_t events);

  // Where everybody on this thread reads into. Valid until the handler returns.
  static std::span<char> scratch();

  // 256 KiB: one read takes a whole request of 500 spans, and it still fits the second-level cache.
  static constexpr std::size_t scratch_bytes = 256 * 1024;

 private:
  struct Watch {
    FdHandler* handler = nullptr;
    int fd = -1;
    std::uint32_t generation = 1;
  };
  Watch* find(WatchId watch);
  void serve(std::span<const epoll_event> events);
  bool goes_on();
  void run_tasks();
  void take_remote();

  CoreId id_;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<std::thread::id> owner_{};
  Timers timers_;
  std::vector<Watch> watches_;
  std::vector<std::uint32_t> free_watches_;
  std::vector<std::pair<WatchId, std::uint32_t>> rechecks_, rechecks_now_;
  std::vector<Task> tasks_, tasks_now_;
  Duration busy_{};
  bool stopping_ = false;

  struct Remote;
  std::unique_ptr<Remote> remote_;  // what other cores post
};

// Gives file descriptors up to the hard limit to this process. Returns the limit.
std::size_t raise_fd_limit();

}  // namespace weir::io

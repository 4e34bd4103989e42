#pragma once
// Threads for the loops of all cores, as many as their load needs.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "io/loop.h"

namespace weir::io {

// While one thread can do all the work it runs every loop: what cores send to each other then costs no system call, no
// wake-up and no trip of the data to another core's caches. Under load the busiest loops move to threads of their own,
// and come back when it is quiet again. Each loop is run by one thread at a time.
class Team {
 public:
  enum class Threads { follow_load, one_per_loop };

  // Starts running them. They must outlive it.
  explicit Team(std::vector<Loop*> loops, Threads threads = Threads::follow_load);
  // Stops the loops; what was posted before has been run then.
  ~Team();
  Team(const Team&) = delete;

  // Runs `work` soon on each thread, also on those that sleep. From any thread.
  void each_thread(const std::function<void()>& work);
  // How many threads run loops now.
  std::size_t running() const { return 1 + away_.load(std::memory_order_relaxed); }

  // A thread that runs several loops gives half of them away when it was busy for this share of a `busy_window`.
  static constexpr double too_busy = 0.6;
  static constexpr Duration busy_window = std::chrono::milliseconds(20);
  // A loop comes back when it and the first thread together were busy for less than this share of a `quiet_window`.
  static constexpr double quiet = 0.35;
  static constexpr Duration quiet_window = std::chrono::milliseconds(200);

 private:
  // A loop and the thread that it can have for itself. The first one's thread is the lead.
  struct Member {
    explicit Member(Loop& l) : loop(l) {}
    Loop& loop;
    std::thread thread;
    Duration busy{};  // of the current window, while the lead runs the loop
    bool ready = false;

    std::mutex mutex;
    std::condition_variable changed;
    bool at_home = false;  // the loop belongs to `thread`
    bool quit = false;
    std::vector<std::function<void()>> chores;
  };

  void lead();
  void wait_for_events();
  template <class Round>
  void run_round(Member& member, Round round);
  void share_out();
  void adopt(Member& member);
  void detach(Member& member);
  bool send_home(Member& member);

  void follow(Member& member);
  void run_at_home(Member& member);
  bool give_back(Member& member, double busy);

  std::vector<std::unique_ptr<Member>> members_;
  Threads threads_;
  std::atomic<std::size_t> away_{0};      // loops at home, except the lead's
  std::atomic<double> lead_busy_{0};      // share of the last window
  int events_ = -1;                       // epoll over the loops that the lead runs

  // Of the lead's thread alone.
  std::vector<Member*> hosted_, turn_;
  TimePoint window_began_;
};

}  // namespace weir::io

#pragma once
// The place for work that blocks or takes long: disk, compression of files, name look-ups, child processes. Cores never
// block; they submit a job here and get told on their own core when it is done.
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "io/executor.h"

namespace weir::io {

class Workers {
 public:
  // urgent: somebody waits for the answer (a write before an OK); one thread is always left for it. normal: files and look-ups.
  // background: compaction, re-compression.
  enum class Priority : std::uint8_t { urgent, normal, background, count_ };

  virtual ~Workers() = default;
  // Runs `work` on some thread, then posts `done` to `home`, which must outlive the pool. Jobs may finish in another order
  // than they were submitted. `refused`, and nothing is run, when too many jobs of this priority wait already. What a job
  // holds in memory is charged by whoever submits it. From any core.
  [[nodiscard]] virtual Result<> submit(Priority priority, Executor& home, Task work, Task done) = 0;
  // For urgent work that takes some ten microseconds and hardly ever blocks, such as a write into the page cache: two changes of threads cost
  // more. It runs on `home` itself, later, unless such work blocked lately. From that core only.
  [[nodiscard]] virtual Result<> submit_brief(Executor& home, Task work, Task done) { return submit(Priority::urgent, home, std::move(work), std::move(done)); }
};

// The real pool. Threads start when they are first needed.
class WorkerThreads final : public Workers {
 public:
  // `threads` at least 2: all but one do what is not urgent. `max_waiting`: jobs of each priority.
  explicit WorkerThreads(std::size_t threads = 4, std::size_t max_waiting = 4096);
  // Runs what was submitted before, then ends the threads.
  ~WorkerThreads() override;
  WorkerThreads(const WorkerThreads&) = delete;

  Result<> submit(Priority priority, Executor& home, Task work, Task done) override;
  Result<> submit_brief(Executor& home, Task work, Task done) override;

 private:
  struct Job {
    Executor* home;
    Task work, done;
  };
  static constexpr auto priorities = static_cast<std::size_t>(Priority::count_);

  void run();
  void run_brief(Executor& home, Task& work);
  // Null queue: nothing that this thread may take now. Call with mutex_ held.
  std::deque<Job>* next_queue();

  const std::size_t max_threads_, max_waiting_;
  // Until then, and how long it was the last time, nothing runs on cores.
  std::atomic<TimePoint> wary_until_{TimePoint::min()};
  std::atomic<Duration> wary_for_{Duration{0}};
  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::array<std::deque<Job>, priorities> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0, busy_with_others_ = 0;  // others: not urgent
  bool ending_ = false;
};

// Runs jobs at once on the caller's thread; `done` is posted. For tests of one component and tools without cores.
class InlineWorkers final : public Workers {
 public:
  Result<> submit(Priority, Executor& home, Task work, Task done) override;
};

}  // namespace weir::io

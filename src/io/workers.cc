#include "io/workers.h"

#include <sys/resource.h>

namespace weir::io {
namespace {

// Brief work that took longer, and was not running all the time, blocked a core.
constexpr Duration brief = 1ms;

// Then nothing runs on cores for so long; twice as long each time, less again after a good while.
constexpr Duration first_pause = 5s, longest_pause = 5min;

// How often this thread waited for something.
long waits() {
  rusage usage{};
  (void)::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

WorkerThreads::WorkerThreads(std::size_t threads, std::size_t max_waiting)
    : max_threads_(std::max<std::size_t>(2, threads)), max_waiting_(max_waiting) {}

WorkerThreads::~WorkerThreads() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Result<> WorkerThreads::submit(Priority priority, Executor& home, Task work, Task done) {
  {
    std::lock_guard lock(mutex_);
    auto& queue = waiting_[static_cast<std::size_t>(priority)];
    if (queue.size() >= max_waiting_) return fail(Errc::refused, "{} jobs wait for the worker threads", queue.size());
    queue.push_back({&home, std::move(work), std::move(done)});
    if (idle_ == 0 && threads_.size() < max_threads_) threads_.emplace_back([this] { run(); });
  }
  changed_.notify_one();
  return {};
}

std::deque<WorkerThreads::Job>* WorkerThreads::next_queue() {
  bool others = ending_ || busy_with_others_ + 1 < max_threads_;
  for (auto& queue : waiting_) {
    if (&queue != &waiting_.front() && !others) return nullptr;
    if (!queue.empty()) return &queue;
  }
  return nullptr;
}

void WorkerThreads::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    auto* queue = next_queue();
    if (queue == nullptr) {
      if (ending_) return;
      ++idle_;
      changed_.wait(lock);
      --idle_;
      continue;
    }
    Job job = std::move(queue->front());
    queue->pop_front();
    bool other = queue != &waiting_.front();
    busy_with_others_ += other;
    lock.unlock();
    job.work();
    job.work = nullptr;  // what it holds is gone before `done` runs
    job.home->post(std::move(job.done));
    lock.lock();
    busy_with_others_ -= other;
  }
}

Result<> WorkerThreads::submit_brief(Executor& home, Task work, Task done) {
  if (home.now() < wary_until_.load(std::memory_order_relaxed)) return submit(Priority::urgent, home, std::move(work), std::move(done));
  home.post([this, &home, work = std::move(work), done = std::move(done)]() mutable {
    run_brief(home, work);
    done();
  });
  return {};
}

void WorkerThreads::run_brief(Executor& home, Task& work) {
  long waited = waits();
  TimePoint began = home.now();
  work();
  TimePoint ended = home.now();
  if (ended - began < brief || waits() == waited) return;
  Duration pause = wary_for_.load(std::memory_order_relaxed);
  bool again = ended - wary_until_.load(std::memory_order_relaxed) < longest_pause;
  pause = again ? std::clamp<Duration>(2 * pause, first_pause, longest_pause) : first_pause;
  wary_for_.store(pause, std::memory_order_relaxed);
  wary_until_.store(ended + pause, std::memory_order_relaxed);
}

Result<> InlineWorkers::submit(Priority, Executor& home, Task work, Task done) {
  {
    CoreScope nobody(no_core);
    work();
  }
  home.post(std::move(done));
  return {};
}

}  // namespace weir::io

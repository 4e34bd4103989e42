#include "io/simulation.h"

namespace weir::io {

class Simulation::Core : public Executor {
 public:
  Core(Simulation& world, CoreId id) : world_(world), id_(id) {}
  TimePoint now() const override { return world_.clock_.now(); }
  UnixNanos wall() const override { return world_.read_wall(); }
  CoreId id() const override { return id_; }
  void post(Task task) override { queue_.push_back(std::move(task)); }
  TimerId at(TimePoint when, Task task) override {
    TimerId id = ++last_timer_;
    timers_.emplace(std::pair(when, id), std::move(task));
    return id;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](auto& entry) { return entry.first.second == timer; });
  }

  bool ready() const { return !queue_.empty() || (!timers_.empty() && timers_.begin()->first.first <= now()); }
  TimePoint next_timer() const { return timers_.empty() ? TimePoint::max() : timers_.begin()->first.first; }
  void run_one() {
    CoreScope scope(id_);
    if (queue_.empty()) {
      Task due = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      return due();
    }
    Task task = std::move(queue_.front());
    queue_.pop_front();
    task();
  }

 private:
  Simulation& world_;
  CoreId id_;
  std::deque<Task> queue_;
  std::map<std::pair<TimePoint, TimerId>, Task> timers_;
  TimerId last_timer_ = 0;
};

class Simulation::Pool : public Workers {
 public:
  Pool(Rng& rng, Duration slowest) : rng_(rng), slowest_(slowest) {}
  Result<> submit(Priority, Executor& home, Task work, Task done) override {
    Duration takes{1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(slowest_.count())))};
    home.at(home.now() + takes, [work = std::move(work), done = std::move(done)]() mutable {
      {
        CoreScope nobody(no_core);
        work();
      }
      done();
    });
    return {};
  }
  Result<> submit_brief(Executor& home, Task work, Task done) override {
    if (rng_.chance(0.5)) return submit(Priority::urgent, home, std::move(work), std::move(done));
    home.post([work = std::move(work), done = std::move(done)]() mutable { work(), done(); });
    return {};
  }

 private:
  Rng& rng_;
  Duration slowest_;
};

std::unique_ptr<Workers> Simulation::workers(Duration slowest) { return std::make_unique<Pool>(rng_, slowest); }

Simulation::Simulation(std::size_t cores, std::uint64_t seed) : rng_(seed) {
  for (std::size_t i = 0; i < cores; ++i)
    cores_.push_back(std::make_unique<Core>(*this, CoreId{static_cast<std::uint16_t>(i)}));
}

Simulation::~Simulation() = default;

std::vector<Executor*> Simulation::executors() {
  std::vector<Executor*> out;
  for (auto& core : cores_) out.push_back(core.get());
  return out;
}

Executor& Simulation::core(std::size_t i) { return *cores_[i]; }

bool Simulation::step() {
  std::vector<Core*> ready;
  for (auto& core : cores_)
    if (core->ready()) ready.push_back(core.get());
  if (ready.empty()) return false;
  ready[rng_.below(ready.size())]->run_one();
  return true;
}

std::size_t Simulation::run_ready() {
  std::size_t tasks = 0;
  while (step()) ++tasks;
  return tasks;
}

TimePoint Simulation::next_timer() const {
  TimePoint next = TimePoint::max();
  for (auto& core : cores_) next = std::min(next, core->next_timer());
  return next;
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  TimePoint end = clock_.now() + limit;
  for (;;) {
    while (!done() && step()) {
    }
    if (done()) return true;
    TimePoint next = next_timer();
    if (next > end) return false;
    clock_.advance(std::max(Duration{0}, next - clock_.now()));
  }
}

void Simulation::advance(Duration d) {
  TimePoint end = clock_.now() + d;
  run_until([] { return false; }, d);
  if (clock_.now() < end) clock_.advance(end - clock_.now());
  run_ready();
}

}  // namespace weir::io

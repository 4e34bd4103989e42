#include "io/workers.h"

#include <doctest/doctest.h>

#include <future>
#include <latch>

#include "io/simulation.h"

using namespace weir;
using namespace weir::io;
using Priority = Workers::Priority;

namespace {

// A home that runs nothing: it only counts what is posted to it.
class Inbox : public Executor {
 public:
  TimePoint now() const override { return {}; }
  UnixNanos wall() const override { return 0; }
  CoreId id() const override { return CoreId{0}; }
  void post(Task) override { posted.fetch_add(1), posted.notify_all(); }
  TimerId at(TimePoint, Task) override { return 0; }
  void cancel(TimerId) override {}
  void wait_for(int count) {
    for (int seen = posted; seen < count; seen = posted) posted.wait(seen);
  }
  std::atomic<int> posted{0};
};

}  // namespace

TEST_CASE("workers run jobs on threads of their own and post the completion home") {
  Inbox home;
  std::atomic<int> ran{0};
  std::atomic<bool> on_core{false};
  {
    WorkerThreads workers(3);
    for (int i = 0; i < 100; ++i)
      REQUIRE(workers.submit(static_cast<Priority>(i % 3), home, [&] { on_core = on_core || current_core() != no_core, ++ran; }, [] {}));
  }
  CHECK(ran == 100);  // the destructor runs what waits
  CHECK(home.posted == 100);
  CHECK_FALSE(on_core);
}

TEST_CASE("workers: urgent work overtakes, and no other work takes the last thread") {
  Inbox home;
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::latch urgent(1);
  WorkerThreads workers(2);
  for (auto priority : {Priority::background, Priority::normal})
    for (int i = 0; i < 3; ++i) REQUIRE(workers.submit(priority, home, [open] { open.wait(); }, [] {}));
  REQUIRE(workers.submit(Priority::urgent, home, [&] { urgent.count_down(); }, [] {}));
  urgent.wait();  // would never end if both threads waited at the gate
  gate.set_value();
  home.wait_for(7);
}

TEST_CASE("workers: brief work runs on the core that asks, until it blocks") {
  // A core whose clock goes on as the test says.
  struct Core : Inbox {
    TimePoint now() const override { return time; }
    void post(Task task) override { tasks.push_back(std::move(task)), Inbox::post(nullptr); }
    void run() {
      for (auto& task : std::exchange(tasks, {})) task();
    }
    TimePoint time{};
    std::vector<Task> tasks;
  } core;
  WorkerThreads workers(2);
  auto here = std::this_thread::get_id();
  std::thread::id ran;
  int done = 0;
  auto submit = [&](Duration takes, bool blocks) {
    int posted = core.posted;
    REQUIRE(workers.submit_brief(core, [&, takes, blocks] {
      ran = std::this_thread::get_id();
      if (blocks) std::this_thread::sleep_for(1us);
      core.time += takes;
    }, [&] { ++done; }));
    core.wait_for(posted + 1);
    core.run();
    return ran == here;
  };
  CHECK(submit(10us, false));
  CHECK(submit(10ms, false));  // it was not running: somebody else had the processor
  CHECK(submit(10ms, true));
  CHECK_FALSE(submit(10us, false));
  core.time += 6s;
  CHECK(submit(10ms, true));
  core.time += 6s;
  CHECK_FALSE(submit(10us, false));
  core.time += 6s;
  CHECK(submit(10us, true));
  CHECK(submit(10us, false));
  CHECK(done == 8);
}

TEST_CASE("workers refuse when too many jobs wait") {
  Inbox home;
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  WorkerThreads workers(2, 3);
  Result<> last;
  for (int i = 0; i < 10 && last; ++i) last = workers.submit(Priority::normal, home, [open] { open.wait(); }, [] {});
  REQUIRE_FALSE(last);
  CHECK(last.error().code == Errc::refused);
  gate.set_value();
}

TEST_CASE("simulated workers take virtual time and answer on the asking core") {
  Simulation world(2, 7);
  auto workers = world.workers();
  CoreId work_on{}, done_on = no_core;
  TimePoint begun = world.clock().now();
  world.core(1).post([&] {
    REQUIRE(workers->submit(Priority::normal, world.core(1), [&] { work_on = current_core(); }, [&] { done_on = current_core(); }));
  });
  CHECK(world.run_until([&] { return done_on == CoreId{1}; }, 1s));
  CHECK(work_on == no_core);
  CHECK(world.clock().now() > begun);
}

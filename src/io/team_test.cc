#include "io/team.h"

#include <doctest/doctest.h>

#include <deque>
#include <future>
#include <latch>
#include <set>

using namespace weir;
using namespace weir::io;

namespace {

using Threads = Team::Threads;

struct Loops {
  std::deque<Loop> loops;
  explicit Loops(std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) loops.emplace_back(CoreId{i});
  }
  std::vector<Loop*> all() {
    std::vector<Loop*> out;
    for (Loop& loop : loops) out.push_back(&loop);
    return out;
  }
  // The thread that runs each loop.
  std::set<std::thread::id> threads() {
    std::set<std::thread::id> out;
    for (Loop& loop : loops) {
      std::promise<std::thread::id> ran;
      loop.post([&] { ran.set_value(std::this_thread::get_id()); });
      out.insert(ran.get_future().get());
    }
    return out;
  }
};

// Keeps its loop busy until it is told to end.
void work_on(Loop& loop, std::atomic<bool>& end) {
  TimePoint until = loop.now() + 100us;
  while (loop.now() < until) {}
  if (!end) loop.post([&] { work_on(loop, end); });
}

bool wait_for(const std::function<bool()>& done) {
  for (int i = 0; i < 30'000 && !done(); ++i) std::this_thread::sleep_for(1ms);
  return done();
}

// Counts up to `last` by posting from loop to loop, each time to the next.
void pass_on(std::deque<Loop>& loops, std::size_t count, std::size_t last, std::promise<std::size_t>& done) {
  if (count == last) return done.set_value(count);
  Loop& next = loops[count % loops.size()];
  next.post([&loops, count, last, &done] {
    if (current_core() == loops[count % loops.size()].id()) pass_on(loops, count + 1, last, done);
  });
}

}  // namespace

TEST_CASE("one thread runs all loops while little is to do, and each sees itself as the core") {
  Loops loops(5);
  Team team(loops.all());
  CHECK(loops.threads().size() == 1);
  CHECK(team.running() == 1);
  std::promise<std::size_t> done;
  pass_on(loops.loops, 0, 1000, done);
  CHECK(done.get_future().get() == 1000);
}

TEST_CASE("one_per_loop gives each loop its own thread from the start") {
  Loops loops(3);
  Team team(loops.all(), Threads::one_per_loop);
  CHECK(loops.threads().size() == 3);
  CHECK(team.running() == 3);
}

TEST_CASE("busy loops get threads of their own, and come back when it is quiet") {
  Loops loops(3);
  Team team(loops.all());
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> end{false};
    std::promise<std::size_t> passed;
    pass_on(loops.loops, 0, 300, passed);
    for (Loop& loop : loops.loops) loop.post([&] { work_on(loop, end); });
    CHECK(wait_for([&] { return team.running() == 3; }));
    CHECK(passed.get_future().get() == 300);  // through all the moving
    end = true;
    CHECK(wait_for([&] {
      loops.threads();  // a loop that nobody wakes stays where it is: it costs nothing there
      return team.running() == 1;
    }));
  }
}

TEST_CASE("tasks keep the order of cause and effect, also between threads") {
  Loops loops(3);
  Team team(loops.all());
  REQUIRE(loops.threads().size() == 1);
  Loop &first = loops.loops[0], &second = loops.loops[1];
  std::promise<std::string> ran;
  std::string order;
  // All in one task of the first loop, so that the second cannot run in between.
  first.post([&] {
    std::thread([&] { second.post([&] { order += "cause "; }); }).join();
    second.post([&] { ran.set_value(order + "effect"); });
  });
  CHECK(ran.get_future().get() == "cause effect");
}

TEST_CASE("timers of all loops run on the one thread") {
  Loops loops(4);
  Team team(loops.all());
  std::latch ran(4);
  for (Loop& loop : loops.loops)
    loop.post([&] { loop.after(2ms * (loop.id().value + 1), [&] { ran.count_down(); }); });
  ran.wait();
}

TEST_CASE("each_thread reaches threads that sleep and threads that run a loop") {
  for (Threads threads : {Threads::follow_load, Threads::one_per_loop}) {
    Loops loops(4);
    std::mutex mutex;
    std::set<std::thread::id> reached;
    Team team(loops.all(), threads);
    team.each_thread([&] {
      std::lock_guard lock(mutex);
      reached.insert(std::this_thread::get_id());
    });
    CHECK(wait_for([&] {
      std::lock_guard lock(mutex);
      return reached.size() == 4;
    }));
  }
}

TEST_CASE("what was posted before the team ends has run, also in the middle of moving") {
  for (int round = 0; round < 20; ++round) {
    Loops loops(3);
    std::atomic<int> ran{0};
    std::atomic<bool> end{true};
    {
      Team team(loops.all());
      for (Loop& loop : loops.loops) loop.post([&] { work_on(loop, end); });
      std::this_thread::sleep_for(1ms * (round * 3));
      for (int i = 0; i < 100; ++i)
        for (Loop& loop : loops.loops) loop.post([&] { ++ran; });
    }
    CHECK(ran == 300);
  }
}

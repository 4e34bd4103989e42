#include "io/loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <thread>

#include "base/rng.h"

using namespace weir;
using namespace weir::io;

TEST_CASE("timers run in order of time, then of adding") {
  Timers timers;
  std::string ran;
  TimePoint zero{};
  timers.add(zero + 3s, [&] { ran += "c"; });
  timers.add(zero + 1s, [&] { ran += "a"; });
  timers.add(zero + 1s, [&] { ran += "b"; });
  CHECK(timers.run(zero + 999ms) == 0);
  CHECK(timers.next() == zero + 1s);
  CHECK(timers.run(zero + 3s) == 3);
  CHECK(ran == "abc");
  CHECK(timers.empty());
}

TEST_CASE("a cancelled timer does not run, and its id is never valid again") {
  Timers timers;
  bool ran = false;
  TimerId id = timers.add(TimePoint{}, [&] { ran = true; });
  CHECK(timers.cancel(id));
  CHECK_FALSE(timers.cancel(id));
  TimerId other = timers.add(TimePoint{}, [] {});
  CHECK(other != id);
  CHECK_FALSE(timers.cancel(id));
  timers.run(TimePoint{});
  CHECK_FALSE(ran);
  CHECK_FALSE(timers.cancel(other));
  CHECK_FALSE(timers.cancel(0));
}

TEST_CASE("timers behave as a sorted multimap under random adds and cancels") {
  Rng rng(7);
  Timers timers;
  std::multimap<std::int64_t, int> expected;
  std::vector<std::pair<TimerId, std::multimap<std::int64_t, int>::iterator>> alive;
  std::vector<int> ran;
  for (int i = 0; i < 5000; ++i) {
    if (!alive.empty() && rng.chance(0.4)) {
      std::size_t victim = rng.below(alive.size());
      CHECK(timers.cancel(alive[victim].first));
      expected.erase(alive[victim].second);
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(victim));
    } else {
      auto when = static_cast<std::int64_t>(rng.below(500));
      TimerId id = timers.add(TimePoint{} + Duration(when), [&ran, i] { ran.push_back(i); });
      alive.emplace_back(id, expected.emplace(when, i));
    }
  }
  timers.run(TimePoint{} + Duration(500));
  std::vector<int> order;
  for (auto& [when, i] : expected) order.push_back(i);
  CHECK(ran == order);
}

TEST_CASE("tasks posted by another thread run on the loop's thread") {
  Loop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] {
      ran_on = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run();
  other.join();
  CHECK(ran_on == std::this_thread::get_id());
}

TEST_CASE("posts from many threads all run, in the order of each thread") {
  Loop loop;
  std::array<int, 4> last{};
  int ran = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < last.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 1; i <= 1000; ++i)
        loop.post([&, t, i] {
          in_order = in_order && last[t] == i - 1;
          last[t] = i;
          ++ran;
        });
    });
  CHECK(loop.run_until([&] { return ran == 4000; }));
  CHECK(in_order);
  for (auto& thread : threads) thread.join();
}

namespace {
struct Pipe {
  int fds[2];
  Pipe() { REQUIRE(::pipe2(fds, O_NONBLOCK) == 0); }
  ~Pipe() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
};
struct Count final : FdHandler {
  int calls = 0;
  std::function<void()> then;
  void on_ready(std::uint32_t) override {
    ++calls;
    if (then) then();
  }
};
}  // namespace

TEST_CASE("a handler unwatched by another handler of the same round is not called") {
  Loop loop;
  Pipe first, second;
  Count a, b;
  WatchId wa = *loop.watch(first.fds[0], EPOLLIN, a);
  WatchId wb = *loop.watch(second.fds[0], EPOLLIN, b);
  a.then = [&] { loop.unwatch(wb); };
  b.then = [&] { loop.unwatch(wa); };
  REQUIRE(::write(first.fds[1], "x", 1) == 1);
  REQUIRE(::write(second.fds[1], "x", 1) == 1);
  loop.run_once(1s);
  CHECK(a.calls + b.calls == 1);
}

TEST_CASE("an edge is told once, and again after recheck") {
  Loop loop;
  Pipe pipe;
  Count count;
  WatchId id = *loop.watch(pipe.fds[0], EPOLLIN | EPOLLET, count);
  REQUIRE(::write(pipe.fds[1], "x", 1) == 1);
  loop.run_once(1s);
  loop.run_once(Duration::zero());
  CHECK(count.calls == 1);
  loop.recheck(id, EPOLLIN);
  loop.run_once(1s);
  CHECK(count.calls == 2);
}

TEST_CASE("a round without events runs what is due and leaves events to the next") {
  Loop loop;
  Pipe pipe;
  Count count;
  REQUIRE(loop.watch(pipe.fds[0], EPOLLIN | EPOLLET, count));
  REQUIRE(::write(pipe.fds[1], "x", 1) == 1);
  loop.run_once(Duration::zero());  // from now on this thread is the loop's
  REQUIRE(count.calls == 1);
  REQUIRE(::write(pipe.fds[1], "x", 1) == 1);
  std::string ran;
  loop.at(loop.now(), [&] { ran += "timer "; });
  loop.post([&] { ran += "task "; });
  CHECK(loop.eventless_round());
  CHECK(ran == "timer task ");
  CHECK(count.calls == 1);
  CHECK(loop.round(Duration::zero()));
  CHECK(count.calls == 2);
  loop.post([&] { ran += "last"; });
  loop.stop();
  CHECK(loop.round(Duration::zero()) == false);
  CHECK(ran == "timer task last");
}

TEST_CASE("a timer wakes a waiting loop") {
  Loop loop;
  bool ran = false;
  loop.after(2ms, [&] { ran = true; });
  CHECK(loop.run_until([&] { return ran; }));
}

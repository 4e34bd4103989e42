#include "components/processors/tail_sampling/trace_table.h"

#include <doctest/doctest.h>

#include <list>
#include <map>

using namespace weir;
using namespace weir::processors::tail_sampling;

namespace {

otlp::TraceId trace(std::uint64_t n) {
  otlp::TraceId id;
  std::memcpy(id.bytes.data(), &n, sizeof n);
  return id;
}

// What a DecisionRing is to do, with a list: those asked for go to the back instead of out.
struct Reference {
  struct One {
    std::uint64_t trace;
    TimePoint when;
    bool asked = false;
  };
  std::size_t capacity;
  std::list<One> all;

  void remember(std::uint64_t id, TimePoint when) {
    if (all.size() == capacity) {
      while (std::exchange(all.front().asked, false)) all.splice(all.end(), all, all.begin());
      all.pop_front();
    }
    all.push_back({id, when});
  }
  One* find(std::uint64_t id) {
    for (auto& one : all)
      if (one.trace == id) return &one;
    return nullptr;
  }
};

}  // namespace

TEST_CASE("traces wait, are decided, are remembered, and are forgotten in the order that a list says") {
  for (std::size_t capacity : {1, 7, 300, 1000}) {
    CAPTURE(capacity);
    Rng rng(capacity);
    Segments memory;
    TraceTable table(capacity, capacity / 2, capacity == 7, memory, rng);
    Reference kept{capacity, {}}, rejected{std::max<std::size_t>(1, capacity / 2), {}};
    std::map<std::uint64_t, PendingTrace*> waiting;
    TimePoint now(1h);
    for (int step = 0; step < 20'000; ++step) {
      now += 10ms * rng.below(10);
      std::uint64_t id = rng.below(4 * capacity + 4);
      if (rng.chance(0.5)) table.prefetch(trace(id)), table.prefetch_known(trace(id));
      auto known = table.find(trace(id), now);
      auto pending = waiting.find(id);
      REQUIRE(known.pending == (pending == waiting.end() ? nullptr : pending->second));
      auto *yes = kept.find(id), *no = rejected.find(id), *decided = yes ? yes : no;
      REQUIRE(known.decided == (decided != nullptr));
      if (decided) {
        REQUIRE(known.kept == (yes != nullptr));
        REQUIRE(known.age == now - decided->when);
        decided->asked = true;
      } else if (known.pending == nullptr) {
        waiting[id] = &table.add(trace(id), now);
      } else if (rng.chance(0.7)) {
        bool keep = rng.chance(0.4);
        table.decide(*known.pending, keep, now);
        waiting.erase(id);
        (keep ? kept : rejected).remember(id, now);
      }
      REQUIRE(table.waiting() == waiting.size());
    }
    CHECK(memory.bytes() >= waiting.size() * sizeof(PendingTrace));
  }
}

TEST_CASE("a remembered decision costs about fifty bytes, and none cost nothing") {
  Rng rng(1);
  Segments memory;
  TraceTable table(100'000, 100'000, false, memory, rng);
  CHECK(table.bytes() == 0);
  for (std::uint64_t id = 0; id < 300'000; ++id) table.decide(table.add(trace(id), TimePoint(1s)), id % 2, TimePoint(2s));
  CHECK(table.bytes() > 200'000 * 32);
  CHECK(table.bytes() < 200'000 * 52);
  CHECK(memory.bytes() == 0);
}

TEST_CASE("the age of a decision is told to ten milliseconds, for months") {
  DecisionRing ring(1);
  auto& decided = ring.remember(trace(1), TimePoint(1000h + 7ms), [](auto&) {});
  CHECK(DecisionRing::age(decided, TimePoint(1000h + 7ms)) == 0s);
  CHECK(DecisionRing::age(decided, TimePoint(1000h + 27ms)) == 20ms);
  CHECK(DecisionRing::age(decided, TimePoint(6000h)) == 5000h);
}

#include "components/shared/decisions/decisions.h"

#include <doctest/doctest.h>

#include <thread>

#include "engine/testing.h"

using namespace weir;
using namespace weir::decisions;

namespace {

otlp::TraceId trace(std::uint64_t n) {
  otlp::TraceId id;
  std::memcpy(id.bytes.data(), &n, sizeof n);
  return id;
}

TimePoint at(Duration since_start) { return TimePoint(since_start); }

std::size_t count(const Board& board, std::uint64_t from, std::uint64_t to, Verdict verdict) {
  std::size_t n = 0;
  for (std::uint64_t i = from; i < to; ++i) n += board.find(trace(i)) == verdict;
  return n;
}

}  // namespace

TEST_CASE("decisions: a board says what a sampler said, and whether one runs at all") {
  engine::testing::TestHost host;
  auto board = board_of(host);
  CHECK(board == board_of(host));
  CHECK(!board->decides());
  CHECK(board->find(trace(1)) == Verdict::unknown);
  {
    Board::Sampler sampler(board);
    CHECK(board->decides());
    sampler.publish(trace(5), true, at(1s));
    CHECK(board->find(trace(5)) == Verdict::unknown);  // nobody watched
    board->watch();
    sampler.publish(trace(1), true, at(1s));
    sampler.publish(std::array{Decision{trace(2), false}, Decision{trace(3), true}}, at(1s));
    CHECK(board->find(trace(1)) == Verdict::kept);
    CHECK(board->find(trace(2)) == Verdict::dropped);
    CHECK(board->find(trace(3)) == Verdict::kept);
    CHECK(board->find(trace(4)) == Verdict::unknown);
    CHECK(board->find({}) == Verdict::unknown);
  }
  CHECK(!board->decides());
  CHECK(board->find(trace(1)) == Verdict::kept);
}

TEST_CASE("decisions: kept by one of several samplers is kept, in either order") {
  auto board = std::make_shared<Board>();
  board->watch();
  Board::Sampler one(board), other(board);
  one.publish(trace(1), false, at(1s));
  other.publish(trace(1), true, at(2s));
  one.publish(trace(2), true, at(1s));
  other.publish(trace(2), false, at(2s));
  CHECK(board->find(trace(1)) == Verdict::kept);
  CHECK(board->find(trace(2)) == Verdict::kept);
}

TEST_CASE("decisions: a full board forgets the oldest, dropped traces first") {
  auto board = std::make_shared<Board>(8 * 64);
  board->watch();
  Board::Sampler sampler(board);
  for (std::uint64_t i = 0; i < 100; ++i) sampler.publish(trace(i), true, at(1s));
  for (std::uint64_t i = 100; i < 10'000; ++i) sampler.publish(trace(i), false, at(Duration(2s) + i * 1s));
  CHECK(count(*board, 0, 100, Verdict::kept) == 100);
  CHECK(count(*board, 100, 5'000, Verdict::dropped) == 0);
  CHECK(count(*board, 9'900, 10'000, Verdict::dropped) > 80);
  for (std::uint64_t i = 10'000; i < 20'000; ++i) sampler.publish(trace(i), true, at(Duration(2s) + i * 1s));
  CHECK(count(*board, 0, 100, Verdict::kept) < 20);
  CHECK(count(*board, 19'900, 20'000, Verdict::kept) > 80);
}

TEST_CASE("decisions: several cores write and read at once") {
  auto board = std::make_shared<Board>();
  board->watch();
  constexpr std::uint64_t each = 20'000;
  std::vector<std::thread> writers;
  for (std::uint64_t core = 0; core < 3; ++core)
    writers.emplace_back([&, core] {
      Board::Sampler sampler(board);
      for (std::uint64_t i = core * each; i < (core + 1) * each; ++i) sampler.publish(trace(i), i % 2 == 0, at(1s));
    });
  for (std::uint64_t i = 0; i < 3 * each; ++i) CHECK(board->find(trace(i)) != (i % 2 ? Verdict::kept : Verdict::dropped));
  for (auto& writer : writers) writer.join();
  // Two cores that met in one set may have overwritten each other: rare, and then unknown.
  CHECK(count(*board, 0, 3 * each, Verdict::unknown) < 10);
  for (std::uint64_t i = 0; i < 3 * each; ++i) CHECK(board->find(trace(i)) != (i % 2 ? Verdict::kept : Verdict::dropped));
}

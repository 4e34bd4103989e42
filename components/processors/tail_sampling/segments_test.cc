#include "components/processors/tail_sampling/segments.h"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

using weir::processors::tail_sampling::Segments;

TEST_CASE("pieces lie one behind the other, and a segment counts until its last piece is back") {
  Segments segments;
  auto a = segments.take(13), b = segments.take(8);
  CHECK(b.at == a.at + 16);
  CHECK(a.segment == b.segment);
  CHECK(segments.bytes() == 24);
  Segments::give_back(a.segment);
  CHECK(segments.bytes() == 24);
  Segments::give_back(b.segment);
  CHECK(segments.bytes() == 0);
  auto again = segments.take(1);
  CHECK(again.at == a.at);
  Segments::give_back(again.segment);
}

TEST_CASE("a large piece has its own segment, which goes with it") {
  Segments segments;
  auto small = segments.take(8), large = segments.take(10 * Segments::segment_bytes);
  std::memset(large.at, 1, 10 * Segments::segment_bytes);
  CHECK(small.segment != large.segment);
  Segments::give_back(large.segment);
  CHECK(segments.bytes() == 8);
  Segments::give_back(small.segment);
}

TEST_CASE("what goes in the order it came in uses its memory again") {
  Segments segments;
  std::deque<Segments::Piece> held;
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::size_t bytes = 100 + static_cast<std::size_t>(i * 37 % 2000);
    held.push_back(segments.take(bytes));
    std::memset(held.back().at, i, bytes);
    if (held.size() > 1000) {
      Segments::give_back(held.front().segment);
      held.pop_front();
    }
    most = std::max(most, segments.bytes());
  }
  CHECK(most < 1000 * 1104 + 3 * Segments::segment_bytes);
  for (auto& piece : held) Segments::give_back(piece.segment);
  CHECK(segments.bytes() == 0);
}

TEST_CASE("a large piece of a segment's size is no shared segment either") {
  Segments segments;
  auto open = segments.take(8), large = segments.take(Segments::segment_bytes);
  Segments::give_back(large.segment);
  CHECK(segments.spare() == 0);
  Segments::give_back(open.segment);
}

TEST_CASE("of segments that are free again only a few are kept, whatever sizes came before") {
  Segments segments;
  std::vector<Segments::Piece> held;
  held.push_back(segments.take(Segments::segment_bytes));
  for (std::size_t i = 0; i < 100 * 8; ++i) held.push_back(segments.take(Segments::largest_shared));
  for (auto& piece : held) Segments::give_back(piece.segment);
  CHECK(segments.spare() <= 1);
}

TEST_CASE("segments go elsewhere, oldest first, and come back; not those that somebody has views into") {
  Segments segments;
  std::vector<Segments::Piece> held;
  for (int i = 0; i < 40; ++i) {
    held.push_back(segments.take(10'000));
    std::memset(held.back().at, i, 10'000);
  }
  std::size_t all = segments.bytes();
  Segments::Segment* first = segments.oldest();
  REQUIRE(first == held.front().segment);
  ++first->pins;
  Segments::Segment* second = segments.oldest();
  CHECK(second != first);
  --first->pins;
  std::string bytes(first->data(), first->used);
  segments.begin(*first);
  CHECK(segments.oldest() == second);
  segments.detach(*first);
  CHECK(segments.bytes() == all - bytes.size());
  CHECK(segments.bytes_away() == bytes.size());
  auto back = Segments::allocate(first->size);
  std::memcpy(back.get(), bytes.data(), bytes.size());
  segments.begin(*first);
  segments.attach(*first, std::move(back));
  CHECK(segments.bytes() == all);
  CHECK(first->data()[10'000] == 1);
  // One whose last piece is given back while it is away, or on its way there, is gone.
  int gone = 0;
  segments.on_gone = [&](Segments::Segment&) { ++gone; };
  segments.begin(*second);
  segments.detach(*second);
  segments.begin(*first);
  for (auto& piece : held) Segments::give_back(piece.segment);
  CHECK(gone == 1);
  segments.detach(*first);
  CHECK(gone == 2);
  CHECK(segments.bytes() == 0);
  CHECK(segments.bytes_away() == 0);
}

#include "components/shared/holding/segments.h"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

using weir::holding::Segments;

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

TEST_CASE("records give their memory back, oldest first, and not those that somebody has views into") {
  Segments segments;
  auto adopt = [&](std::size_t bytes) { return &segments.adopt({.payload = weir::Bytes::take(std::string(bytes, 'x')), .file = std::make_shared<const std::string>("f")}); };
  auto copied = segments.take(100);
  auto *first = adopt(1000), *second = adopt(2000);
  CHECK(segments.bytes() == 104 + 3000);
  CHECK(segments.oldest() == first);
  ++first->pins;
  CHECK(segments.oldest() == second);
  --first->pins;
  CHECK(first->text()[999] == 'x');
  segments.detach(*first);
  CHECK_FALSE(first->here());
  CHECK(segments.oldest() == second);
  CHECK(segments.bytes() == 104 + 2000);
  CHECK(segments.bytes_away() == 1000);
  segments.share(*first);
  Segments::give_back(first);
  CHECK(segments.bytes_away() == 1000);
  Segments::give_back(first);
  CHECK(segments.bytes_away() == 0);
  Segments::give_back(second);
  CHECK(segments.oldest() == nullptr);
  Segments::give_back(copied.segment);
  CHECK(segments.bytes() == 0);
}

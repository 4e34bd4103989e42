#include "net/inflow.h"

#include <doctest/doctest.h>

#include "base/rng.h"

using namespace weir;
using namespace weir::net;

namespace {

constexpr std::array all{Compression::gzip, Compression::zlib, Compression::zstd, Compression::snappy, Compression::snappy_block, Compression::lz4};

std::string mixed(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  std::string out;
  while (out.size() < size) {
    if (rng.chance(0.5)) out += "service.name=checkout ";
    else if (rng.chance(0.1)) out += std::string(300, static_cast<char>(rng.next()));
    else out.push_back(static_cast<char>(rng.next()));
  }
  out.resize(size);
  return out;
}

// nullopt: damaged.
std::optional<std::string> in_parts(Compression kind, std::string_view packed, std::size_t part) {
  auto inflow = Inflow::make(kind);
  REQUIRE(inflow);
  std::string out;
  for (; !packed.empty(); packed.remove_prefix(std::min(part, packed.size())))
    if (!inflow->take(packed.substr(0, part), [&](std::string_view made) { out += made; })) return std::nullopt;
  return out;
}

}  // namespace

TEST_CASE("inflow: any cut of any compression gives the same text") {
  for (Compression kind : all)
    for (std::size_t size : {0, 1, 10, 1000, 65'535, 65'536, 65'537, 300'000}) {
      std::string text = mixed(size, size);
      std::array pieces{Bytes::copy_of(text)};
      std::string packed = *compress(kind, pieces);
      for (std::size_t part : {1, 3, 1000, 1 << 20}) {
        CAPTURE(to_string(kind));
        CAPTURE(size);
        CAPTURE(part);
        auto made = in_parts(kind, packed, part);
        REQUIRE(made);
        CHECK(*made == text);
      }
    }
}

TEST_CASE("inflow: one stream behind the other") {
  std::array pieces{Bytes::copy_of("a text")};
  for (Compression kind : {Compression::gzip, Compression::zstd, Compression::lz4, Compression::snappy}) {
    CAPTURE(to_string(kind));
    std::string packed = *compress(kind, pieces);
    CHECK(in_parts(kind, packed + packed, 5) == "a texta text");
  }
}

TEST_CASE("inflow: lz4 frames of every kind") {
  // Skipped; linked blocks with checksums, a size, and a copy that runs into what it makes.
  using namespace std::literals;
  auto skipped = "\x53\x2A\x4D\x18\x03\0\0\0xyz"sv;
  auto head = "\x04\x22\x4D\x18\x5C\x40\x0A\0\0\0\0\0\0\0?"sv;  // flags: version 1, checksums of blocks, size, checksum of the content
  auto first = "\x02\0\0\x80" "ab" "????"sv;                        // as it is
  auto second = "\x05\0\0\0\x02\x02\0\x10" "c" "????"sv;             // six from two back, then "c"
  std::string frame = std::string(skipped) + std::string(head) + std::string(first) + std::string(second) + "\0\0\0\0????"s;
  CHECK(in_parts(Compression::lz4, frame, 1) == "ababababc");
  CHECK(in_parts(Compression::lz4, frame, 1000) == "ababababc");
}

TEST_CASE("inflow: snappy with copies of every form, and what reaches too far") {
  using namespace std::literals;
  CHECK(in_parts(Compression::snappy_block, "\x0C\x0C" "abcd" "\x01\x04" "\x0E\x02\0"sv, 1) == "abcdabcdcdcd");
  CHECK(in_parts(Compression::snappy_block, "\x08\x0C" "abcd" "\x0F\x04\0\0\0"sv, 1) == "abcdabcd");
  CHECK_FALSE(in_parts(Compression::snappy_block, "\x08\x0C" "abcd" "\x01\x05"sv, 1));
  CHECK_FALSE(in_parts(Compression::snappy_block, "\x03\x0C" "abcd"sv, 1));
  CHECK_FALSE(in_parts(Compression::snappy_block, "\xFF\xFF\xFF\xFF\xFF\x01"sv, 1));
}

TEST_CASE("inflow: what is damaged gives no more than it may") {
  for (Compression kind : all) {
    std::array pieces{Bytes::take(mixed(5000, 1))};
    std::string packed = *compress(kind, pieces);
    for (std::size_t i = 0; i < packed.size(); i += 7) {
      std::string other = packed;
      other[i] = static_cast<char>(other[i] ^ (1 << i % 8));
      if (auto made = in_parts(kind, other, 50)) CHECK(made->size() < 5'000'000);
    }
  }
}

TEST_CASE("inflow: many at one time are bounded") {
  for (Compression kind : all) {
    std::vector<std::unique_ptr<Inflow>> open;
    while (open.size() < 200) {
      auto one = Inflow::make(kind);
      if (!one) break;
      open.push_back(std::move(one));
    }
    CHECK(open.size() >= 3);
    CHECK(open.size() < 200);
  }
}

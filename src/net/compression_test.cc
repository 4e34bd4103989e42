#include "net/compression.h"

#include <doctest/doctest.h>

#include "base/rng.h"

using namespace weir;
using namespace weir::net;

namespace {

constexpr std::array all{Compression::gzip, Compression::zlib, Compression::zstd, Compression::snappy,
                         Compression::snappy_block, Compression::lz4};

std::string mixed(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  std::string out;
  while (out.size() < size) {
    if (rng.chance(0.5)) out += "service.name=checkout ";
    else out.push_back(static_cast<char>(rng.next()));
  }
  out.resize(size);
  return out;
}

Result<std::string> unpack(Compression kind, std::string_view in, std::size_t limit = 100'000'000) {
  Charge none;
  return decompress(kind, in, limit, none);
}

std::string pack(Compression kind, std::string text, int level = 0) {
  std::array pieces{Bytes::take(std::move(text))};
  return *compress(kind, pieces, level);
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("compression: round trips of all sizes and levels") {
  for (Compression kind : all)
    for (std::size_t size : {0, 1, 10, 1000, 65'535, 65'536, 65'537, 1'000'000})
      for (int level : {0, 1, 3, 6, 9}) {
        CAPTURE(to_string(kind));
        CAPTURE(size);
        CAPTURE(level);
        std::string text = mixed(size, size);
        auto back = unpack(kind, pack(kind, text, level));
        REQUIRE_MESSAGE(back, (back ? "" : back.error().what));
        CHECK(*back == text);
      }
}

TEST_CASE("compression: pieces make one stream") {
  for (Compression kind : all) {
    CAPTURE(to_string(kind));
    std::string text = mixed(200'000, 3);
    std::vector<Bytes> pieces{Bytes::copy_of(text.substr(0, 1)), Bytes(), Bytes::copy_of(text.substr(1, 100'000)),
                              Bytes::copy_of(text.substr(100'001))};
    CHECK(*unpack(kind, *compress(kind, pieces)) == text);
    CHECK(*unpack(kind, *compress(kind, std::span<const Bytes>{})) == "");
  }
}

TEST_CASE("compression: concatenated gzip members and zstd and lz4 frames are one text") {
  for (Compression kind : {Compression::gzip, Compression::zstd, Compression::lz4}) {
    CAPTURE(to_string(kind));
    std::string a = mixed(300'000, 1), b = mixed(10, 2), c = mixed(100'000, 3);
    CHECK(*unpack(kind, pack(kind, a) + pack(kind, b) + pack(kind, c)) == a + b + c);
  }
}

TEST_CASE("compression: what is cut off or damaged is an error, never a crash") {
  for (Compression kind : all) {
    CAPTURE(to_string(kind));
    std::string packed = pack(kind, mixed(3000, 5));
    for (std::size_t cut = 0; cut < packed.size(); cut += 7)
      if (kind != Compression::snappy || cut % 7 == 0) (void)unpack(kind, std::string_view(packed).substr(0, cut));
    CHECK_FALSE(unpack(kind, std::string_view(packed).substr(0, packed.size() - 1)));
    CHECK_FALSE(unpack(kind, ""));
    Rng rng(9);
    for (int i = 0; i < 300; ++i) {
      std::string bad = packed;
      bad[rng.below(bad.size())] ^= static_cast<char>(1 + rng.below(255));
      auto out = unpack(kind, bad, 100'000);
      if (!out) CHECK((out.error().code == Errc::invalid || out.error().code == Errc::permanent));
    }
  }
}

TEST_CASE("compression: the limit is exact") {
  for (Compression kind : all) {
    CAPTURE(to_string(kind));
    std::string packed = pack(kind, mixed(50'000, 6));
    CHECK(unpack(kind, packed, 50'000));
    auto over = unpack(kind, packed, 49'999);
    REQUIRE_FALSE(over);
    CHECK(over.error().code == Errc::permanent);
    CHECK(over.error().what.find("49999") != std::string::npos);
  }
}

TEST_CASE("compression: bombs end at the limit and give their charge back") {
  // 10 MB of zeros, gzipped twice over in members: a few hundred kB that claim to be 1 GB.
  std::string gzip = repeat(pack(Compression::gzip, std::string(10'000'000, '\0'), 9), 100);
  std::string zstd = repeat(pack(Compression::zstd, std::string(100'000'000, '\0')), 10);
  struct { Compression kind; std::string_view bytes; } const rows[] = {
      {Compression::gzip, gzip}, {Compression::zstd, zstd}};
  for (auto& row : rows) {
    CAPTURE(to_string(row.kind));
    Budget budget(64'000'000);
    Charge charge = budget.empty_charge();
    auto out = decompress(row.kind, row.bytes, 20'000'000, charge);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::permanent);
    CHECK(charge.bytes() == 0);
    CHECK(budget.used() == 0);
  }
}

TEST_CASE("compression: no more is made than there is room for") {
  for (Compression kind : all) {
    CAPTURE(to_string(kind));
    std::string packed = pack(kind, std::string(1'000'000, 'x'));
    Budget budget(500'000);
    Charge charge = budget.empty_charge();
    auto out = decompress(kind, packed, 20'000'000, charge);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::refused);
    CHECK(budget.used() == 0);
    budget.set_limit(3'000'000);
    CHECK(decompress(kind, packed, 20'000'000, charge));
    CHECK(charge.bytes() == 1'000'000);
  }
}

TEST_CASE("compression: a gzip trailer that lies about the size is found out") {
  std::string packed = pack(Compression::gzip, mixed(10'000, 8));
  for (std::string size : {std::string("\x01\0\0\0", 4), std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\x10", 4)}) {
    std::string lie = packed.substr(0, packed.size() - 4) + size;
    CHECK_FALSE(unpack(Compression::gzip, lie));
  }
}

TEST_CASE("compression: names") {
  CHECK(*compression_of("") == Compression::none);
  CHECK(*compression_of("identity") == Compression::none);
  CHECK(*compression_of("deflate") == Compression::zlib);
  CHECK(*compression_of("GZIP") == Compression::gzip);
  CHECK(*compression_of("x-snappy-framed") == Compression::snappy);
  CHECK(compression_of("br").error().what == "unsupported compression: br");
}

TEST_CASE("compression: gzip in parts is one stream") {
  std::string text = mixed(300'000, 3), packed;
  GzipStream stream;
  for (std::size_t at = 0; at < text.size(); at += 7'001) stream.add(std::string_view(text).substr(at, 7'001), packed);
  stream.finish(packed);
  auto out = unpack(Compression::gzip, packed);
  REQUIRE(out);
  CHECK(*out == text);
  std::string empty;
  GzipStream().finish(empty);
  CHECK(unpack(Compression::gzip, empty).value() == "");
}

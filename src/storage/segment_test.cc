#include "storage/segment.h"

#include <doctest/doctest.h>

#include "storage/crc32c.h"

using namespace weir;
using namespace weir::storage;

namespace {

const SegmentName name{42, 0x9e3779b97f4a7c15};

std::string record(std::uint32_t index, std::string_view payload, std::uint8_t version = 1) {
  std::string out;
  append_record_head(out, {.length = static_cast<std::uint32_t>(payload.size()), .checksum = crc32c(payload), .index = index, .items = 1, .time = 7, .kind = 1, .version = version}, name.salt);
  return out + std::string(payload);
}

std::string segment(const std::vector<std::string>& payloads) {
  std::string out = encode_segment_head(1'700'000'000'000'000'000);
  for (std::uint32_t i = 0; i < payloads.size(); ++i) out += record(i, payloads[i]);
  return out;
}

struct Read {
  std::vector<std::uint32_t> indexes;
  std::vector<std::string> payloads;
  Skipped skipped;
};

Read read(std::string_view bytes, SegmentReader::Check check = SegmentReader::Check::all) {
  io::MemoryFs fs;
  auto file = fs.open("segment", io::OpenMode::append);
  REQUIRE(file.has_value());
  REQUIRE((*file)->append(std::span(&bytes, 1)).has_value());
  SegmentReader reader(**file, name, check);
  Read out;
  for (;;) {
    auto next = reader.next();
    REQUIRE(next.has_value());
    if (!*next) break;
    out.indexes.push_back((*next)->head.index);
    out.payloads.emplace_back((*next)->payload.view());
  }
  out.skipped = reader.skipped();
  return out;
}

}  // namespace

TEST_CASE("segment: what was written is read") {
  std::vector<std::string> payloads = {"a", "", std::string(300'000, 'x'), "last"};
  Read got = read(segment(payloads));
  CHECK(got.payloads == payloads);
  CHECK_FALSE(got.skipped.damage());
  CHECK_FALSE(got.skipped.torn);
  CHECK(read(segment(payloads), SegmentReader::Check::heads).indexes == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(SegmentName::parse(name.segment_file()) == name);
  CHECK_FALSE(SegmentName::parse("0000000000000001.seg"));
}

TEST_CASE("segment: the example of the document") {
  std::string bytes = segment({"hi"});
  REQUIRE(bytes.size() == segment_head_bytes + record_head_bytes + 2);
  std::string hex;
  for (unsigned char c : bytes) hex += fmt::format("{:02x}", c);
  CHECK(hex ==
        "776569727365670a" "0100" "0000" "24818567" "00002a36fe9c9717" "0000000000000000"
        "a7726563" "01f4d3b9" "02000000" "c2d99df5" "00000000" "01000000" "0700000000000000" "01" "01" "000000000000" "6869");
}

TEST_CASE("segment: a flipped byte costs the record it is in and no other, and is counted") {
  std::vector<std::string> payloads = {"first", "second record", "", "the fourth one", "fifth"};
  std::string whole = segment(payloads);
  std::vector<std::size_t> begins;
  for (std::size_t at = segment_head_bytes; auto& payload : payloads) begins.push_back(at), at += record_head_bytes + payload.size();
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int flip : {0x01, 0x80, 0xFF}) {
      CAPTURE(at);
      CAPTURE(flip);
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      Read got = read(bytes);
      if (at < segment_head_bytes) {
        CHECK(got.payloads == payloads);
        continue;
      }
      std::size_t hit = static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), at) - begins.begin()) - 1;
      std::vector<std::uint32_t> left;
      for (std::uint32_t i = 0; i < payloads.size(); ++i)
        if (i != hit) left.push_back(i);
      CHECK(got.indexes == left);
      CHECK(got.skipped.broken == 1);
      CHECK_FALSE(got.skipped.torn);
    }
}

TEST_CASE("segment: cut at any length, whole records are there") {
  std::vector<std::string> payloads = {"first", "second record", "", "the fourth one"};
  std::string whole = segment(payloads);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    std::size_t fit = 0, end = segment_head_bytes;
    while (fit < payloads.size() && end + record_head_bytes + payloads[fit].size() <= size) end += record_head_bytes + payloads[fit++].size();
    Read got = read(whole.substr(0, size));
    CHECK(got.payloads == std::vector<std::string>(payloads.begin(), payloads.begin() + static_cast<std::ptrdiff_t>(fit)));
    CHECK(got.skipped.torn == (size > end));
    CHECK(got.skipped.broken == 0);
  }
}

TEST_CASE("segment: zeros at the end are what a power cut leaves, not damage") {
  Read got = read(segment({"first"}) + std::string(100, '\0'));
  CHECK(got.payloads == std::vector<std::string>{"first"});
  CHECK(got.skipped.torn);
  CHECK(got.skipped.broken == 0);
}

TEST_CASE("segment: records of another version are passed by and said; those of another segment are no records") {
  std::string bytes = encode_segment_head(1) + record(0, "a") + record(1, "from the future", 2) + record(2, "c");
  Read got = read(bytes);
  CHECK(got.indexes == std::vector<std::uint32_t>{0, 2});
  CHECK(got.skipped.unknown == 1);
  CHECK(got.skipped.broken == 0);

  // Somebody sends bytes that look like a record; damage right in front of them must not bring them to life.
  std::string forged;
  append_record_head(forged, {.length = 4, .checksum = crc32c("evil"), .index = 1}, 1234);
  bytes = encode_segment_head(1) + record(0, forged + "evil") + record(1, "good");
  bytes[segment_head_bytes + 9] ^= 1;
  got = read(bytes);
  CHECK(got.payloads == std::vector<std::string>{"good"});
}

TEST_CASE("segment: one of a later version is left alone as a whole") {
  std::string bytes = segment({"a"});
  bytes[8] = 2;
  std::string head = bytes.substr(0, 12);
  std::uint32_t sum = crc32c(bytes.substr(16, 16), crc32c(head));
  for (std::size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<char>(sum >> 8 * i);
  Read got = read(bytes);
  CHECK(got.indexes.empty());
  CHECK(got.skipped.unknown == 1);
}

TEST_CASE("settled entries: damaged ones and half ones are left out") {
  std::vector<std::uint32_t> all = {1, 5, 9};
  std::string bytes = encode_settled(all, name.salt);
  CHECK(decode_settled(bytes, name.salt) == all);
  bytes[8] ^= 1;
  CHECK(decode_settled(bytes.substr(0, 23), name.salt) == std::vector<std::uint32_t>{1});
}

#include "storage/checkpoints.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "storage/crc32c.h"

using namespace weir;
using namespace weir::storage;

namespace {

Checkpoints open(io::Fs& fs) {
  auto out = Checkpoints::open(fs, {.directory = "/d", .name = "receiver_x_"});
  REQUIRE(out.has_value());
  return std::move(*out);
}

std::string value_of(io::Fs& fs, std::string_view key) {
  auto read = open(fs);
  const std::string* found = read.find(key);
  return found ? *found : "none";
}

void replace(io::Fs& fs, const std::string& path, std::string_view content) {
  auto file = fs.open(path, io::OpenMode::replace);
  REQUIRE(file.has_value());
  REQUIRE((*file)->append({&content, 1}));
}

}  // namespace

TEST_CASE("crc32c: the check value of its definition") {
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c("") == 0);
}

TEST_CASE("checkpoints: what was saved is there when they are opened again") {
  io::MemoryFs fs;
  auto first = open(fs);
  CHECK(first.entries().empty());
  CHECK(!first.dirty());
  first.set("a", "1");
  first.set("b", std::string("\0\n", 2));
  CHECK(first.dirty());
  REQUIRE(first.save());
  CHECK(!first.dirty());
  first.set("a", "1");
  CHECK(!first.dirty());
  CHECK(value_of(fs, "a") == "1");
  CHECK(value_of(fs, "b") == std::string("\0\n", 2));
  first.erase("a");
  REQUIRE(first.save());
  CHECK(value_of(fs, "a") == "none");
  CHECK(value_of(fs, "b") == std::string("\0\n", 2));
}

TEST_CASE("checkpoints: a damaged newest file means the state of the save before") {
  io::MemoryFs fs;
  auto first = open(fs);
  for (std::string text : {"1", "2", "3"}) {
    first.set("n", text);
    REQUIRE(first.save());
  }
  REQUIRE(value_of(fs, "n") == "3");
  std::string newest = *fs.content("/d/receiver_x_.1");
  std::string cut = newest.substr(0, newest.size() - 1), flipped = newest;
  flipped[20] ^= 1;
  for (std::string_view broken : {std::string_view(""), std::string_view(cut), std::string_view(flipped), std::string_view("nonsense")}) {
    replace(fs, "/d/receiver_x_.1", broken);
    CHECK(value_of(fs, "n") == "2");
  }
  replace(fs, "/d/receiver_x_.0", "nonsense too");
  CHECK(value_of(fs, "n") == "none");
}

TEST_CASE("checkpoints: whatever happened to the files, it opens, and says how many it skipped") {
  io::MemoryFs fs;
  auto first = open(fs);
  for (std::string text : {"1", "2", "3"}) {
    first.set("n", text);
    REQUIRE(first.save());
  }
  std::string newest = *fs.content("/d/receiver_x_.1");
  auto reopened = [&] { return Checkpoints::open(fs, {.directory = "/d", .name = "receiver_x_", .max_bytes = 1000}); };
  for (std::size_t size = 0; size < newest.size(); ++size) {
    CAPTURE(size);
    replace(fs, "/d/receiver_x_.1", newest.substr(0, size));
    auto again = reopened();
    REQUIRE(again);
    CHECK(*again->find("n") == "2");
    CHECK(again->damaged() == 1);
  }
  for (std::size_t bit = 0; bit < newest.size() * 8; ++bit) {
    CAPTURE(bit);
    replace(fs, "/d/receiver_x_.1", newest);
    fs.flip_bit("/d/receiver_x_.1", bit);
    auto again = reopened();
    REQUIRE(again);
    CHECK(*again->find("n") == "2");
    CHECK(again->damaged() == 1);
  }
  replace(fs, "/d/receiver_x_.1", std::string(1001, 'x'));
  CHECK(*reopened()->find("n") == "2");
  fs.fault = [](std::string_view operation, const std::string&) { return operation == "read" ? 5 : 0; };
  auto broken = reopened();
  REQUIRE(broken);
  CHECK(broken->entries().empty());
  CHECK(broken->damaged() == 2);
}

TEST_CASE("checkpoints: saves that are not synced leave the one that was alone") {
  io::MemoryFs fs;
  auto some = open(fs);
  some.set("n", "on the disk");
  REQUIRE(some.save());
  for (std::string text : {"1", "2", "3"}) {
    some.set("n", text);
    REQUIRE(some.save(false));
    CHECK(value_of(fs, "n") == text);
  }
  replace(fs, "/d/receiver_x_.0", "what a power cut leaves");
  CHECK(value_of(fs, "n") == "on the disk");
}

TEST_CASE("checkpoints: a save that fails leaves the one before, however often it fails") {
  io::MemoryFs fs;
  auto some = open(fs);
  some.set("n", "good");
  REQUIRE(some.save());
  fs.room = 0;
  some.set("n", "better");
  for (int i = 0; i < 3; ++i) {
    CHECK(some.save().error().code == Errc::retryable);
    CHECK(some.dirty());
    CHECK(value_of(fs, "n") == "good");
  }
  fs.room.reset();
  REQUIRE(some.save());
  CHECK(value_of(fs, "n") == "better");
}

TEST_CASE("checkpoints: one that goes on with a file of an earlier process does not overwrite the newest") {
  io::MemoryFs fs;
  for (std::string text : {"1", "2", "3", "4"}) {
    auto some = open(fs);
    some.set("n", text);
    REQUIRE(some.save());
    CHECK(value_of(fs, "n") == text);
  }
}

TEST_CASE("checkpoints: more than max_bytes is not written") {
  io::MemoryFs fs;
  auto some = Checkpoints::open(fs, {.directory = "/d", .name = "x", .max_bytes = 100});
  REQUIRE(some.has_value());
  some->set("k", std::string(100, 'v'));
  CHECK(some->save().error().what == "checkpoints x would have 133 bytes, more than 100");
  some->set("k", "v");
  CHECK(some->save());
}

TEST_CASE("checkpoints: no bytes make decoding fail in another way than by saying so") {
  std::string good = encode_checkpoints(7, {{"key", "value"}, {"", ""}});
  REQUIRE(decode_checkpoints(good)->second.size() == 2);
  for (std::size_t n = 0; n < good.size(); ++n) CHECK(!decode_checkpoints(std::string_view(good).substr(0, n)));
  // A count that is too large under a sum that is right.
  std::string wrong = good.substr(0, good.size() - 4);
  wrong[16] = 100;
  std::uint32_t crc = crc32c(wrong);
  wrong.append(reinterpret_cast<const char*>(&crc), 4);
  CHECK(decode_checkpoints(wrong).error().what == "lengths do not add up");
}

TEST_CASE("checkpoints: names of components become names of files") {
  CHECK(checkpoint_name("receiver", "filelog", "") == "receiver_filelog_");
  CHECK(checkpoint_name("receiver", "filelog", "a/b c") == "receiver_filelog_a~2Fb~20c");
}

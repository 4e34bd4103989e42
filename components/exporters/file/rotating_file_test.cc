#include "components/exporters/file/rotating_file.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "components/exporters/file/files.h"

using namespace weir;
using namespace weir::exporters::file;

namespace {

constexpr UnixNanos noon = 1'663'131'734'173'000'000;  // 2022-09-14T05:02:14.173Z
constexpr UnixNanos day = 86'400ull * 1'000'000'000;

Result<> put(RotatingFile& file, std::string_view text, UnixNanos now = noon) { return file.write(std::span(&text, 1), now); }

RotatingFile open(io::Fs& fs, const std::optional<Rotation>& rotation, bool append = false) {
  auto file = RotatingFile::open(fs, "data.json", rotation, append);
  REQUIRE(file.has_value());
  return std::move(*file);
}

std::vector<std::string> names(io::MemoryFs& fs) {
  std::vector<std::string> out;
  auto listed = fs.list(".");
  REQUIRE(listed.has_value());
  for (auto& file : *listed) out.push_back(file.name);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("file: a file is emptied at start, unless it is appended to or rotated") {
  io::MemoryFs fs;
  auto first = open(fs, {});
  REQUIRE(put(first, "a\n"));
  auto second = open(fs, {}, true);
  REQUIRE(put(second, "b\n"));
  auto third = open(fs, Rotation{});
  REQUIRE(put(third, "c\n"));
  CHECK(*fs.content("data.json") == "a\nb\nc\n");
  open(fs, {});
  CHECK(fs.content("data.json")->empty());
}

TEST_CASE("file: what would make it too large goes to a new file; the old one keeps its time in its name") {
  io::MemoryFs fs;
  auto file = open(fs, Rotation{.max_megabytes = 1});
  std::string half(600 * 1024, 'x'), huge(2 * 1024 * 1024, 'y');
  REQUIRE(put(file, half));
  REQUIRE(put(file, "more"));
  REQUIRE(put(file, half));
  CHECK(names(fs) == Names{"data-2022-09-14T05-02-14.173.json", "data.json"});
  CHECK(fs.content("data-2022-09-14T05-02-14.173.json")->size() == half.size() + 4);
  // Same millisecond: nothing is overwritten. Larger than allowed: a file of its own.
  REQUIRE(put(file, huge));
  CHECK(names(fs) == Names{"data-2022-09-14T05-02-14.173.json", "data-2022-09-14T05-02-14.174.json", "data.json"});
  CHECK(fs.content("data.json")->size() == huge.size());
}

TEST_CASE("file: backups beyond number and age are removed, other files are not") {
  io::MemoryFs fs;
  for (std::string other : {"data-old.json", "data.json.bak", "other-2022-09-14T05-02-14.173.json"})
    REQUIRE(fs.open(other, io::OpenMode::append));
  std::string big(1024 * 1024, 'x');
  {
    auto file = open(fs, Rotation{.max_megabytes = 1, .max_backups = 2});
    for (unsigned i = 0; i < 5; ++i) REQUIRE(put(file, big, noon + i * 1'000'000'000));
  }
  CHECK(names(fs) == Names{"data-2022-09-14T05-02-17.173.json", "data-2022-09-14T05-02-18.173.json", "data-old.json", "data.json",
                           "data.json.bak", "other-2022-09-14T05-02-14.173.json"});
  auto file = open(fs, Rotation{.max_megabytes = 1, .max_days = 1, .max_backups = 0});
  REQUIRE(put(file, big, noon + 2 * day));
  CHECK(names(fs) == Names{"data-2022-09-16T05-02-14.173.json", "data-old.json", "data.json", "data.json.bak",
                           "other-2022-09-14T05-02-14.173.json"});
}

TEST_CASE("file: a record that was written in part is taken back") {
  io::MemoryFs fs;
  auto file = open(fs, {});
  REQUIRE(put(file, "one\n"));
  fs.room = 2;
  auto written = put(file, "three\n");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().code == Errc::retryable);
  CHECK(*fs.content("data.json") == "one\n");
  fs.room = 100;
  REQUIRE(put(file, "two\n"));
  CHECK(*fs.content("data.json") == "one\ntwo\n");
}

TEST_CASE("file: as long as a torn record cannot be taken back, nothing is written behind it") {
  io::MemoryFs fs;
  auto file = open(fs, {});
  REQUIRE(put(file, "one\n"));
  fs.room = 2;
  fs.fault = [](std::string_view operation, const std::string&) { return operation == "truncate" ? EIO : 0; };
  CHECK_FALSE(put(file, "three\n").has_value());
  fs.room = 100;
  CHECK_FALSE(put(file, "four\n").has_value());
  CHECK(*fs.content("data.json") == "one\nth");
  fs.fault = nullptr;
  REQUIRE(put(file, "two\n"));
  CHECK(*fs.content("data.json") == "one\ntwo\n");
}

TEST_CASE("file: when it cannot be rotated it grows on, and is rotated when that works again") {
  io::MemoryFs fs;
  auto file = open(fs, Rotation{.max_megabytes = 1});
  std::string big(1024 * 1024, 'x');
  REQUIRE(put(file, big));
  fs.fault = [](std::string_view operation, const std::string&) { return operation == "rename" ? EACCES : 0; };
  REQUIRE(put(file, "a"));
  fs.fault = [](std::string_view operation, const std::string&) { return operation == "open" ? EMFILE : 0; };
  REQUIRE(put(file, "b"));
  CHECK(names(fs) == Names{"data-2022-09-14T05-02-14.173.json"});
  CHECK(fs.content("data-2022-09-14T05-02-14.173.json")->size() == big.size() + 2);
  fs.fault = nullptr;
  REQUIRE(put(file, "c"));
  CHECK(*fs.content("data.json") == "c");
}

TEST_CASE("file: names of backups") {
  REQUIRE(::setenv("TZ", "IST-5:30", 1) == 0);
  ::tzset();
  CHECK(backup_name("data.json", noon, true) == "data-2022-09-14T10-32-14.173.json");
  ::unsetenv("TZ");
  ::tzset();
  CHECK(backup_name("data.json", noon, false) == "data-2022-09-14T05-02-14.173.json");
  CHECK(backup_name("/a.b/data", noon, false) == "/a.b/data-2022-09-14T05-02-14.173");
  CHECK(backup_name("/var/log/x.tar.gz", noon, false) == "/var/log/x.tar-2022-09-14T05-02-14.173.gz");
}

TEST_CASE("file: a segment never leads out of the directory in front of the star") {
  io::MemoryFs fs;
  auto path = [&](std::string_view pattern, std::string_view segment) {
    return Files({.path = std::string(pattern), .group_by = {.enabled = true}}, fs).path_of(segment);
  };
  struct {
    std::string_view pattern, segment, path;
  } const rows[] = {
      {"/data/*.json", "a", "/data/a.json"},
      {"/data/*.json", "a/b", "/data/a/b.json"},
      {"/data/*.json", "../x", "/data/x.json"},
      {"/data/*.json", "a/../../../etc/x", "/data/etc/x.json"},
      {"/data/*.json", "../../../../etc/x", "/data/etc/x.json"},
      {"/data/*.json", "./x", "/data/x.json"},
      {"/data/*.json", "/etc/x", "/data/etc/x.json"},
      {"/data/*.json", "", "/data/.json"},
      {"/data/log-*.json", "a", "/data/log-a.json"},
      {"/data/log-*.json", "/../x", "/data/log-/x.json"},
      {"./out/*/f", "../..", "out/f"},
      {"/data/*", "..", "/data"},
  };
  for (auto& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.segment);
    CHECK(path(row.pattern, row.segment) == row.path);
  }
}

#include "io/fs.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>

using namespace weir;
using namespace weir::io;

namespace {

struct TempDir {
  TempDir() {
    char name[] = "/tmp/weir-fs-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

std::string read_all(Fs& fs, const std::string& path) {
  auto file = fs.open(path, OpenMode::read);
  REQUIRE(file.has_value());
  std::string out((*file)->size() + 1, '\0');
  auto n = (*file)->read_at(0, out);
  REQUIRE(n.has_value());
  out.resize(*n);
  return out;
}

// The same story for both: whoever passes with files in memory passes with real ones.
void story(Fs& fs, const std::string& dir) {
  REQUIRE(fs.make_directory(dir + "/a/b"));
  REQUIRE(fs.make_directory(dir + "/a/b"));
  std::string path = dir + "/a/b/file";
  {
    auto missing = fs.open(path, OpenMode::read);
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().what == "cannot open " + path + ": No such file or directory");
    CHECK_FALSE(fs.open(dir + "/nope/file", OpenMode::append).has_value());
    CHECK_FALSE(fs.info(path)->has_value());
  }
  {
    auto file = fs.open(path, OpenMode::append);
    REQUIRE(file.has_value());
    std::array<std::string_view, 3> pieces{"one", "", "two"};
    REQUIRE((*file)->append(pieces));
    CHECK((*file)->size() == 6);
    REQUIRE((*file)->truncate(4));
    REQUIRE((*file)->append(std::array<std::string_view, 1>{"!"}));
    REQUIRE((*file)->sync());
    std::array<char, 8> some;
    CHECK((*file)->read_at(3, some) == 2);
    CHECK((*file)->read_at(100, some) == 0);
  }
  CHECK(read_all(fs, path) == "onet!");
  REQUIRE(fs.open(path, OpenMode::append)->get()->append(std::array<std::string_view, 1>{"?"}));
  CHECK(read_all(fs, path) == "onet!?");
  CHECK((*fs.info(path))->size == 6);
  REQUIRE(fs.rename(path, path + ".old"));
  REQUIRE(fs.open(path, OpenMode::replace).has_value());
  auto list = fs.list(dir + "/a/b");
  REQUIRE(list.has_value());
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].name == "file");
  CHECK((*list)[1].name == "file.old");
  REQUIRE(fs.open(path + ".old", OpenMode::replace).has_value());
  CHECK(read_all(fs, path + ".old").empty());
  REQUIRE(fs.remove(path));
  REQUIRE(fs.remove(path));
  CHECK_FALSE(fs.info(path)->has_value());
  REQUIRE(fs.sync_directory(dir + "/a/b"));
  CHECK_FALSE(fs.rename(path, path + "2").has_value());
  {
    auto lock = fs.lock(dir + "/a/lock", 0s);
    REQUIRE(lock.has_value());
    auto second = fs.lock(dir + "/a/lock", 0s);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Errc::refused);
  }
  CHECK(fs.lock(dir + "/a/lock", 0s).has_value());
}

}  // namespace

TEST_CASE("fs: real files and those in memory behave alike") {
  TempDir temp;
  story(system_fs(), temp.path);
  MemoryFs memory;
  REQUIRE(memory.make_directory("/data"));
  story(memory, "/data");
}

TEST_CASE("fs: many pieces in one append") {
  TempDir temp;
  auto file = system_fs().open(temp.path + "/f", OpenMode::append);
  REQUIRE(file.has_value());
  std::vector<std::string_view> pieces(5000, "ab");
  REQUIRE((*file)->append(pieces));
  CHECK((*file)->size() == 10000);
  CHECK(read_all(system_fs(), temp.path + "/f").size() == 10000);
}

TEST_CASE("fs: a full disk takes what fits and then fails; truncating makes room again") {
  MemoryFs fs;
  fs.room = 5;
  auto file = fs.open("f", OpenMode::append);
  REQUIRE(file.has_value());
  auto wrote = (*file)->append(std::array<std::string_view, 2>{"abc", "def"});
  REQUIRE_FALSE(wrote.has_value());
  CHECK(wrote.error().code == Errc::retryable);
  CHECK(wrote.error().what == "cannot write f: No space left on device");
  CHECK(*fs.content("f") == "abcde");
  REQUIRE((*file)->truncate(0));
  CHECK((*file)->append(std::array<std::string_view, 1>{"xyz"}).has_value());
  CHECK(*fs.room == 2);
}

TEST_CASE("fs: injected errors") {
  MemoryFs fs;
  fs.fault = [](std::string_view operation, const std::string&) { return operation == "sync" ? EIO : 0; };
  auto file = fs.open("f", OpenMode::append);
  REQUIRE(file.has_value());
  REQUIRE((*file)->append(std::array<std::string_view, 1>{"x"}));
  CHECK((*file)->sync().error().code == Errc::retryable);
}

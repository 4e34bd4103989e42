#include "components/receivers/filelog/watch.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/result.h"
#include "components/receivers/filelog/search.h"

using namespace weir;
using namespace weir::receivers::filelog;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/weir-watch-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(std::string_view name) const { return path + "/" + std::string(name); }
  std::string path;
};

void append(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::app) << text; }

}  // namespace

TEST_CASE("directory watch: writes, names and links") {
  Folder folder;
  std::filesystem::create_directory(folder / "real");
  append(folder / "real/b", "x");
  std::filesystem::create_symlink(folder / "real/b", folder / "b.log");
  append(folder / "a.log", "x");
  DirectoryWatch watch;
  CHECK(watch.set({folder.path}, {folder / "a.log", folder / "b.log"}));
  CHECK(watch.complete());
  CHECK(!watch.set({folder.path}, {folder / "a.log", folder / "b.log"}));  // nothing new
  CHECK(watch.take().files.empty());

  append(folder / "a.log", "y");
  append(folder / "real/b", "y");
  auto changes = watch.take();
  CHECK(!changes.names);
  CHECK(changes.files == std::vector<std::string>{folder / "a.log", folder / "b.log"});

  append(folder / "c.log", "");
  CHECK(watch.take().names);
  std::filesystem::rename(folder / "c.log", folder / "d.log");
  CHECK(watch.take().names);
  std::filesystem::remove(folder / "real/b");
  CHECK(watch.take().names);
  CHECK(!watch.take().names);
}

TEST_CASE("search: what is not there yet is seen when it appears") {
  Folder folder;
  Config config;
  config.include = {folder / "pods/*/*.log", folder / "single.log"};
  auto search = Search::make(config);
  REQUIRE(search.has_value());
  auto& s = **search;
  CHECK(!s.watched());
  s.look(true, 0);
  CHECK(s.watched());
  CHECK(s.found.empty());
  for (auto* step : {"pods", "pods/one"}) {
    std::filesystem::create_directory(folder / step);
    CHECK(s.changes().names);
    s.look(true, 0);
  }
  append(folder / "pods/one/a.log", "x");
  append(folder / "single.log", "x");
  CHECK(s.changes().names);
  s.look(true, 0);
  CHECK(s.found.size() == 2);
  append(folder / "pods/one/a.log", "y");
  append(folder / "pods/other.log", "y");
  auto changes = s.changes();
  CHECK(!s.look_at(changes.files, 0));
  REQUIRE(s.found.size() == 1);
  CHECK(s.found[0].path == folder / "pods/one/a.log");
  CHECK(s.found[0].size == 2);
}

TEST_CASE("search: a link that leads nowhere for a while is looked at") {
  Folder folder;
  std::filesystem::create_directory(folder / "real");
  append(folder / "real/b", "x");
  std::filesystem::create_symlink(folder / "real/b", folder / "b.log");
  Config config;
  config.include = {folder / "*.log"};
  auto search = Search::make(config);
  REQUIRE(search.has_value());
  auto& s = **search;
  s.look(true, 0);
  CHECK(s.watched());
  std::filesystem::rename(folder / "real/b", folder / "real/b.1");
  CHECK(s.changes().names);
  for (int i = 0; i < 2; ++i) {
    s.look(true, 0);
    CHECK(!s.watched());
  }
  append(folder / "real/b", "y");
  s.look(true, 0);
  CHECK(s.watched());
  CHECK(s.found.size() == 1);
}

TEST_CASE("search: what is written to may change which files are chosen by their time") {
  Folder folder;
  append(folder / "a.log", "x"), append(folder / "b.log", "x");
  auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  std::filesystem::last_write_time(folder / "a.log", old);
  auto now = static_cast<UnixNanos>(::time(nullptr)) * 1'000'000'000u;
  Config config;
  config.include = {folder / "*.log"};
  auto written = [&](const std::string& path) {
    auto search = Search::make(config);
    REQUIRE(search.has_value());
    (*search)->look(true, now);
    REQUIRE((*search)->watched());
    REQUIRE((*search)->found.size() == 1);
    CHECK((*search)->found[0].path == folder / "b.log");
    std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::hours(2));
    bool all = (*search)->look_at({path}, now);
    return fmt::format("{} {}", all ? "all" : "some", (*search)->found.size());
  };
  SUBCASE("by age") {
    config.exclude_older_than = 1h;
    CHECK(written(folder / "b.log") == "some 1");
    CHECK(written(folder / "a.log") == "all 2");
  }
  SUBCASE("by order") {
    config.ordering_criteria.regex = "log";
    config.ordering_criteria.sort_by = {{.sort_type = SortType::mtime}};
    CHECK(written(folder / "b.log") == "all 1");
  }
  SUBCASE("by name") {
    config.ordering_criteria.regex = "(?P<name>[a-z]).log";
    config.ordering_criteria.sort_by = {{.sort_type = SortType::alphabetical, .regex_key = "name"}};
    CHECK(written(folder / "b.log") == "some 1");
    CHECK(written(folder / "a.log") == "some 0");
  }
}

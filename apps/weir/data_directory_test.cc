#include "weir/data_directory.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::app;

TEST_CASE("data directory: one process has it; who did not ask for it does without") {
  io::MemoryFs fs;
  auto first = take_data_directory(fs, {"/data", false});
  REQUIRE(first.has_value());
  CHECK(first->path == "/data");
  auto second = take_data_directory(fs, {"/data", false});
  REQUIRE(second.has_value());
  CHECK(second->path.empty());
  CHECK(second->why == "another process uses /data");
  CHECK_FALSE(take_data_directory(fs, {"/data", true}).has_value());
  first->lock.reset();
  CHECK(take_data_directory(fs, {"/data", true}).has_value());
}

TEST_CASE("data directory: the command line is heard first") {
  Options options;
  options.data_dir = "/a";
  CHECK(data_path(options).path == "/a");
  CHECK(data_path(options).asked);
  options.data_dir = "none";
  io::MemoryFs fs;
  auto none = take_data_directory(fs, data_path(options));
  REQUIRE(none.has_value());
  CHECK(none->path.empty());
}

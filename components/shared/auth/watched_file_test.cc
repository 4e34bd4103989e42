#include "components/shared/auth/watched_file.h"

#include <doctest/doctest.h>

#include "io/simulation.h"

using namespace weir;

namespace {

void put(io::Fs& fs, std::string_view text) {
  auto file = fs.open("f", io::OpenMode::replace);
  REQUIRE(file.has_value());
  REQUIRE((*file)->append(std::span(&text, 1)));
}

}  // namespace

TEST_CASE("auth: a watched file tells its content at start and when it changes") {
  io::MemoryFs fs;
  io::Simulation simulation(1, 1);
  put(fs, "one");
  std::vector<std::string> seen;
  {
    auth::WatchedFile file("f", simulation.core(0), fs);
    REQUIRE(file.start([&](std::string_view content) { seen.emplace_back(content); }));
    simulation.advance(20s);
    CHECK(seen == std::vector<std::string>{"one"});
    put(fs, "two");
    simulation.advance(5s);
    CHECK(seen == std::vector<std::string>{"one", "two"});
    // A moment without the file, as when it is replaced, changes nothing.
    REQUIRE(fs.remove("f"));
    simulation.advance(20s);
    put(fs, "three");
    simulation.advance(5s);
    CHECK(seen == std::vector<std::string>{"one", "two", "three"});
  }
  put(fs, "four");
  simulation.advance(20s);
  CHECK(seen.size() == 3);
}

TEST_CASE("auth: a watched file must be there at start, and small") {
  io::MemoryFs fs;
  io::Simulation simulation(1, 1);
  auth::WatchedFile file("f", simulation.core(0), fs);
  auto nothing = [](std::string_view) {};
  CHECK_FALSE(file.start(nothing).has_value());
  put(fs, std::string(auth::WatchedFile::max_bytes + 1, 'x'));
  CHECK_FALSE(file.start(nothing).has_value());
}

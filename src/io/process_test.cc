#include "io/process.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

struct Heard final : io::ProcessHandler {
  std::string output, how, errors;
  void on_output(std::string_view bytes) override { output += bytes; }
  void on_exit(std::string how_it_was, std::string said) override {
    how = std::move(how_it_was);
    errors = std::move(said);
  }
};

}  // namespace

TEST_CASE("process: output, errors and how it ended") {
  io::Loop loop;
  Heard heard;
  auto process = io::Process::start(loop, {"sh", "-c", "echo out; echo wrong >&2; cat; exit 3"}, heard);
  REQUIRE(process.has_value());
  CHECK(loop.run_until([&] { return !heard.how.empty(); }));
  CHECK(heard.output == "out\n");
  CHECK(heard.errors == "wrong\n");
  CHECK(heard.how == "exit status 3");
}

TEST_CASE("process: much output waits while it is paused") {
  io::Loop loop;
  Heard heard;
  auto process = io::Process::start(loop, {"sh", "-c", "head -c 1000000 /dev/zero"}, heard);
  REQUIRE(process.has_value());
  (*process)->pause();
  CHECK(!loop.run_until([&] { return !heard.output.empty(); }, std::chrono::milliseconds(50)));
  (*process)->resume();
  CHECK(loop.run_until([&] { return !heard.how.empty(); }));
  CHECK(heard.output.size() == 1'000'000);
  CHECK(heard.how == "exit status 0");
}

TEST_CASE("process: one that is not there, and one that is left alone") {
  io::Loop loop;
  Heard heard;
  auto missing = io::Process::start(loop, {"/nonexistent/program"}, heard);
  CHECK(missing.error().what == "start /nonexistent/program: No such file or directory");
  auto process = io::Process::start(loop, {"sleep", "1000"}, heard);
  REQUIRE(process.has_value());
  process->reset();
  CHECK(heard.how.empty());
}

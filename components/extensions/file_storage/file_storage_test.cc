#include "components/extensions/file_storage/file_storage.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::extensions::file_storage {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::file_storage;

namespace {

bool accepts(std::string_view yaml, std::string_view said = {}) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  bool ok = extensions::file_storage::factory().decode(&*value, problems) != nullptr;
  CHECK_MESSAGE(problems.to_string().find(said) != std::string::npos, problems.to_string());
  return ok;
}

}  // namespace

TEST_CASE("file_storage: one process at a time has a directory") {
  io::MemoryFs fs;
  io::Simulation simulation(1, 1);
  engine::testing::TestHost host;
  engine::ExtensionContext context{.id = {"file_storage", ""}, .executor = simulation.core(0), .host = host};
  Config config{.directory = "/data/queue", .timeout = 0s, .create_directory = true};
  FileStorage first(config, context, fs), second(config, context, fs);
  REQUIRE(first.start());
  CHECK((*fs.info("/data/queue"))->is_directory);
  auto refused = second.start();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what == "/data/queue/weir.lock is locked by somebody else");
  first.stop();
  CHECK(second.start().has_value());
}

TEST_CASE("file_storage: a directory that is not there, and is not to be created, is an error") {
  io::MemoryFs fs;
  io::Simulation simulation(1, 1);
  engine::testing::TestHost host;
  engine::ExtensionContext context{.id = {"file_storage", ""}, .executor = simulation.core(0), .host = host};
  FileStorage storage({.directory = "/nope", .timeout = 0s}, context, fs);
  CHECK_FALSE(storage.start().has_value());
}

TEST_CASE("file_storage: settings") {
  CHECK(accepts("{directory: /tmp}"));
  CHECK(accepts("{directory: /nonexistent, create_directory: true, compaction: {on_start: true, directory: /nope, cleanup_on_start: true}, recreate: true}"));
  CHECK_FALSE(accepts("{directory: /nonexistent}", "directory must exist: /nonexistent"));
  CHECK_FALSE(accepts("{directory: /etc/passwd}", "/etc/passwd is not a directory"));
  CHECK_FALSE(accepts("{directory: ''}", "must be non-empty"));
  CHECK_FALSE(accepts("{directory: /tmp, directory_permissions: '999'}", "valid octal"));
  CHECK_FALSE(accepts("{directory: /tmp, timeout: -1s}", "below 0s"));
  CHECK_FALSE(accepts("{directory: /tmp, compaction: {on_rebound: true, check_interval: 0s}}", "must be positive"));
}

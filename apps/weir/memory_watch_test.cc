#include "weir/memory_watch.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include "base/memory.h"
#include "weir/load.h"

using namespace weir;
using namespace weir::app;

namespace {

constexpr std::size_t mib = 1024 * 1024;

MemoryLimit limit_for(const std::string& processors, const std::string& chain) {
  Options options{.uris = {"yaml:{receivers: {nop: }, exporters: {nop: }, processors: {" + processors + "}, service: {pipelines: {traces: {receivers: [nop], processors: [" + chain + "], exporters: [nop]}}}}"}};
  config::Problems problems;
  auto loaded = load(options, problems);
  std::string said = problems.to_string();
  CAPTURE(said);
  REQUIRE(loaded.has_value());
  return memory_limit_of(loaded->spec);
}

}  // namespace

TEST_CASE("memory: requests may hold what the limit leaves of others' memory, within bounds") {
  CHECK(budget_of(100 * mib, 20 * mib, 0) == 60 * mib);
  CHECK(budget_of(100 * mib, 80 * mib, 50 * mib) == 60 * mib);
  CHECK(budget_of(100 * mib, 110 * mib, 50 * mib) == 40 * mib);
  CHECK(budget_of(100 * mib, 55 * mib, 0) == 45 * mib);
  CHECK(budget_of(100 * mib, 300 * mib, 0) == 10 * mib);
  CHECK(budget_of(100 * mib, 10 * mib, 50 * mib) == 60 * mib);
}

TEST_CASE("memory: ballast in the process closes nothing for good") {
  Budget budget;
  telemetry::Registry registry;
  MemoryWatch watch(budget, registry);
  std::string ballast(64 * mib, 'x');
  malloc_trim(0);  // what other tests left must not be what the watch finds to give back
  watch.limit(std::max<std::size_t>(resident_memory() - 16 * mib, mib));
  watch.check();
  CHECK(budget.has_room());
  CHECK(watch.is_short());
  std::string().swap(ballast);
  watch.check();
  CHECK_FALSE(watch.is_short());
  CHECK(budget.has_room());
}

TEST_CASE("memory: the limit is the least of those in use, or a share of what there is, and says which") {
  MemoryLimit standard = limit_for("", "");
  CHECK(standard.bytes <= total_memory() / 4 * 3);
  CHECK(standard.bytes == default_memory_limit().bytes);
  CHECK(to_string(standard).find(" MiB of memory on (") != std::string::npos);
  auto limiter = [](int limit) { return fmt::format("{{check_interval: 1s, limit_mib: {}}}", limit); };
  CHECK(limit_for("memory_limiter: " + limiter(100), "memory_limiter").bytes == 80 * mib);
  CHECK(limit_for("memory_limiter: " + limiter(100) + ", memory_limiter/less: " + limiter(50), "memory_limiter, memory_limiter/less").origin == "memory_limiter/less");
  CHECK(limit_for("memory_limiter: " + limiter(100), "").bytes == standard.bytes);
}

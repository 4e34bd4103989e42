#include "components/extensions/pprof/pprof.h"

#include "components/shared/web/testing.h"
#include "config/yaml.h"
#include "net/compression.h"
#include "otlp/wire.h"

namespace weir::extensions::pprof {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::pprof;

// Not in an anonymous namespace, so that the symbol table has its name.
[[gnu::noinline]] std::uint64_t weir_pprof_test_burn(std::uint64_t rounds) {
  std::uint64_t x = 88172645463325252ULL;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

namespace {

// What pprof would see: texts, and the sum of the first value of all samples.
struct Seen {
  std::vector<std::string> texts;
  std::uint64_t samples = 0, locations = 0, mappings = 0;
  bool knows(std::string_view part) const {
    return std::any_of(texts.begin(), texts.end(), [&](auto& text) { return text.find(part) != text.npos; });
  }
};

Seen read(std::string_view gzipped) {
  Charge charge;
  auto raw = net::decompress(net::Compression::gzip, gzipped, 64 << 20, charge);
  REQUIRE(raw.has_value());
  Seen seen;
  otlp::Reader reader(*raw);
  while (reader.next()) {
    if (!reader.is(otlp::WireType::bytes)) {
      reader.skip();
      continue;
    }
    std::string_view bytes = reader.bytes();
    if (reader.field() == 6) seen.texts.emplace_back(bytes);
    if (reader.field() == 3) ++seen.mappings;
    if (reader.field() == 4) ++seen.locations;
    if (reader.field() != 2) continue;
    otlp::Reader sample(bytes);
    bool first = true;
    while (sample.next()) {
      std::uint64_t value = sample.varint();
      if (sample.field() == 2 && std::exchange(first, false)) seen.samples += value;
    }
    CHECK(sample.ok());
  }
  CHECK(reader.ok());
  return seen;
}

// Uses the CPU until the sampler has seen enough; the timer counts CPU time, so this ends on any machine.
Stacks burn(Sampler& sampler, std::size_t wanted) {
  Stacks stacks;
  auto total = [&] {
    std::size_t n = 0;
    for (auto& [stack, count] : stacks) n += count;
    return n;
  };
  while (total() < wanted) {
    CHECK(weir_pprof_test_burn(1'000'000) != 0);
    sampler.drain(stacks);
  }
  return stacks;
}

}  // namespace

TEST_CASE("pprof: stacks of where the time goes, with names, in the form that pprof reads") {
  Sampler sampler;
  REQUIRE(sampler.start());
  Sampler second;
  CHECK_FALSE(second.start().has_value());
  Stacks stacks = burn(sampler, 5);
  sampler.stop();
  CHECK(sampler.lost() == 0);
  std::uint64_t total = 0;
  for (auto& [stack, count] : stacks) total += count;
  auto mappings = executable_mappings();
  REQUIRE(!mappings.empty());
  auto profile = encode_profile(cpu_profile(stacks), mappings, 1, 1s);
  REQUIRE(profile.has_value());
  Seen seen = read(*profile);
  CHECK(seen.samples == total);
  CHECK(seen.locations > 0);
  CHECK(seen.mappings == mappings.size());
  REQUIRE(seen.texts.size() > 5);
  CHECK(seen.texts[0].empty());
  CHECK(seen.knows("nanoseconds"));
#ifndef __SANITIZE_THREAD__  // it hands over a signal only later, when a function that it knows is called
  CHECK(seen.knows("weir_pprof_test_burn(unsigned long)"));
#endif
  CHECK(seen.knows("main"));
}

#if WEIR_SAMPLES_HEAP
// Not static and not inlined: its name is looked for.
__attribute__((noinline)) std::vector<std::unique_ptr<char[]>> weir_pprof_test_hold(std::size_t blocks) {
  std::vector<std::unique_ptr<char[]>> out;
  for (std::size_t i = 0; i < blocks; ++i) out.push_back(std::make_unique<char[]>(100'000));
  return out;
}

TEST_CASE("pprof: who holds memory is known until it is given back") {
  HeapSampler heap;
  REQUIRE(heap.start());
  HeapSampler second;
  CHECK_FALSE(second.start());
  auto sum = [](std::size_t value) {
    std::uint64_t total = 0;
    for (auto& [stack, values] : HeapSampler::profile().samples) total += values[value];
    return static_cast<double>(total);
  };
  auto held = weir_pprof_test_hold(1000);  // 100 MB, about 200 samples
  CHECK(sum(1) == doctest::Approx(1e8).epsilon(0.4));
  CHECK(sum(3) == doctest::Approx(1e8).epsilon(0.4));
  CHECK(sum(2) == doctest::Approx(1000).epsilon(0.4));
  auto profile = encode_profile(HeapSampler::profile(), executable_mappings(), 1, 0s);
  REQUIRE(profile.has_value());
  CHECK(read(*profile).knows("inuse_space"));
  CHECK(read(*profile).knows("weir_pprof_test_hold("));
  held.clear();
  CHECK(sum(3) < 1e6);
  CHECK(sum(1) > 5e7);
  heap.stop();
  CHECK(second.start());
  CHECK(sum(1) < 1e7);
}
#endif

TEST_CASE("pprof: profiles over HTTP, one at a time") {
  web::testing::Browser browser;
  Config config{.endpoint = "127.0.0.1:0"};
  Pprof pprof(config, browser.context({"pprof", ""}), io::system_fs());
  REQUIRE(pprof.start());
  auto at = pprof.endpoint();
  CHECK(browser.get(at, "/debug/pprof/").body.find("profile") != std::string::npos);
  for (std::string_view page : {"/debug/pprof/heap", "/debug/pprof/allocs"}) {
    auto heap = browser.get(at, page);
    CHECK(heap.status == 200);
    CHECK(read(heap.body).knows("inuse_space"));
  }
  CHECK(browser.get(at, "/debug/pprof/goroutine").status == 404);
  CHECK(!browser.get(at, "/debug/pprof/cmdline").body.empty());
  for (std::string_view wrong : {"0", "601", "-1", "x", ""}) CHECK(browser.get(at, fmt::format("/debug/pprof/profile?seconds={}", wrong)).status == 400);

  auto client = net::HttpClient::make(browser.loop, {});
  REQUIRE(client.has_value());
  std::vector<net::HttpResponse> replies;
  for (int i = 0; i < 2; ++i)
    (*client)->send({.method = "GET", .url = fmt::format("http://{}/debug/pprof/profile?seconds=1", at)}, [&](Result<net::HttpResponse> r) {
      REQUIRE(r.has_value());
      replies.push_back(std::move(*r));
    });
  REQUIRE(browser.loop.run_until([&] { return replies.size() == 2; }));
  CHECK(replies[0].status == 503);
  CHECK(replies[1].status == 200);
  CHECK(read(replies[1].body).knows("cpu"));
  pprof.stop();
}

TEST_CASE("pprof: a profile from start to stop goes to a file") {
  web::testing::Browser browser;
  io::MemoryFs fs;
  Pprof pprof({.endpoint = "127.0.0.1:0", .save_to_file = "cpu.pprof"}, browser.context({"pprof", ""}), fs);
  REQUIRE(pprof.start());
  CHECK(browser.get(pprof.endpoint(), "/debug/pprof/profile?seconds=1").status == 503);
  pprof.stop();
  REQUIRE(fs.content("cpu.pprof"));
  CHECK(read(*fs.content("cpu.pprof")).knows("samples"));
  Sampler free_again;
  CHECK(free_again.start().has_value());
}

TEST_CASE("pprof: settings of the Go collector are accepted") {
  config::Problems problems;
  auto value = config::parse_yaml("{endpoint: localhost:1, block_profile_fraction: 5, mutex_profile_fraction: 3, save_to_file: x, dialer: {timeout: 3s}}");
  CHECK(extensions::pprof::factory().decode(&*value, problems) != nullptr);
}

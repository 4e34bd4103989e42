#include "components/exporters/debug/debug.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/log.h"
#include "components/exporters/debug/text.h"
#include "config/yaml.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::exporters::debug {
engine::Factory factory();
}

using namespace weir;
using namespace weir::exporters::debug;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string golden(std::string_view name) { return slurp(fmt::format("exporters/debug/testdata/{}", name)); }

// The request that the golden texts were recorded from with the collector 0.158.
otlp::Batch request(Signal signal) {
  auto bytes = otlp::json_to_protobuf(signal, golden(fmt::format("{}.json", to_string(signal))));
  REQUIRE_MESSAGE(bytes.has_value(), bytes.error().what);
  auto batch = otlp::Batch::parse(signal, std::move(*bytes));
  REQUIRE(batch.has_value());
  return std::move(*batch);
}

struct TempFile {
  TempFile() {
    char name[] = "/tmp/weir-debug-XXXXXX";
    int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::close(fd);
    path = name;
  }
  ~TempFile() { ::unlink(path.c_str()); }
  std::string path;
};

constexpr std::string_view to_file = "use_internal_logger: false, output_paths: [/out]";

// Sends `batches` through an exporter with these settings; what is in /out then, if anything, behind what was there `before`.
std::string run(std::string_view yaml, std::vector<otlp::Batch> batches, std::string_view before = {}) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  engine::Factory factory = exporters::debug::factory();
  auto config = factory.decode(&*value, problems);
  REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  Signal signal = batches[0].signal();
  World world(1, 1);
  if (!before.empty()) REQUIRE((*world.host().fs().open("/out", io::OpenMode::append))->append(std::span(&before, 1)));
  world.add(factory, "debug", config);
  world.pipeline(std::string(to_string(signal)), signal, {"source"}, {}, {"debug"});
  world.start();
  for (auto& batch : batches) {
    auto push = world.push(std::move(batch));
    REQUIRE(world.answer(push));
    CHECK_FALSE(*world.answer(push));
  }
  world.stop();
  const std::string* out = world.host().fs().content("/out");
  return out ? *out : "";
}

std::vector<otlp::Batch> one(otlp::Batch batch) {
  std::vector<otlp::Batch> out;
  out.push_back(std::move(batch));
  return out;
}

}  // namespace

TEST_CASE("debug: texts are those of the collector, in every verbosity, for every signal") {
  for (Signal signal : {Signal::traces, Signal::metrics, Signal::logs})
    for (std::string_view verbosity : {"basic", "normal", "detailed"}) {
      CAPTURE(to_string(signal));
      CAPTURE(verbosity);
      std::string printed = run(fmt::format("{{verbosity: {}, {}}}", verbosity, to_file), one(request(signal)));
      CHECK(printed == golden(fmt::format("{}.{}.txt", to_string(signal), verbosity)));
    }
}

TEST_CASE("debug: a text that is made in slices is the same text") {
  for (Signal signal : {Signal::traces, Signal::metrics, Signal::logs})
    for (bool detailed : {false, true})
      for (std::size_t bytes : {1, 100, 1000}) {
        auto batch = request(signal);
        auto printer = detailed ? detailed_printer() : normal_printer();
        std::string out;
        int slices = 1;
        while (!printer->print(batch, bytes, out)) ++slices;
        CHECK(out == (detailed ? detailed_text(batch) : normal_text(batch)));
        if (bytes == 1) CHECK(slices > 2);
      }
}

TEST_CASE("debug: a large request is printed in slices, and those behind it follow in their order") {
  std::vector<otlp::Batch> batches = one(make_traces(std::vector<SpanSpec>(3000)));
  batches.push_back(make_traces({{.name = "last"}}));
  std::string text = run(fmt::format("{{verbosity: detailed, {}}}", to_file), std::move(batches));
  CHECK(text.size() > 1'000'000);
  CHECK(text.find("Span #2999\n") < text.find(": last\n"));
  CHECK(text.find("Traces\t{\"resource spans\": 1, \"spans\": 1}") > text.find("Span #2999\n"));
}

TEST_CASE("debug: several requests follow each other in a file, which is appended to") {
  std::vector<otlp::Batch> batches = one(make_traces({{}, {}}));
  batches.push_back(make_traces({{}}));
  CHECK(run(fmt::format("{{{}}}", to_file), std::move(batches), "of before\n") ==
        "of before\nTraces\t{\"resource spans\": 1, \"spans\": 2}\nTraces\t{\"resource spans\": 1, \"spans\": 1}\n");
}

TEST_CASE("debug: by default it prints to the log, with the exporter's name") {
  TempFile file;
  log::configure({.output_paths = {file.path}});
  run("{verbosity: normal}", one(make_traces({{.name = "op", .service = ""}})));
  log::configure({.output_paths = {}});  // as all tests have it
  std::string text = slurp(file.path);
  CHECK(text.find("\tinfo\tTraces\t{\"otelcol.component.id\": \"debug\", \"otelcol.component.kind\": \"exporter\", "
                  "\"otelcol.signal\": \"traces\", \"resource spans\": 1, \"spans\": 1}\n") != text.npos);
  CHECK(text.find("\tinfo\tResourceTraces #0\nScopeTraces #0\nop 00000000000000000000000000000001 0000000000000001\n\t{") != text.npos);
}

TEST_CASE("debug: a file that cannot be opened keeps it from starting") {
  config::Problems problems;
  auto value = config::parse_yaml("{use_internal_logger: false, output_paths: [/nonexistent/dir/file]}");
  auto config = exporters::debug::factory().decode(&*value, problems);
  TestHost host;
  io::Simulation simulation(1, 1);
  Rng rng(1);
  engine::StageContext context{.id = {"debug", ""}, .signal = Signal::traces, .executor = simulation.core(0), .rng = rng, .host = host};
  host.fs().fault = [](std::string_view operation, const std::string&) { return operation == "open" ? ENOENT : 0; };
  auto made = exporters::debug::factory().make_stage(config.get(), context);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().what == "cannot open /nonexistent/dir/file: No such file or directory");
}

TEST_CASE("debug: sampling takes the first ones of each second, then each so-manieth") {
  ManualClock clock;
  Sampler sampler(2, 3), all(2, 1), few(2, 0);
  auto takes = [&](Sampler& s, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += s.take(clock.now()) ? 'x' : '.';
    return out;
  };
  CHECK(takes(sampler, 10) == "xx..x..x..");
  CHECK(takes(all, 5) == "xxxxx");
  CHECK(takes(few, 5) == "xx...");
  clock.advance(1s);
  CHECK(takes(sampler, 3) == "xx.");
}

TEST_CASE("debug: settings, also those of the logging exporter") {
  auto read = [](std::string_view yaml) {
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    return std::static_pointer_cast<const Config>(exporters::debug::factory().decode(&*value, problems));
  };
  CHECK(read("{loglevel: debug}")->level() == Verbosity::detailed);
  CHECK(read("{loglevel: info}")->level() == Verbosity::normal);
  CHECK(read("{loglevel: warn}")->level() == Verbosity::basic);
  CHECK(read("{verbosity: Detailed}")->level() == Verbosity::detailed);
  CHECK(read("{sending_queue: {enabled: true}}"));
  CHECK_FALSE(read("{verbosity: none}"));
  CHECK_FALSE(read("{verbosity: normal, loglevel: debug}"));
  CHECK_FALSE(read("{use_internal_logger: true, output_paths: [stdout]}"));
  CHECK(exporters::debug::factory().accepts("logging"));
}

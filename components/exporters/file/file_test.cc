#include "components/exporters/file/file.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "config/yaml.h"
#include "components/exporters/file/files.h"
#include "engine/testing.h"
#include "net/compression.h"
#include "otlp/json.h"

namespace weir::exporters::file {
engine::Factory factory();
}

using namespace weir;
using namespace weir::exporters::file;
using namespace weir::engine::testing;
using engine::Reason;
using engine::Signal;

namespace {

io::Fs* test_fs = nullptr;

const engine::Factory test_factory{
    .kind = engine::Kind::exporter,
    .type = "file",
    .signals = {Signal::traces},
    .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::os; },
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      return make_stage(*static_cast<const Config*>(config), context, *test_fs);
    }};

std::shared_ptr<const Config> read(std::string_view yaml, std::string* text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto config = exporters::file::factory().decode(&*value, problems);
  if (text) *text = problems.to_string();
  return std::static_pointer_cast<const Config>(config);
}

// Two cores that write through one exporter.
struct Fixture {
  explicit Fixture(std::string_view yaml) : world(2, 1) {
    test_fs = &fs;
    auto config = read(yaml);
    REQUIRE(config);
    world.add(test_factory, "file", config);
    world.pipeline("traces", Signal::traces, {"source"}, {}, {"file"});
    world.start();
  }
  ~Fixture() { world.stop(); }
  Outcome push(std::vector<SpanSpec> spans, std::size_t core = 0) {
    auto number = world.push(make_traces(spans), core);
    REQUIRE(world.answer(number).has_value());
    return *world.answer(number);
  }
  std::uint64_t dropped(Reason reason) {
    std::uint64_t n = 0;
    for (auto& row : world.engine().ledger(true)) n += row.dropped[static_cast<std::size_t>(reason)];
    return n;
  }
  std::string content(const std::string& path) {
    auto* text = fs.content(path);
    return text ? *text : "(none)";
  }
  io::MemoryFs fs;
  World world;
};

// The records of a file with length prefixes.
std::vector<std::string> framed(std::string_view text) {
  std::vector<std::string> out;
  while (text.size() >= 4) {
    auto* p = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = std::size_t{p[0]} << 24 | p[1] << 16 | p[2] << 8 | p[3];
    REQUIRE(text.size() >= 4 + size);
    out.emplace_back(text.substr(4, size));
    text.remove_prefix(4 + size);
  }
  CHECK(text.empty());
  return out;
}

std::string unzipped(std::string_view text) {
  Charge charge;
  auto out = net::decompress(net::Compression::zstd, text, 1 << 20, charge);
  REQUIRE(out.has_value());
  return *out;
}

std::string bytes_of(otlp::Batch batch) {
  std::string out;
  for (auto& piece : batch.encode()) out += piece.view();
  return out;
}

}  // namespace

TEST_CASE("file: JSON is one line for each request, from all cores in one file") {
  Fixture f("path: out.json");
  CHECK_FALSE(f.push({{.name = "a"}}, 0));
  CHECK_FALSE(f.push({{.name = "b"}}, 1));
  auto first = make_traces({{.name = "a"}}), second = make_traces({{.name = "b"}});
  CHECK(f.content("out.json") == otlp::to_json(first) + "\n" + otlp::to_json(second) + "\n");
}

TEST_CASE("file: protobuf and compressed records stand behind their length") {
  std::string raw = bytes_of(make_traces({{.name = "a"}, {.name = "b"}}));
  auto batch = make_traces({{.name = "a"}, {.name = "b"}});
  std::string json = otlp::to_json(batch);
  auto records = [](std::string_view yaml) {
    Fixture f(yaml);
    for (int i = 0; i < 2; ++i) CHECK_FALSE(f.push({{.name = "a"}, {.name = "b"}}));
    return framed(f.content("out"));
  };
  CHECK(records("{path: out, format: proto}") == std::vector<std::string>{raw, raw});
  auto zipped = records("{path: out, format: proto, compression: zstd}");
  REQUIRE(zipped.size() == 2);
  CHECK(unzipped(zipped[1]) == raw);
  zipped = records("{path: out, compression: zstd, compression_params: {level: 9}}");
  REQUIRE(zipped.size() == 2);
  CHECK(unzipped(zipped[0]) == json);
}

TEST_CASE("file: a full disk is told to the sender, nothing torn stays behind, and it goes on when there is room") {
  Fixture f("path: out.json");
  CHECK_FALSE(f.push({{}}));
  std::string before = f.content("out.json");
  f.fs.room = 10;
  auto outcome = f.push({{}});
  REQUIRE(outcome);
  CHECK(outcome->code == Errc::retryable);
  CHECK(outcome->what == "cannot write out.json: No space left on device");
  CHECK(f.content("out.json") == before);
  f.fs.room.reset();
  CHECK_FALSE(f.push({{}}));
  CHECK(f.content("out.json") == before + before);
}

TEST_CASE("file: what can never be written is dropped, counted and told") {
  Fixture f("{path: '/nope/*', group_by: {enabled: true}}");
  f.fs.fault = [](std::string_view operation, const std::string&) { return operation == "open" ? EACCES : 0; };
  auto batch = make_traces({{.service = "x"}});
  Arena& arena = batch.arena();
  batch.groups()[0].resource.edit(arena).attributes.set(arena, "fileexporter.path_segment", otlp::Value::of(std::string_view("s")));
  auto number = f.world.push(std::move(batch));
  REQUIRE(*f.world.answer(number));
  CHECK((*f.world.answer(number))->code == Errc::permanent);
  CHECK(f.dropped(Reason::permanent_error) == 1);
}

TEST_CASE("file: a file for each value of an attribute; what has none is dropped and counted") {
  Fixture f("{path: '/data/*.json', group_by: {enabled: true, resource_attribute: service.name, max_open_files: 1}}");
  CHECK_FALSE(f.push({{.name = "a", .service = "shop"}, {.name = "b", .service = "cart"}, {.name = "c", .service = ""}}));
  CHECK_FALSE(f.push({{.name = "d", .service = "shop"}}));
  auto shop = make_traces({{.name = "a", .service = "shop"}}), more = make_traces({{.name = "d", .service = "shop"}}),
       cart = make_traces({{.name = "b", .service = "cart"}});
  CHECK(f.content("/data/shop.json") == otlp::to_json(shop) + "\n" + otlp::to_json(more) + "\n");
  CHECK(f.content("/data/cart.json") == otlp::to_json(cart) + "\n");
  CHECK(f.dropped(Reason::unroutable) == 1);
}

TEST_CASE("file: the directory is created when asked for, otherwise a missing one keeps it from starting") {
  Fixture f("{path: /a/b/out.json, create_directory: true}");
  CHECK_FALSE(f.push({{}}));
  CHECK_FALSE(f.content("/a/b/out.json").empty());

  io::MemoryFs empty;
  TestHost host;
  io::Simulation simulation(1, 1);
  Rng rng(1);
  engine::StageContext context{.id = {"file", ""}, .signal = Signal::traces, .executor = simulation.core(0), .rng = rng, .host = host};
  auto stage = make_stage(*read("path: /a/b/out.json"), context, empty);
  REQUIRE(stage.has_value());
  Files files(*read("path: /a/b/out.json"), empty);
  auto started = files.start();
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().what == "cannot open /a/b/out.json: No such file or directory");
}

TEST_CASE("file: wrong settings") {
  struct {
    std::string_view yaml, said;
  } const rows[] = {
      {"{}", "path must be non-empty"},
      {"{path: a, format: xml}", "not one of json, proto"},
      {"{path: a, compression: gzip}", "not one of none"},
      {"{path: a, append: true, rotation: {max_megabytes: 1}}", "append and rotation enabled at the same time"},
      {"{path: a, flush_interval: -1s}", "below 0s"},
      {"{path: a, directory_permissions: '0750'}", "requires create_directory"},
      {"{path: a, create_directory: true, directory_permissions: xx}", "valid octal"},
      {"{path: a, group_by: {enabled: true}}", "exactly one *"},
      {"{path: 'a/*/*', group_by: {enabled: true}}", "exactly one *"},
      {"{path: '*/a', group_by: {enabled: true}}", "must not start with *"},
      {"{path: 'a/*', group_by: {enabled: true, resource_attribute: ''}}", "resource_attribute must not be empty"},
      {"{path: a, encoding: x}", "unknown key"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string text;
    CHECK_FALSE(read(row.yaml, &text));
    CHECK_MESSAGE(text.find(row.said) != text.npos, text);
  }
  CHECK(read("{path: a, rotation: }")->rotation->max_megabytes == 100);
  CHECK(read("{path: a, create_directory: true, directory_permissions: '0750'}")->permissions() == 0750);
}

// What the docs show is true: every YAML in them loads or passes as a test, and every plan is what `weir explain` prints.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/yaml.h"
#include "weir/load.h"
#include "weir/scenario/scenario.h"

using namespace weir;
using namespace weir::app;
namespace fs = std::filesystem;

namespace {

const fs::path docs = fs::path(WEIR_SOURCE_DIR) / "docs";

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> files(std::string_view ending) {
  std::vector<fs::path> out;
  for (auto& entry : fs::recursive_directory_iterator(docs))
    if (entry.path().string().ends_with(ending)) out.push_back(entry.path());
  return out;
}

struct Block {
  std::string before, text;  // the line in front of the fence, and what is inside
};

std::vector<Block> blocks(const fs::path& path, std::string_view language) {
  std::vector<Block> out;
  std::istringstream lines(read_file(path));
  std::string line, before;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (inside && line == "```")
      inside = false;
    else if (inside)
      out.back().text += line + "\n";
    else if (line == fmt::format("```{}", language)) {
      out.push_back({before, ""});
      inside = true;
    } else
      before = line;
  }
  return out;
}

std::optional<Loaded> load_text(std::string text) {
  // Volumes of a pod; here the folders must exist, too.
  for (std::string_view folder : {"/pvc", "/var/lib/otelcol"})
    for (std::size_t at; (at = text.find(folder)) != text.npos;) text.replace(at, folder.size(), fs::temp_directory_path().string());
  // What the environment of the pod would have.
  for (auto [name, value] : {std::pair("LOKI_ENDPOINT", "http://127.0.0.1:3100/loki/api/v1/push"), {"MY_POD_IP", "127.0.0.1"}, {"K8S_NODE_NAME", "node"}})
    ::setenv(name, value, 0);
  config::Problems problems;
  auto loaded = load({.uris = {"yaml:" + text}}, problems);
  if (!loaded) FAIL_CHECK(problems.to_string());
  return loaded;
}

// A test as it stands in the docs, run beside the files it names.
void run_test(const fs::path& page, const std::string& text) {
  fs::path copy = page.parent_path() / page.stem() / "from-the-page.test.yaml";
  fs::path folder = fs::temp_directory_path() / fmt::format("weir-docs-{}", getpid());
  fs::create_directories(folder);
  if (fs::exists(copy.parent_path())) fs::copy(copy.parent_path(), folder, fs::copy_options::recursive);
  std::ofstream(folder / copy.filename()) << text;
  scenario::Report report;
  scenario::run_file((folder / copy.filename()).string(), 0, report);
  for (auto& failure : report.failures) FAIL_CHECK(failure.name << ": " << failure.text);
  CHECK(report.passed > 0);
  fs::remove_all(folder);
}

}  // namespace

TEST_CASE("every YAML file of the docs is a configuration that loads") {
  std::size_t seen = 0;
  for (auto& path : files(".yaml")) {
    if (path.string().ends_with(".test.yaml")) continue;
    CAPTURE(path.string());
    ++seen;
    load_text(read_file(path));
  }
  CHECK(seen > 0);
}

TEST_CASE("every YAML block of the docs loads, passes, or is at least YAML") {
  for (auto& page : files(".md"))
    for (auto& block : blocks(page, "yaml")) {
      CAPTURE(page.string());
      CAPTURE(block.text);
      auto value = config::parse_yaml(block.text);
      REQUIRE(value);
      if (value->get("steps") || value->get("cases"))
        run_test(page, block.text);
      else if (value->get("service"))
        load_text(block.text);
    }
}

TEST_CASE("plans in the docs are what weir explain prints") {
  std::size_t seen = 0;
  for (auto& page : files(".md"))
    for (auto& block : blocks(page, "text")) {
      constexpr std::string_view mark = "<!-- weir explain ";
      if (!block.before.starts_with(mark)) continue;
      std::string file = block.before.substr(mark.size(), block.before.find(" -->") - mark.size());
      auto loaded = load_text(read_file(page.parent_path() / file));
      REQUIRE(loaded);
      loaded->spec.data_directory = true;
      CHECK(block.text == engine::Plan::build(std::move(loaded->spec))->explain());
      ++seen;
    }
  CHECK(seen > 0);
}

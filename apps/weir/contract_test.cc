// What every component folder owes, checked by walking the component table: a new folder gets these tests for free.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/field.h"
#include "weir/describe.h"
#include "weir/load.h"

using namespace weir;
using namespace weir::app;

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::filesystem::path folder_of(const engine::Factory& factory) {
  return std::filesystem::path(WEIR_SOURCE_DIR) / "components" / fmt::format("{}s", to_string(factory.kind)) / factory.type;
}

std::filesystem::path shared() { return std::filesystem::path(WEIR_SOURCE_DIR) / "components" / "shared"; }

// A README, and an example that loads without a complaint.
void check_folder(const std::filesystem::path& folder) {
  CAPTURE(folder);
  CHECK(read_file(folder / "README.md").size() > 200);
  Options options{.uris = {(folder / "example.yaml").string()}};
  config::Problems problems;
  auto loaded = load(options, problems);
  std::string said = problems.to_string();
  CAPTURE(said);
  CHECK(loaded.has_value());
}

bool has_scenario(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "testdata")) return false;
  for (auto& file : std::filesystem::directory_iterator(folder / "testdata"))
    if (auto name = file.path().string(); name.ends_with(".scenario") || name.ends_with(".test.yaml")) return true;
  return false;
}

}  // namespace

TEST_CASE("every component has a README, an example that loads without a complaint, and documented settings") {
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    CHECK(!factory.summary.empty());
    check_folder(folder_of(factory));
    if (factory.fields)
      for (auto& field : factory.fields()) {
        CAPTURE(field.key);
        CHECK((field.key.empty() || !field.doc.empty()));
      }
  }
}

TEST_CASE("what components share has a README, and an example of the settings that show it") {
  for (auto& folder : std::filesystem::directory_iterator(shared()))
    if (folder.is_directory()) check_folder(folder.path());
}

TEST_CASE("every processor and connector has a scenario") {
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    if (factory.kind == engine::Kind::processor || factory.kind == engine::Kind::connector) CHECK(has_scenario(folder_of(factory)));
  }
}

TEST_CASE("every component does one kind of work, and has what that kind needs") {
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    using engine::Kind;
    bool stage = factory.kind == Kind::processor || factory.kind == Kind::exporter || factory.kind == Kind::connector;
    CHECK((factory.make_stage != nullptr) == stage);
    CHECK((factory.make_receiver != nullptr) == (factory.kind == Kind::receiver));
    CHECK((factory.make_extension != nullptr) == (factory.kind == Kind::extension));
    CHECK(factory.conversions.empty() == (factory.kind != Kind::connector));
    CHECK((factory.decode != nullptr));
    CHECK((factory.encode != nullptr));
  }
}

TEST_CASE("the settings table in every README is what the component says (tools/update_readmes writes them)") {
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    std::string text = read_file(folder_of(factory) / "README.md");
    constexpr std::string_view begin_mark = "<!-- settings -->\n", end_mark = "<!-- /settings -->";
    auto begin = text.find(begin_mark), end = text.find(end_mark);
    REQUIRE(begin != text.npos);
    REQUIRE(end != text.npos);
    begin += begin_mark.size();
    CHECK(text.substr(begin, end - begin) == settings_table(factory));
  }
}

TEST_CASE("the README lists the components of this build (tools/update_readmes writes the list)") {
  std::string text = read_file(std::filesystem::path(WEIR_SOURCE_DIR) / "README.md");
  constexpr std::string_view begin_mark = "<!-- components -->\n", end_mark = "<!-- /components -->";
  auto begin = text.find(begin_mark), end = text.find(end_mark);
  REQUIRE(begin != text.npos);
  REQUIRE(end != text.npos);
  begin += begin_mark.size();
  CHECK(text.substr(begin, end - begin) == components_table());
}

TEST_CASE("the schema has every component, under every name") {
  config::Value schema = config_schema();
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    const config::Value* patterns = schema.find(fmt::format("properties::{}s::patternProperties", to_string(factory.kind)));
    REQUIRE(patterns != nullptr);
    std::string type(factory.type);
    CHECK(patterns->get("^" + type + "(/.+)?$") != nullptr);
    for (auto alias : factory.aliases) CHECK(patterns->get(fmt::format("^{}(/.+)?$", alias)) != nullptr);
    CHECK(schema.find("$defs")->get(fmt::format("{}.{}", to_string(factory.kind), type)) != nullptr);
  }
}

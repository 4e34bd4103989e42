// What every component folder owes, checked by walking the component table: a new folder gets these tests for free.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/field.h"
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

}  // namespace

TEST_CASE("every component has a README, an example that loads without a complaint, and documented settings") {
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    CHECK(!factory.summary.empty());
    CHECK(read_file(folder_of(factory) / "README.md").size() > 200);
    Options options{.uris = {(folder_of(factory) / "example.yaml").string()}};
    config::Problems problems;
    auto loaded = load(options, problems);
    std::string said = problems.to_string();
    CAPTURE(said);
    CHECK(loaded.has_value());
    if (factory.fields)
      for (auto& field : factory.fields()) {
        CAPTURE(field.key);
        CHECK((field.key.empty() || !field.doc.empty()));
      }
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

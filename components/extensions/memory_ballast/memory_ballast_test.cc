#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::extensions::memory_ballast {
engine::Factory factory();
}

using namespace weir;

TEST_CASE("memory_ballast: old settings are accepted") {
  engine::Factory factory = extensions::memory_ballast::factory();
  for (std::string_view yaml : {"{}", "size_mib: 683", "size_in_percentage: 20"}) {
    CAPTURE(yaml);
    auto value = config::parse_yaml(yaml);
    config::Problems problems;
    auto config = factory.decode(&*value, problems);
    REQUIRE(config != nullptr);
    io::Simulation simulation(1, 1);
    engine::testing::TestHost host;
    engine::ExtensionContext context{.id = {"memory_ballast", ""}, .executor = simulation.core(0), .host = host};
    auto made = factory.make_extension(config.get(), context);
    REQUIRE(made.has_value());
    CHECK((*made)->start().has_value());
  }
}

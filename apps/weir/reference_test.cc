#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "ottl/reference.h"

namespace weir::app {
namespace {

TEST_CASE("docs/reference/ottl-functions.md is what weir docs ottl prints") {
  std::ifstream file(WEIR_SOURCE_DIR "/docs/reference/ottl-functions.md");
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  bool current = text.str() == ottl::function_reference();
  CHECK_MESSAGE(current, "write it anew: weir docs ottl > docs/reference/ottl-functions.md");
}

}  // namespace
}  // namespace weir::app

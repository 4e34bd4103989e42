#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "base/log.h"

// Log lines of code under test are noise; WEIR_TEST_LOG=1 shows them.
int main(int argc, char** argv) {
  if (std::getenv("WEIR_TEST_LOG") == nullptr) weir::log::configure({.output_paths = {}});
  return doctest::Context(argc, argv).run();
}

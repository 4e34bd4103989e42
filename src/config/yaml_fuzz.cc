// Any text as a configuration file: what is read can be written, and reads the same again.
#include "config/yaml.h"

using namespace weir;
using namespace weir::config;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto value = parse_yaml(text, "fuzz");
  if (!value) {
    WEIR_CHECK(!value.error().what.empty());
    return 0;
  }
  std::string written = to_yaml(*value);
  auto again = parse_yaml(written, "written");
  WEIR_CHECK(again.has_value(), "{}\n{}", again.error().what, written);
  WEIR_CHECK(to_yaml(*again) == written, "{}\n{}", written, to_yaml(*again));  // 1e3 is written as 1000
  return 0;
}

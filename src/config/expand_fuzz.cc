// Any text where references, durations, sizes and component ids stand.
#include "config/expand.h"

#include "config/component_id.h"
#include "config/field.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::config;

namespace {

// Variables that refer to one another, grow, and are not text.
Environment environment() {
  Environment out;
  out.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "A") return "text";
    if (name == "N") return "12";
    if (name == "L") return "[1, ${env:A}]";
    if (name == "R") return "${env:R}";
    if (name == "G") return "${env:H}${env:H}${env:H}${env:H}";
    if (name == "H") return "${env:I}${env:I}${env:I}${env:I}";
    if (name == "I") return "0123456789";
    return std::nullopt;
  };
  out.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "f") return std::string("a: ${env:N}");
    return fail(Errc::config, "no file {}", path);
  };
  return out;
}

void check_duration(std::string_view text) {
  auto duration = parse_duration(text);
  if (!duration) return;
  auto again = parse_duration(format_duration(*duration));
  WEIR_CHECK(again && *again == *duration, "{} became {}", text, format_duration(*duration));
}

void check_id(std::string_view text) {
  auto id = parse_component_id(text);
  if (!id) return;
  auto again = parse_component_id(id->to_string());
  WEIR_CHECK(again && *again == *id, "{}", id->to_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check_duration(text);
  check_id(text);
  static_cast<void>(parse_byte_size(text));
  Value tree = Value::map();
  tree.set("whole", Value::string(text));
  tree.set("inner", Value::string("a" + text + "b"));
  Limits limits{.source_bytes = 4096, .text_bytes = 1 << 16, .nodes = 1000, .depth = 20};
  Problems problems;
  expand(tree, environment(), problems, limits);
  auto weight = tree.weight();
  WEIR_CHECK(problems.errors() > 0 || (weight.nodes <= limits.nodes && weight.bytes <= limits.text_bytes), "{} nodes, {} bytes", weight.nodes, weight.bytes);
  return 0;
}

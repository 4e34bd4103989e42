// Bytes are an expression, run on a small record.
#include "components/shared/expressions/expression.h"
#include "ottl/text/json.h"

using namespace weir;
using namespace weir::expressions;

namespace {

constexpr std::string_view variables[] = {"body", "attributes"};
constexpr Vocabulary::Function functions[] = {{"env", 1}};

struct World final : Environment {
  Arena arena;
  Value values[2];
  World() {
    values[0] = Value::of(std::string_view("2024 hello"));
    auto read = ottl::parse_json(R"({"n": 5, "s": "abc", "l": [1, 2, [3]], "m": {"k": "v"}, "nul": null})", arena);
    values[1] = Value::of(*read, arena, true);
  }
  Value variable(std::size_t index) override { return values[index]; }
  Result<Value> call(std::size_t, std::span<const Value> arguments) override { return arguments[0]; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto compiled = Expression::compile(text, {variables, functions});
  if (!compiled) return 0;
  World world;
  auto value = compiled->evaluate(world, world.arena);
  if (!value) return 0;
  std::string out;
  ottl::append_json(out, *value, world.arena);
  return 0;
}

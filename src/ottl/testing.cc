#include "ottl/testing.h"

namespace weir::ottl {

std::string Bench::eval(std::string_view expression) {
  auto compiled = Expression::compile(context_, expression, options_);
  if (!compiled) return "config: " + compiled.error().what.substr(0, compiled.error().what.find('\n'));
  Value value;
  if (!compiled->eval(c, value)) return "error: " + c.error;
  std::string out(to_string(value.kind));
  if (value.nil()) return out;
  out += ' ';
  append_json(out, value, arena);
  return out;
}

std::string Bench::run(std::vector<std::string> statements) {
  auto program = Program::compile(context_, statements, options_);
  if (!program) return "config: " + program.error().what;
  c.next_item();
  auto result = program->run(c, ErrorMode::propagate);
  return result ? "" : c.error;
}

std::string Bench::test(std::string condition) {
  std::array conditions{std::move(condition)};
  auto compiled = Conditions::compile(context_, conditions, options_);
  if (!compiled) return "config: " + compiled.error().what;
  auto result = compiled->any(c, ErrorMode::propagate);
  return !result ? c.error : *result ? "true" : "false";
}

}  // namespace weir::ottl

#include "components/shared/expressions/expression.h"

#include "components/shared/expressions/node.h"

namespace weir::expressions {

Expression::Expression(std::unique_ptr<Node> root, std::unique_ptr<Arena> arena, std::size_t locals)
    : arena_(std::move(arena)), root_(std::move(root)), locals_(locals) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(std::string_view text, const Vocabulary& vocabulary, Want want) {
  auto arena = std::make_unique<Arena>();
  auto parsed = parse_expression(text, vocabulary, *arena);
  if (!parsed) return fail(Errc::config, "expression \"{}\": {}", text, parsed.error().what);
  Kind kind = kind_of(*parsed->root);
  if (want == Want::boolean && kind != Kind::opaque && kind != Kind::boolean && kind != Kind::nil)
    return fail(Errc::config, "expression \"{}\": neither true nor false but {}", text, to_string(kind));
  return Expression(std::move(parsed->root), std::move(arena), parsed->locals);
}

Result<Value> Expression::evaluate(Environment& environment, Arena& arena) const {
  Evaluation run(environment, arena, locals_);
  Value out;
  if (!run.evaluate(*root_, out)) return fail(Errc::permanent, "{}", run.error);
  return out;
}

Result<bool> Expression::test(Environment& environment, Arena& arena) const {
  Evaluation run(environment, arena, locals_);
  Value out;
  if (!run.evaluate(*root_, out)) return fail(Errc::permanent, "{}", run.error);
  if (out.nil()) return false;
  if (!out.is(Kind::boolean)) return fail(Errc::permanent, "the expression is neither true nor false but {}", type_name(out));
  return out.boolean;
}

}  // namespace weir::expressions

#include "ottl/compile.h"
#include "ottl/ottl.h"
#include "ottl/parser.h"

namespace weir::ottl {

std::string_view to_string(ErrorMode mode) {
  constexpr std::array<std::string_view, 3> words = {"ignore", "silent", "propagate"};
  return words[static_cast<std::size_t>(mode)];
}

bool error_mode_from(std::string_view word, ErrorMode& out) {
  for (ErrorMode mode : {ErrorMode::ignore, ErrorMode::silent, ErrorMode::propagate}) {
    if (word != to_string(mode)) continue;
    out = mode;
    return true;
  }
  return false;
}

// Text of their own: errors at run time name the statement, and literals may be views into it.
struct Program::Statement {
  std::unique_ptr<std::string> text;
  NodePtr editor;
  TestNodePtr where;
  bool on_excerpt = false;  // the editor needs no more of the item than excerpt() has

  Truth test(EvalContext& c) const { return where ? where->test(c) : Truth::yes; }
  // What it returns is of no interest.
  bool edit(EvalContext& c) const {
    Value ignored;
    if (!on_excerpt) c.leave_excerpt();
    return editor->eval(c, ignored);
  }
};

struct Conditions::Condition {
  std::unique_ptr<std::string> text;
  TestNodePtr test;
};

namespace {

// Collects every error before giving up.
class Errors {
 public:
  void add(std::string_view kind, std::string_view text, const Error& error) {
    all_ += fmt::format("{}unable to parse OTTL {} \"{}\": {}", all_.empty() ? "" : "\n", kind, text, error.what);
  }
  Result<> result() {
    if (all_.empty()) return {};
    return std::unexpected(Error{Errc::config, std::move(all_), {}});
  }

 private:
  std::string all_;
};

// Why the statement or condition did is in c.error. An error in ErrorMode::propagate, otherwise passed over.
[[gnu::noinline]] Result<> failed(const EvalContext& c, std::string_view doing, const std::string& text, ErrorMode mode, const OnError& on_error = {}) {
  if (mode == ErrorMode::propagate) return fail(Errc::permanent, "failed to {}: {}, {}", doing, text, c.error);
  if (mode == ErrorMode::ignore && on_error) on_error(text, c.error);
  return {};
}

}  // namespace

Program::Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;
std::size_t Program::size() const { return statements_.size(); }

Result<Program> Program::compile(ContextId context, std::span<const std::string> statements, const Options& options) {
  Program out;
  out.context_ = context;
  Errors errors;
  for (auto& text : statements) {
    auto compiled = [&]() -> Result<Statement> {
      Statement made{std::make_unique<std::string>(text), nullptr, nullptr};
      WEIR_ASSIGN(auto tree, parse_statement(*made.text));
      Compiler compiler(*made.text, context, options);
      WEIR_ASSIGN(made.editor, compiler.editor(*tree.editor));
      out.note(compiler);
      made.on_excerpt = compiler.runs_on_excerpt();
      if (made.on_excerpt) out.excerpt_.add(compiler.excerpt());
      if (!tree.where) {
        out.takes_excerpt_ &= made.on_excerpt;
        return made;
      }
      Compiler where(*made.text, context, options);
      WEIR_ASSIGN(made.where, where.test(*tree.where));
      out.note(where);
      out.excerpt_.add(where.excerpt());
      return made;
    }();
    if (compiled)
      out.statements_.push_back(std::move(*compiled));
    else
      errors.add("statement", text, compiled.error());
  }
  WEIR_TRY(errors.result());
  return out;
}

void Program::note(const Compiler& compiler) {
  reads_ |= compiler.reads();
  locals_ = std::max(locals_, compiler.locals());
}

Result<> Program::run(EvalContext& c, ErrorMode mode, const OnError& on_error) const {
  c.make_locals(locals_);
  for (auto& statement : statements_) {
    Truth truth = statement.test(c);
    if (truth == Truth::no || (truth == Truth::yes && statement.edit(c))) continue;
    WEIR_TRY(failed(c, "execute statement", *statement.text, mode, on_error));
  }
  return {};
}

Result<bool> Program::run_if(EvalContext& c) const {
  c.make_locals(locals_);
  const Statement& statement = statements_.front();
  Truth truth = statement.test(c);
  if (truth == Truth::no) return false;
  if (truth == Truth::yes && statement.edit(c)) return true;
  return std::unexpected(failed(c, "execute statement", *statement.text, ErrorMode::propagate).error());
}

Conditions::Conditions() = default;
Conditions::Conditions(Conditions&&) noexcept = default;
Conditions& Conditions::operator=(Conditions&&) noexcept = default;
Conditions::~Conditions() = default;

Result<Conditions> Conditions::compile(ContextId context, std::span<const std::string> conditions, const Options& options) {
  Conditions out;
  out.context_ = context;
  Errors errors;
  for (auto& text : conditions) {
    auto compiled = [&]() -> Result<Condition> {
      Condition made{std::make_unique<std::string>(text), nullptr};
      WEIR_ASSIGN(auto tree, parse_condition(*made.text));
      Compiler compiler(*made.text, context, options);
      WEIR_ASSIGN(made.test, compiler.test(*tree));
      out.reads_ |= compiler.reads();
      out.excerpt_.add(compiler.excerpt());
      out.locals_ = std::max(out.locals_, compiler.locals());
      return made;
    }();
    if (compiled)
      out.conditions_.push_back(std::move(*compiled));
    else
      errors.add("condition", text, compiled.error());
  }
  WEIR_TRY(errors.result());
  return out;
}

Result<bool> Conditions::any(EvalContext& c, ErrorMode mode, const OnError& on_error) const {
  c.make_locals(locals_);
  for (auto& condition : conditions_) {
    Truth truth = condition.test->test(c);
    if (truth == Truth::yes) return true;
    if (truth == Truth::failed) WEIR_TRY(failed(c, "eval condition", *condition.text, mode, on_error));
  }
  return false;
}

Expression::Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(ContextId context, std::string_view text, const Options& options) {
  Expression out;
  WEIR_ASSIGN(auto tree, parse_value(text));
  Compiler compiler(text, context, options);
  WEIR_ASSIGN(out.node_, compiler.value(*tree));
  out.reads_ = compiler.reads();
  out.locals_ = compiler.locals();
  return out;
}

bool Expression::eval(EvalContext& c, Value& out) const {
  c.make_locals(locals_);
  return node_->eval(c, out);
}

}  // namespace weir::ottl

#pragma once
// The OpenTelemetry Transformation Language: compile statements, conditions and value expressions once, run them for
// each item. Programs belong to one core.
#include <functional>

#include "base/gates.h"
#include "ottl/context.h"
#include "ottl/paths.h"

namespace weir::ottl {

class Compiler;
class Node;
class TestNode;

// Who compiles: some functions exist only for one of them.
// A set: a function is there for a caller when the two have a bit in common. What makes metrics has the functions of filters, too.
enum class Callers : std::uint8_t { transform = 1, filter = 2, other = 4, routing = 8, metrics_alone = 16, metrics = 16 | 2, all = 31 };

struct Options {
  Callers caller = Callers::other;
  bool prefixed = false;                                           // every path must name its context
  bool lambdas = gates::enabled("ottl.functions.enableLambda");
};

enum class ErrorMode : std::uint8_t { ignore, silent, propagate };
// "ignore", "silent", "propagate".
bool error_mode_from(std::string_view word, ErrorMode& out);
std::string_view to_string(ErrorMode mode);

// Called for each failure that is passed over in ErrorMode::ignore.
using OnError = std::function<void(std::string_view statement, std::string_view error)>;

class Program {
 public:
  // All statements are compiled before errors are reported, joined by newlines. Paths may be written with their
  // context (span.name) or without (name).
  static Result<Program> compile(ContextId context, std::span<const std::string> statements, const Options& options = {});
  Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  ContextId context() const { return context_; }
  Reads reads() const { return reads_; }
  std::size_t size() const;
  // Whether it may run on an excerpt of an item. False when a statement without a condition needs the whole item anyway.
  bool takes_excerpt() const { return takes_excerpt_; }
  // What conditions read, and what those statements read and change that can do so on an excerpt.
  const otlp::Excerpt& excerpt() const { return excerpt_; }
  // Runs all statements for the item that `c` stands on. When that is an excerpt, a statement for which it is not enough leaves it, and
  // c.apply_edits() must follow in the end. An error comes back only in ErrorMode::propagate, and ends it.
  Result<> run(EvalContext& c, ErrorMode mode, const OnError& on_error = {}) const;
  // For a program of one statement: whether it ran, that is, its condition held.
  Result<bool> run_if(EvalContext& c) const;

 private:
  struct Statement;
  void note(const Compiler& compiler);
  ContextId context_{};
  Reads reads_{};
  bool takes_excerpt_ = true;
  otlp::Excerpt excerpt_ = otlp::Excerpt::nothing();
  std::size_t locals_ = 0;
  std::vector<Statement> statements_;
};

// Conditions joined by `or`.
class Conditions {
 public:
  static Result<Conditions> compile(ContextId context, std::span<const std::string> conditions, const Options& options = {});
  Conditions();
  Conditions(Conditions&&) noexcept;
  Conditions& operator=(Conditions&&) noexcept;
  ~Conditions();

  ContextId context() const { return context_; }
  Reads reads() const { return reads_; }
  // What of an item they look at.
  const otlp::Excerpt& excerpt() const { return excerpt_; }
  bool empty() const { return conditions_.empty(); }
  // True when one of them is. One that fails counts as false, except in ErrorMode::propagate. The caller has called
  // c.next_item() or knows that what was evaluated before is still needed.
  Result<bool> any(EvalContext& c, ErrorMode mode, const OnError& on_error = {}) const;

 private:
  struct Condition;
  ContextId context_{};
  Reads reads_{};
  otlp::Excerpt excerpt_ = otlp::Excerpt::nothing();
  std::size_t locals_ = 0;
  std::vector<Condition> conditions_;
};

// One expression; for keys and labels.
class Expression {
 public:
  static Result<Expression> compile(ContextId context, std::string_view text, const Options& options = {});
  Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  Reads reads() const { return reads_; }
  // False after an error, in c.error.
  bool eval(EvalContext& c, Value& out) const;

 private:
  std::unique_ptr<Node> node_;
  Reads reads_{};
  std::size_t locals_ = 0;
};

// The context in which all of the statements and conditions can run, found by the contexts in front of their paths and
// by the functions and enums they use.
Result<ContextId> infer_context(std::span<const std::string> statements, std::span<const std::string> conditions,
                                std::span<const ContextId> candidates, const Options& options = {});

}  // namespace weir::ottl

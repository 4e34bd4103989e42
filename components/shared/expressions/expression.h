#pragma once
// The expression language of log operators and of filters' old rules: the one that Go programs know as "expr".
//   cond ? a : b   a ?? b   or || and && not !   == != < <= > >=   in matches contains startsWith endsWith   ..
//   + - * / % ** ^   a.b a?.b a["b"] a[1:2]   [1, 2] {"a": 1}   let x = 1; x   list | map(# + 1)   all(list, {.x > 1})
// and the functions of functions.cc.
#include <memory>
#include <span>

#include "base/result.h"
#include "ottl/value.h"

namespace weir::expressions {

using ottl::Kind;
using ottl::Value;

// The names that an expression may use beside the language's own.
struct Vocabulary {
  struct Function {
    std::string_view name;
    std::size_t arguments;
  };
  std::span<const std::string_view> variables;
  std::span<const Function> functions;
  bool others_are_nil = true;  // an unknown variable is nil; otherwise it is an error of the expression
};

// What those names mean for one evaluation. Values are borrowed: from the environment or the arena.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual Value variable(std::size_t index) = 0;
  virtual Result<Value> call(std::size_t index, std::span<const Value> arguments) { return (void)index, (void)arguments, Value(); }
  virtual UnixNanos now() const { return 0; }
};

struct Node;

// Immutable once compiled. One core: regular expressions are not shared between cores.
class Expression {
 public:
  enum class Want : std::uint8_t { anything, boolean };

  // Errc::config, with the place, for what cannot be read or can never work. At most 64 KiB and 200 levels.
  static Result<Expression> compile(std::string_view text, const Vocabulary& vocabulary, Want want = Want::anything);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  // What it makes is in the arena, the environment or this expression. Errc::permanent when an operator got what it
  // cannot work on. Work and memory are bounded: Errc::permanent beyond a million steps.
  Result<Value> evaluate(Environment& environment, Arena& arena) const;
  // The same for those that are true or false.
  Result<bool> test(Environment& environment, Arena& arena) const;

 private:
  Expression(std::unique_ptr<Node> root, std::unique_ptr<Arena> arena, std::size_t locals);
  std::unique_ptr<Arena> arena_;  // constants
  std::unique_ptr<Node> root_;
  std::size_t locals_;
};

}  // namespace weir::expressions

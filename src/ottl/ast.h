#pragma once
// Parsed statements, before anything is known about paths and functions. Views point into the statement's text, which
// must outlive the tree.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::ottl::ast {

struct Expr;
struct Test;
using ExprPtr = std::unique_ptr<Expr>;
using TestPtr = std::unique_ptr<Test>;

struct Segment {
  std::string_view name;
  std::vector<ExprPtr> keys;
};

struct Argument {
  std::string_view name;  // "" when positional
  ExprPtr value;
};

enum class ExprKind : std::uint8_t {
  nil,
  boolean,
  integer,
  real,
  text,
  bytes,
  enumeration,  // name
  path,         // segments
  call,         // name, arguments, keys
  function,     // name: a converter handed over without being called
  list,         // items
  map,          // names and items
  math,         // op, items[0], items[1]
  negate,       // items[0]
  lambda,       // names, and either items[0] or test
};

struct Expr {
  ExprKind kind = ExprKind::nil;
  std::uint32_t at = 0;
  char op = 0;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  // text and bytes, unescaped
  std::string_view name;
  std::vector<Segment> segments;
  std::vector<Argument> arguments;
  std::vector<ExprPtr> keys;
  std::vector<ExprPtr> items;
  std::vector<std::string> names;
  TestPtr test;
};

enum class TestKind : std::uint8_t { either, both, negation, comparison, constant, call };

struct Test {
  TestKind kind = TestKind::constant;
  std::uint32_t at = 0;
  bool constant = false;
  std::string_view op;         // comparison
  std::vector<TestPtr> parts;  // either, both: two or more; negation: one
  std::vector<ExprPtr> items;  // comparison: two; call: one
};

struct Statement {
  ExprPtr editor;  // a call
  TestPtr where;   // may be absent
};

}  // namespace weir::ottl::ast

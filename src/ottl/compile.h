#pragma once
// Trees → nodes: paths and enums resolved, functions found, literal arguments checked and prepared.
#include "ottl/ast.h"
#include "ottl/function.h"

namespace weir::ottl {

class Compiler {
 public:
  Compiler(std::string_view text, ContextId context, const Options& options) : text_(text), context_(context), options_(options) {}

  Result<NodePtr> editor(const ast::Expr& call);
  Result<NodePtr> value(const ast::Expr& expr);
  Result<TestNodePtr> test(const ast::Test& test);

  Reads reads() const { return reads_; }
  // What of an item has to be decoded for it.
  otlp::Excerpt excerpt() const;
  std::size_t locals() const { return locals_; }
  // Whether an excerpt is enough to run it on, whatever it changes.
  bool runs_on_excerpt() const { return !edits_more_; }

 private:
  std::unexpected<Error> error(std::uint32_t at, std::string_view message) const;
  Result<NodePtr> call(const ast::Expr& expr);
  Result<NodePtr> call(const ast::Expr& expr, const FunctionInfo& info, std::vector<Arg> args);
  Result<std::vector<Arg>> arguments(const ast::Expr& expr, const FunctionInfo& info);
  Result<Arg> argument(const ast::Expr& expr, Takes takes);
  Result<Arg> function_argument(const ast::Expr& expr);
  Result<Arg> lambda_argument(const ast::Expr& expr, std::size_t parameters);
  Result<Arg> list_argument(const ast::Expr& expr, Takes of);
  Result<> check_constant(const ast::Expr& expr, const Value& value, Takes takes) const;
  // `below` gets the keys behind the one that a collector's path takes.
  Result<std::unique_ptr<PathNode>> path(const ast::Expr& expr, bool edited, std::vector<NodePtr>* below = nullptr);
  void note_keys(const PathRow& row, std::span<const NodePtr> keys, const std::string* only_key);
  void note_edit(const PathRow& row);
  Result<NodePtr> path_value(const ast::Expr& expr);
  Result<std::vector<NodePtr>> keys(const std::vector<ast::ExprPtr>& from);
  Result<std::vector<NodePtr>> values(const std::vector<ast::ExprPtr>& from);

  std::string_view text_;
  ContextId context_;
  const Options& options_;
  Reads reads_ = Reads::nothing;
  otlp::KeySet keys_;         // of the item's attributes
  std::uint32_t fields_ = 0;  // of the item
  const std::string* only_key_ = nullptr;  // what a function uses of the map that comes next
  bool edits_more_ = false;  // than Edits can say
  std::size_t locals_ = 0;
  std::vector<std::pair<std::string, std::size_t>> names_;  // lambda parameters in sight, and their slots
};

}  // namespace weir::ottl

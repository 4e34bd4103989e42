// Which context statements without an explicit one run in.
#include <set>

#include "ottl/function.h"
#include "ottl/parser.h"

namespace weir::ottl {
namespace {

using ast::Expr;
using ast::ExprKind;

// Lower comes first when statements name several.
constexpr std::array<std::string_view, 9> priority = {"log", "exemplar", "datapoint", "metric", "spanevent", "span", "scope", "instrumentation_scope", "resource"};
std::size_t rank(std::string_view context) { return static_cast<std::size_t>(std::find(priority.begin(), priority.end(), context) - priority.begin()); }

// Everything in trees that limits the choice.
class Hints {
 public:
  Result<> statement(const std::string& text) {
    WEIR_ASSIGN(auto tree, parse_statement(text));
    visit(*tree.editor);
    if (tree.where) visit(*tree.where);
    return {};
  }
  Result<> condition(const std::string& text) {
    WEIR_ASSIGN(auto tree, parse_condition(text));
    visit(*tree);
    return {};
  }

  std::string context;  // named by a path, of the highest rank
  std::set<std::string, std::less<>> functions, enums;

 private:
  void visit(const ast::Test& test) {
    for (auto& part : test.parts) visit(*part);
    for (auto& item : test.items) visit(*item);
  }
  void visit(const Expr& expr) {
    if (expr.kind == ExprKind::enumeration) enums.emplace(expr.name);
    if (expr.kind == ExprKind::call) functions.emplace(expr.name);
    if (expr.kind == ExprKind::path) visit_path(expr);
    for (auto& segment : expr.segments)
      for (auto& key : segment.keys) visit(*key);
    for (auto& argument : expr.arguments) visit(*argument.value);
    for (auto& key : expr.keys) visit(*key);
    for (auto& item : expr.items) visit(*item);
    if (expr.test) visit(*expr.test);
  }
  void visit_path(const Expr& path) {
    if (path.segments.size() < 2 || path.segments[0].name == "otelcol") return;
    std::string_view named = path.segments[0].name;
    if (context.empty() || rank(named) < rank(context)) context = named;
  }
};

bool supports(ContextId context, const Hints& hints, const Options& options, std::string& missing) {
  for (auto& name : hints.functions)
    if (find_function(name, context, options) == nullptr) return missing = fmt::format("does not know the function \"{}\"", name), false;
  // The collector takes a converter that is handed over by a name in capitals for an enum here. Such statements need a
  // context of their own there, and so they do here.
  std::int64_t ignored;
  for (auto& name : hints.enums)
    if (!enum_value(context, name, ignored)) return missing = fmt::format("has no enum symbol \"{}\"", name), false;
  return true;
}

std::string joined(std::span<const ContextId> contexts) {
  std::string out;
  for (ContextId context : contexts) out += fmt::format("{}{}", out.empty() ? "" : ", ", to_string(context));
  return out;
}

}  // namespace

Result<ContextId> infer_context(std::span<const std::string> statements, std::span<const std::string> conditions,
                                std::span<const ContextId> candidates, const Options& options) {
  Hints hints;
  std::string errors;
  auto collect = [&](std::string_view kind, const std::string& text, Result<> result) {
    if (!result) errors += fmt::format("{}unable to parse OTTL {} \"{}\": {}", errors.empty() ? "" : "\n", kind, text, result.error().what);
  };
  for (auto& text : statements) collect("statement", text, hints.statement(text));
  for (auto& text : conditions) collect("condition", text, hints.condition(text));
  if (!errors.empty()) return fail(Errc::config, "{}", errors);
  if (hints.context.empty())
    return fail(Errc::config, "the context cannot be told: paths must start with one of {}, or the context be given", joined(candidates));
  ContextId named{};
  if (hints.context == "instrumentation_scope" || !context_from(hints.context, named) ||
      std::find(candidates.begin(), candidates.end(), named) == candidates.end())
    return fail(Errc::config, "\"{}\" is not a context here: use one of {}", hints.context, joined(candidates));
  std::string missing, ignored;
  if (supports(named, hints, options, missing)) return named;
  // Something that lies in the named context may know more: a span in its resource.
  std::vector<ContextId> lower;
  for (ContextId candidate : candidates)
    if (candidate != named && reaches(candidate, named)) lower.push_back(candidate);
  std::sort(lower.begin(), lower.end(), [](ContextId a, ContextId b) { return rank(to_string(a)) < rank(to_string(b)); });
  for (ContextId candidate : lower)
    if (supports(candidate, hints, options, ignored)) return candidate;
  return fail(Errc::config, "the context {} {}", hints.context, missing);
}

}  // namespace weir::ottl

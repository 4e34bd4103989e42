#include "ottl/compile.h"

#include "base/text.h"
#include "ottl/lexer.h"
#include "ottl/quick_tests.h"

namespace weir::ottl {
namespace {

using ast::Expr;
using ast::ExprKind;

// "pair_delimiter", "pairDelimiter" and "PairDelimiter" name the same parameter.
bool same_name(std::string_view given, std::string_view declared) {
  auto next = [](std::string_view& text) {
    while (text.starts_with('_')) text.remove_prefix(1);
    char c = text.empty() ? '\0' : text[0];
    if (!text.empty()) text.remove_prefix(1);
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  for (;;) {
    char a = next(given), b = next(declared);
    if (a != b) return false;
    if (a == '\0') return true;
  }
}

// A list, map or calculation all of whose parts are literals, worked out once.
class FoldedNode : public Node {
 public:
  static NodePtr fold(NodePtr node) {
    auto out = std::make_unique<FoldedNode>();
    Arena arena;
    ManualClock clock;
    Rng rng(0);
    EvalContext context(arena, clock, rng);
    Value value;
    if (!node->eval(context, value)) return node;
    if (value.is(Kind::map) || value.is(Kind::list)) {
      otlp::Value kept;
      to_otlp(value, out->arena_, kept);
      Part part = value.part;
      value = Value::of(kept, out->arena_, false);
      value.part = part;
    }
    out->value_ = value;
    return out;
  }
  bool eval(EvalContext&, Value& out) const override { return out = value_, true; }
  const Value* constant() const override { return &value_; }

 private:
  Arena arena_;
  Value value_;
};

// Conditions that are the same for every item are decided once, also before parts that stand in front of them and fail.
TestNodePtr negated(TestNodePtr inner) {
  if (auto known = inner->constant()) return std::make_unique<ConstantTest>(!*known);
  return std::make_unique<NotNode>(std::move(inner));
}

TestNodePtr joined(bool goes_on, std::vector<TestNodePtr> parts) {
  for (auto& part : parts)
    if (part->constant() == !goes_on) return std::make_unique<ConstantTest>(!goes_on);
  std::erase_if(parts, [](auto& part) { return part->constant().has_value(); });
  if (parts.empty()) return std::make_unique<ConstantTest>(goes_on);
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<JoinNode>(goes_on ? Truth::yes : Truth::no, std::move(parts));
}

// b OP a for a OP b.
Op mirrored(Op op) {
  switch (op) {
    case Op::lt: return Op::gt;
    case Op::le: return Op::ge;
    case Op::ge: return Op::le;
    case Op::gt: return Op::lt;
    default: return op;
  }
}

TestNodePtr compared(Op op, NodePtr left, NodePtr right) {
  const Value *a = left->constant(), *b = right->constant();
  Arena arena;
  if (a != nullptr && b != nullptr) return std::make_unique<ConstantTest>(compare(*a, op, *b, arena));
  if (a != nullptr) std::swap(left, right), op = mirrored(op);
  if (auto quick = quick_comparison(op, left, right)) return quick;
  return std::make_unique<CompareNode>(op, std::move(left), std::move(right));
}

bool all_constant(const std::vector<NodePtr>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](auto& node) { return node->constant() != nullptr; });
}

Op op_of(std::string_view text) {
  if (text == "==") return Op::eq;
  if (text == "!=") return Op::ne;
  if (text == "<") return Op::lt;
  if (text == "<=") return Op::le;
  return text == ">" ? Op::gt : Op::ge;
}

std::string spelled(const Expr& path) {
  std::string out;
  for (auto& segment : path.segments) out += (out.empty() ? "" : ".") + std::string(segment.name);
  return out;
}

}  // namespace

std::unexpected<Error> Compiler::error(std::uint32_t at, std::string_view message) const {
  return fail(Errc::config, "{}", explain(text_, at, message));
}

Result<std::vector<NodePtr>> Compiler::values(const std::vector<ast::ExprPtr>& from) {
  std::vector<NodePtr> out;
  for (auto& expr : from) {
    WEIR_ASSIGN(auto node, value(*expr));
    out.push_back(std::move(node));
  }
  return out;
}

Result<std::vector<NodePtr>> Compiler::keys(const std::vector<ast::ExprPtr>& from) { return values(from); }

Result<NodePtr> Compiler::value(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::nil: return std::make_unique<LiteralNode>(Value{});
    case ExprKind::boolean: return std::make_unique<LiteralNode>(Value::of(expr.boolean));
    case ExprKind::integer: return std::make_unique<LiteralNode>(Value::of(expr.integer));
    case ExprKind::real: return std::make_unique<LiteralNode>(Value::of(expr.real));
    case ExprKind::text: return std::make_unique<LiteralNode>(expr.text);
    case ExprKind::bytes: return std::make_unique<LiteralNode>(expr.text, true);
    case ExprKind::enumeration: {
      std::int64_t number = 0;
      if (!enum_value(context_, expr.name, number))
        return error(expr.at, fmt::format("the {} context has no enum symbol \"{}\"", to_string(context_), expr.name));
      return std::make_unique<LiteralNode>(Value::of(number));
    }
    case ExprKind::path: return path_value(expr);
    case ExprKind::call: return call(expr);
    case ExprKind::function: return error(expr.at, fmt::format("{} is not called: add its arguments", expr.name));
    case ExprKind::lambda:
      return error(expr.at, options_.lambdas ? "a lambda is not expected here"
                                             : "lambda expressions need the feature gate ottl.functions.enableLambda");
    case ExprKind::list: {
      WEIR_ASSIGN(auto items, values(expr.items));
      bool fixed = all_constant(items);
      NodePtr out = std::make_unique<ListNode>(std::move(items));
      return fixed ? FoldedNode::fold(std::move(out)) : std::move(out);
    }
    case ExprKind::map: {
      WEIR_ASSIGN(auto items, values(expr.items));
      bool fixed = all_constant(items);
      NodePtr out = std::make_unique<MapNode>(expr.names, std::move(items));
      return fixed ? FoldedNode::fold(std::move(out)) : std::move(out);
    }
    case ExprKind::math: {
      WEIR_ASSIGN(auto items, values(expr.items));
      bool fixed = all_constant(items);
      NodePtr out = std::make_unique<MathNode>(expr.op, std::move(items[0]), std::move(items[1]));
      return fixed ? FoldedNode::fold(std::move(out)) : std::move(out);
    }
    case ExprKind::negate: {
      WEIR_ASSIGN(auto items, values(expr.items));
      bool fixed = all_constant(items);
      NodePtr out = std::make_unique<NegateNode>(std::move(items[0]));
      return fixed ? FoldedNode::fold(std::move(out)) : std::move(out);
    }
  }
  return error(expr.at, "not a value");
}

Result<TestNodePtr> Compiler::test(const ast::Test& from) {
  std::vector<TestNodePtr> parts;
  for (auto& part : from.parts) {
    WEIR_ASSIGN(auto node, test(*part));
    parts.push_back(std::move(node));
  }
  switch (from.kind) {
    case ast::TestKind::constant: return std::make_unique<ConstantTest>(from.constant);
    case ast::TestKind::negation: return negated(std::move(parts[0]));
    case ast::TestKind::either: return joined(false, std::move(parts));
    case ast::TestKind::both: return joined(true, std::move(parts));
    case ast::TestKind::call: {
      WEIR_ASSIGN(auto node, value(*from.items[0]));
      if (auto* call = dynamic_cast<Call*>(node.get()); call != nullptr && call->info().test != nullptr)
        if (auto quick = call->info().test(*call, node)) return quick;
      return std::make_unique<CallTest>(std::move(node));
    }
    case ast::TestKind::comparison: {
      WEIR_ASSIGN(auto items, values(from.items));
      return compared(op_of(from.op), std::move(items[0]), std::move(items[1]));
    }
  }
  return error(from.at, "not a condition");
}

// ---- paths

Result<NodePtr> Compiler::path_value(const Expr& expr) {
  if (expr.segments.size() == 1) {
    for (std::size_t i = names_.size(); i-- > 0;) {
      if (names_[i].first != expr.segments[0].name) continue;
      NodePtr local = std::make_unique<LocalNode>(names_[i].second);
      if (expr.segments[0].keys.empty()) return local;
      WEIR_ASSIGN(auto nodes, keys(expr.segments[0].keys));
      return std::make_unique<IndexNode>(std::move(local), std::move(nodes));
    }
  }
  std::vector<NodePtr> below;
  WEIR_ASSIGN(auto out, path(expr, false, &below));
  if (below.empty()) return NodePtr(std::move(out));
  return std::make_unique<IndexNode>(std::move(out), std::move(below), true);
}

Result<std::unique_ptr<PathNode>> Compiler::path(const Expr& expr, bool edited, std::vector<NodePtr>* below) {
  const std::string* only_key = std::exchange(only_key_, nullptr);
  std::string whole = spelled(expr);
  std::string_view rest = whole;
  std::size_t first = 0;
  ContextId of = context_;
  bool collector = expr.segments.size() > 1 && expr.segments[0].name == "otelcol";
  bool prefixed = expr.segments.size() > 1 && expr.segments[0].keys.empty() && (collector || context_from(expr.segments[0].name, of));
  if (prefixed) {
    rest.remove_prefix(expr.segments[0].name.size() + 1);
    first = 1;
  }
  if (!prefixed && options_.prefixed)
    return error(expr.at, fmt::format("missing context name for path \"{}\"; did you mean \"{}.{}\"?", whole, to_string(context_), whole));
  if (!collector && !reaches(context_, of))
    return error(expr.at, fmt::format("context \"{}\" from path \"{}\" is not valid in the {} context", to_string(of), whole, to_string(context_)));

  auto rows = collector ? collector_paths() : paths_of(of);
  // The longest row that the path starts with; what follows it is explained.
  const PathRow* row = nullptr;
  for (auto& candidate : rows) {
    bool matches = rest.starts_with(candidate.name) && (rest.size() == candidate.name.size() || rest[candidate.name.size()] == '.');
    if (matches && (row == nullptr || candidate.name.size() > row->name.size())) row = &candidate;
  }
  if (row == nullptr || row->name.size() != rest.size()) {
    std::vector<std::string_view> known;
    for (auto& candidate : rows) known.push_back(candidate.name);
    std::string_view like = nearest(rest, known);
    return error(expr.at, fmt::format("\"{}\" is not a valid path of the {} context{}", whole, collector ? "otelcol" : to_string(of),
                                      like.empty() ? "" : fmt::format("; did you mean \"{}\"?", like)));
  }
  if (row->name == "cache" && of != context_)
    return error(expr.at, fmt::format("access to cache must be performed using the same context, please use \"{}.cache\"", to_string(context_)));
  for (std::size_t i = first; i + 1 < expr.segments.size(); ++i)
    if (!expr.segments[i].keys.empty()) return error(expr.at, fmt::format("\"{}\" cannot be indexed", expr.segments[i].name));
  auto& key_exprs = expr.segments.back().keys;
  if (!key_exprs.empty() && !row->takes_keys()) return error(expr.at, fmt::format("\"{}\" cannot be indexed", whole));
  bool deeper = key_exprs.size() > 1 && row->get_key != nullptr;
  if (deeper && (!collector || below == nullptr))
    return error(expr.at, fmt::format("must provide exactly 1 key when accessing {}", row->name));
  WEIR_ASSIGN(auto nodes, keys(key_exprs));
  if (deeper) {
    below->assign(std::make_move_iterator(nodes.begin() + 1), std::make_move_iterator(nodes.end()));
    nodes.resize(1);
  }
  reads_ |= row->reads;
  if (row->reads & Reads::item) fields_ |= row->fields;
  if (edited) reads_ |= row->edits, note_edit(*row);
  note_keys(*row, nodes, only_key);
  return std::make_unique<PathNode>(*row, std::move(nodes), collector || of != context_);
}

// `only_key`: of a map that is named without a key.
void Compiler::note_keys(const PathRow& row, std::span<const NodePtr> keys, const std::string* only_key) {
  if (!(row.reads & Reads::item_attributes)) return;
  const Value* key = keys.empty() ? nullptr : keys[0]->constant();
  if (key != nullptr && key->is(Kind::text))
    keys_.add(key->text);
  else if (keys.empty() && only_key != nullptr)
    keys_.add(*only_key);
  else
    keys_.add_every();
}

// Edits has single fields and attributes of the item; not what stands in it many times over.
void Compiler::note_edit(const PathRow& row) {
  bool in_item = row.edits & Reads::edits_item;
  if (in_item && ((row.reads & Reads::sub_items) || !std::has_single_bit(row.fields))) edits_more_ = true;
}

otlp::Excerpt Compiler::excerpt() const {
  otlp::Excerpt out{otlp::Parts::fields, keys_, fields_};
  if (!keys_.empty()) out.parts = out.parts | otlp::Parts::attributes;
  if (reads_ & Reads::sub_items) out.parts = out.parts | otlp::Parts::children;
  return out;
}

// ---- calls

Result<NodePtr> Compiler::editor(const Expr& expr) { return call(expr); }

Result<NodePtr> Compiler::call(const Expr& expr) {
  const FunctionInfo* info = find_function(expr.name, context_, options_);
  if (info == nullptr) {
    std::vector<std::string_view> known;
    for (auto& candidate : function_table()) known.push_back(candidate.name);
    std::string_view like = nearest(expr.name, known);
    return error(expr.at, fmt::format("undefined function \"{}\"{}", expr.name,
                                      like.empty() || like == expr.name ? "" : fmt::format("; did you mean {}?", like)));
  }
  WEIR_ASSIGN(auto args, arguments(expr, *info));
  return call(expr, *info, std::move(args));
}

Result<NodePtr> Compiler::call(const Expr& expr, const FunctionInfo& info, std::vector<Arg> args) {
  auto out = std::make_unique<Call>(info, std::move(args));
  if (info.prepare != nullptr) {
    if (auto ready = info.prepare(*out); !ready) return error(expr.at, fmt::format("{}: {}", info.name, ready.error().what));
  }
  reads_ |= info.reads;
  if (info.reads & Reads::edits_item) edits_more_ = true;
  if (info.reads & Reads::item) fields_ = otlp::Excerpt::every_field;
  if (info.reads & Reads::item_attributes) keys_.add_every();
  if (expr.kind != ExprKind::call || expr.keys.empty()) return NodePtr(std::move(out));
  WEIR_ASSIGN(auto nodes, keys(expr.keys));
  return std::make_unique<IndexNode>(std::move(out), std::move(nodes));
}

Result<std::vector<Arg>> Compiler::arguments(const Expr& expr, const FunctionInfo& info) {
  std::size_t wanted = info.params.size();
  if (wanted == 0) return std::vector<Arg>{};  // the collector does not look at what is given to such functions
  auto required = static_cast<std::size_t>(std::count_if(info.params.begin(), info.params.end(), [](auto& p) { return !p.optional; }));
  if (expr.arguments.size() < required || expr.arguments.size() > wanted)
    return error(expr.at, fmt::format("incorrect number of arguments for {}: expected {}, received {}", info.name,
                                      required == wanted ? fmt::format("{}", wanted) : fmt::format("{} to {}", required, wanted), expr.arguments.size()));
  std::vector<Arg> out(wanted);
  bool named = false;
  for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
    auto& from = expr.arguments[i];
    std::size_t at = i;
    if (!from.name.empty()) {
      named = true;
      for (at = 0; at < wanted && !same_name(from.name, info.params[at].name);) ++at;
      if (at == wanted) return error(from.value->at, fmt::format("{} has no parameter \"{}\"", info.name, from.name));
    } else if (named) {
      return error(from.value->at, "unnamed argument used after named argument");
    }
    bool one_key = info.one_key && at == 0 && from.name.empty() && expr.arguments[1].value->kind == ExprKind::text;
    only_key_ = one_key ? &expr.arguments[1].value->text : nullptr;
    auto made = argument(*from.value, info.params[at].takes);
    only_key_ = nullptr;
    if (!made) return std::unexpected(std::move(made).error());
    out[at] = std::move(*made);
    out[at].given = true;
  }
  for (std::size_t i = 0; i < wanted; ++i)
    if (!out[i].given && !info.params[i].optional)
      return error(expr.at, fmt::format("{} needs the argument \"{}\"", info.name, info.params[i].name));
  return out;
}

Result<Arg> Compiler::argument(const Expr& expr, Takes takes) {
  Arg out;
  switch (takes) {
    case Takes::target:
    case Takes::map_target: {
      if (expr.kind != ExprKind::path) return error(expr.at, "must be a path");
      WEIR_ASSIGN(auto node, path(expr, true));
      out.path = node.get();
      out.node = std::move(node);
      return out;
    }
    case Takes::any_list: return list_argument(expr, Takes::any);
    case Takes::text_list: return list_argument(expr, Takes::text);
    case Takes::text_like_list: return list_argument(expr, Takes::text_like);
    case Takes::literal_text_list: return list_argument(expr, Takes::literal_text);
    case Takes::literal_real_list: return list_argument(expr, Takes::literal_real);
    case Takes::function: return function_argument(expr);
    case Takes::lambda0: return lambda_argument(expr, 0);
    case Takes::lambda2: return lambda_argument(expr, 2);
    case Takes::lambda3: return lambda_argument(expr, 3);
    case Takes::literal_text:
      if (expr.kind != ExprKind::text) return error(expr.at, "must be a string");
      break;
    case Takes::literal_integer:
      if (expr.kind != ExprKind::integer || expr.integer < 0) return error(expr.at, "must be an int");
      break;
    case Takes::literal_real:
      if (expr.kind != ExprKind::real || expr.real < 0) return error(expr.at, "must be a float");
      break;
    case Takes::literal_boolean:
      if (expr.kind != ExprKind::boolean) return error(expr.at, "must be a bool");
      break;
    default: break;
  }
  WEIR_ASSIGN(out.node, value(expr));
  if (const Value* constant = out.node->constant()) WEIR_TRY(check_constant(expr, *constant, takes));
  return out;
}

// A literal of the wrong type is a mistake in the configuration, not something to meet at run time.
Result<> Compiler::check_constant(const Expr& expr, const Value& value, Takes takes) const {
  auto must_be = [&](Kind kind, std::string_view word) -> Result<> {
    if (value.is(kind)) return {};
    return error(expr.at, fmt::format("expected {} but got {}", word, to_string(value.kind)));
  };
  switch (takes) {
    case Takes::text: return must_be(Kind::text, "string");
    case Takes::integer: return must_be(Kind::integer, "int64");
    case Takes::real: return must_be(Kind::real, "float64");
    case Takes::boolean: return must_be(Kind::boolean, "bool");
    case Takes::time: return must_be(Kind::time, "time");
    case Takes::duration: return must_be(Kind::duration, "duration");
    case Takes::map: return must_be(Kind::map, "pcommon.Map");
    case Takes::list:
      if (value.is(Kind::list) && !plain_list(value)) return error(expr.at, "a list that is written out cannot hold maps here");
      return must_be(Kind::list, "pcommon.Slice");
    case Takes::integer_like:
    case Takes::real_like:
    case Takes::boolean_like: {
      std::string wrong;
      if (!convertible(value, takes, wrong)) return error(expr.at, wrong);
      return {};
    }
    default: return {};
  }
}

Result<Arg> Compiler::list_argument(const Expr& expr, Takes of) {
  if (expr.kind != ExprKind::list) return error(expr.at, "must be a list");
  Arg out;
  for (auto& item : expr.items) {
    WEIR_ASSIGN(auto arg, argument(*item, of));
    out.items.push_back(std::move(arg.node));
  }
  return out;
}

Result<Arg> Compiler::function_argument(const Expr& expr) {
  if (expr.kind != ExprKind::function && expr.kind != ExprKind::enumeration) return error(expr.at, "must be the name of a converter");
  const FunctionInfo* info = find_function(expr.name, context_, options_);
  if (info == nullptr || info->editor()) return error(expr.at, fmt::format("undefined function {}", expr.name));
  auto required = std::count_if(info->params.begin(), info->params.end(), [](auto& p) { return !p.optional; });
  if (required > 1 || info->params.empty())
    return error(expr.at, fmt::format("incorrect number of arguments for {}: one is given here", expr.name));
  Arg out;
  out.function_slot = locals_++;
  std::vector<Arg> args(info->params.size());
  args[0].given = true;
  args[0].node = std::make_unique<LocalNode>(out.function_slot);
  out.function = std::make_unique<Call>(*info, std::move(args));
  if (info->prepare != nullptr) WEIR_TRY(info->prepare(*out.function));
  return out;
}

Result<Arg> Compiler::lambda_argument(const Expr& expr, std::size_t parameters) {
  if (!options_.lambdas) return error(expr.at, "lambda expressions need the feature gate ottl.functions.enableLambda");
  if (expr.kind != ExprKind::lambda) return error(expr.at, "must be a lambda expression");
  if (expr.names.size() != parameters) return error(expr.at, fmt::format("this lambda takes {} parameters, not {}", parameters, expr.names.size()));
  Arg out;
  out.lambda = std::make_unique<Lambda>();
  std::size_t in_sight = names_.size();
  for (auto& name : expr.names) {
    out.lambda->slots.push_back(name == "_" ? Lambda::unused : locals_);
    if (name != "_") names_.emplace_back(name, locals_++);
  }
  auto body = [&]() -> Result<NodePtr> {
    if (!expr.test) return value(*expr.items[0]);
    WEIR_ASSIGN(auto node, test(*expr.test));
    return std::make_unique<TruthNode>(std::move(node));
  }();
  names_.resize(in_sight);
  if (!body) return std::unexpected(std::move(body).error());
  out.lambda->body = std::move(*body);
  return out;
}

}  // namespace weir::ottl

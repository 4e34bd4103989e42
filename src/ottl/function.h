#pragma once
// Functions: how they are declared, what a compiled call looks like, and how implementations get at their arguments.
#include "ottl/node.h"
#include "ottl/ottl.h"

namespace weir::ottl {

class Call;
struct FunctionInfo;

// What a parameter accepts. The `_like` kinds convert; `literal_…` must be written out in the statement.
enum class Takes : std::uint8_t {
  any,
  text,
  text_like,
  integer,
  integer_like,
  real,
  real_like,
  boolean,
  boolean_like,
  bytes_like,
  time,
  duration,
  map,
  list,
  literal_text,
  literal_integer,
  literal_real,
  literal_boolean,
  target,           // a path, any type
  map_target,       // a path to a map
  any_list,         // [a, b] of values
  text_list,        // [a, b] of texts
  text_like_list,
  literal_text_list,
  literal_real_list,
  function,         // the name of a converter
  lambda0,          // () => value
  lambda2,          // (key, value) => value
  lambda3,          // (result, key, value) => value
};

struct Param {
  std::string_view name;
  Takes takes;
  bool optional = false;
};

// Contexts a function exists in.
enum class In : std::uint16_t {
  resource = 1,
  scope = 2,
  span = 4,
  spanevent = 8,
  metric = 16,
  datapoint = 32,
  exemplar = 64,
  log = 128,
  all = 255,
};
constexpr In operator|(In a, In b) { return static_cast<In>(static_cast<int>(a) | static_cast<int>(b)); }
constexpr bool includes(In set, ContextId context) { return (static_cast<int>(set) >> static_cast<int>(context)) & 1; }

struct FunctionInfo {
  std::string_view name;
  std::string_view doc;  // one sentence
  std::vector<Param> params;
  bool (*run)(EvalContext&, const Call&, Value& out);
  // Checks arguments that are known and prepares what can be (regexes, formats). Null: nothing to do.
  Result<> (*prepare)(Call&) = nullptr;
  In in = In::all;
  Callers callers = Callers::all;
  bool gated = false;              // only with the feature gate ottl.functions.enableLambda
  Reads reads = Reads::nothing;    // besides what its arguments name
  // A cheaper test than evaluating the call, which `node` owns and which it takes; null when there is none for these arguments.
  TestNodePtr (*test)(const Call&, NodePtr& node) = nullptr;
  bool one_key = false;  // of the map that is its first argument it reads and changes the entry that its second one names, no other

  bool editor() const { return name[0] >= 'a' && name[0] <= 'z'; }
};

// False with the reason when a literal cannot be taken by a converting parameter.
bool convertible(const Value& value, Takes takes, std::string& reason);

// The collector's converters take no list of maps that is written out in the statement.
bool plain_list(const Value& list);

std::span<const FunctionInfo> function_table();
// Null when there is none by this name for these callers in this context.
const FunctionInfo* find_function(std::string_view name, ContextId context, const Options& options);

// Something a call keeps from one run to the next: a compiled regex, a parsed layout.
struct Prepared {
  virtual ~Prepared() = default;
};

struct Lambda {
  static constexpr std::size_t unused = ~std::size_t{0};
  std::vector<std::size_t> slots;  // in EvalContext::locals, per parameter; `unused` for _
  NodePtr body;

  void bind(EvalContext& c, std::size_t parameter, const Value& value) const {
    if (slots[parameter] != unused) c.locals[slots[parameter]] = value;
  }
};

struct Arg {
  bool given = false;
  NodePtr node;                    // everything but lists, functions and lambdas
  const PathNode* path = nullptr;  // targets: node, as what it is
  std::vector<NodePtr> items;      // lists
  std::unique_ptr<Call> function;  // a call of the named converter whose first argument is the local `function_slot`
  std::size_t function_slot = 0;
  std::unique_ptr<Lambda> lambda;
};

class Call : public Node {
 public:
  Call(const FunctionInfo& info, std::vector<Arg> args) : info_(&info), args_(std::move(args)) {}
  bool eval(EvalContext& c, Value& out) const override { return out.clear(), info_->run(c, *this, out); }

  const FunctionInfo& info() const { return *info_; }
  const Arg& operator[](std::size_t i) const { return args_[i]; }
  bool given(std::size_t i) const { return args_[i].given; }
  // The argument when it does not depend on the item.
  const Value* constant(std::size_t i) const { return args_[i].node ? args_[i].node->constant() : nullptr; }
  using Node::constant;

  // Evaluate an argument as a type; false with an error when it is another (nil included).
  bool value(EvalContext& c, std::size_t i, Value& out) const { return args_[i].node->eval(c, out); }
  bool text(EvalContext& c, std::size_t i, std::string_view& out) const;
  bool text(EvalContext& c, std::size_t i, Value& out) const;  // keeps `owned`
  bool integer(EvalContext& c, std::size_t i, std::int64_t& out) const;
  bool real(EvalContext& c, std::size_t i, double& out) const;
  bool boolean(EvalContext& c, std::size_t i, bool& out) const;
  bool time(EvalContext& c, std::size_t i, Value& out) const;
  bool duration(EvalContext& c, std::size_t i, std::int64_t& out) const;
  bool map(EvalContext& c, std::size_t i, otlp::Attributes*& out) const;
  bool list(EvalContext& c, std::size_t i, otlp::Array*& out) const;
  // Converting kinds: `found` is false for nil and for what cannot be converted.
  bool text_like(EvalContext& c, const Node& node, std::string_view& out, bool& found) const;
  bool text_like(EvalContext& c, std::size_t i, std::string_view& out, bool& found) const;
  bool integer_like(EvalContext& c, std::size_t i, std::int64_t& out, bool& found) const;
  bool real_like(EvalContext& c, std::size_t i, double& out, bool& found) const;
  bool boolean_like(EvalContext& c, std::size_t i, bool& out, bool& found) const;
  // Optional arguments: `out` keeps its value when not given.
  bool optional_text(EvalContext& c, std::size_t i, std::string_view& out) const { return !given(i) || text(c, i, out); }
  bool optional_integer(EvalContext& c, std::size_t i, std::int64_t& out) const { return !given(i) || integer(c, i, out); }
  bool optional_boolean(EvalContext& c, std::size_t i, bool& out) const { return !given(i) || boolean(c, i, out); }

  // Says that the map which map() returned for a target was changed in place.
  void changed(EvalContext& c, std::size_t i) const { args_[i].path->touch(c); }
  // The same when all that happened is that this key was removed.
  void removed(EvalContext& c, std::size_t i, std::string_view key) const { args_[i].path->touch(c, &key); }

  std::unique_ptr<Prepared> prepared;

 private:
  const FunctionInfo* info_;
  std::vector<Arg> args_;
};

// A row for an editor that changes the metric it runs for, or adds others.
FunctionInfo metric_editor(std::string_view name, std::string_view doc, std::vector<Param> params, bool (*run)(EvalContext&, const Call&, Value&),
                           Result<> (*prepare)(Call&) = nullptr, In in = In::metric);

// ---- the parts of the table, one per file
std::span<const FunctionInfo> editor_functions();
std::span<const FunctionInfo> replace_functions();
std::span<const FunctionInfo> type_functions();
std::span<const FunctionInfo> text_functions();
std::span<const FunctionInfo> hash_functions();
std::span<const FunctionInfo> time_functions();
std::span<const FunctionInfo> collection_functions();
std::span<const FunctionInfo> pattern_functions();
std::span<const FunctionInfo> parse_functions();
std::span<const FunctionInfo> network_functions();
std::span<const FunctionInfo> user_agent_functions();
std::span<const FunctionInfo> xml_functions();
std::span<const FunctionInfo> lambda_functions();
std::span<const FunctionInfo> log_functions();
std::span<const FunctionInfo> metric_functions();
std::span<const FunctionInfo> aggregate_functions();
std::span<const FunctionInfo> histogram_functions();
std::span<const FunctionInfo> span_functions();

}  // namespace weir::ottl

#pragma once
// Compiled expressions and conditions: a tree of small objects, made once, immutable afterwards except for caches.
// One core.
#include "ottl/paths.h"

namespace weir::ottl {

class Node {
 public:
  virtual ~Node() = default;
  // False after an error, which is in c.error.
  virtual bool eval(EvalContext& c, Value& out) const = 0;
  // The value when it is the same for every item, otherwise null.
  virtual const Value* constant() const { return nullptr; }
  // Where the value stands in the telemetry, if it can be found without evaluating anything; otherwise null.
  virtual const otlp::Value* find(EvalContext&) const { return nullptr; }
};
using NodePtr = std::unique_ptr<Node>;

enum class Truth : std::uint8_t { no, yes, failed };

class TestNode {
 public:
  virtual ~TestNode() = default;
  virtual Truth test(EvalContext& c) const = 0;
  // The outcome when it is the same for every item.
  virtual std::optional<bool> constant() const { return {}; }
};
using TestNodePtr = std::unique_ptr<TestNode>;

// What a map has under a key that is known.
struct Entry {
  otlp::Attributes* (*map)(EvalContext&, bool edit) = nullptr;
  std::string_view key;

  otlp::Value* find(EvalContext& c) const { return map(c, false)->find(key); }
};

// A field of the telemetry, with keys: attributes["a"][0]. The only node that can be assigned to.
class PathNode final : public Node {
 public:
  // `shared`: it lies in what many items have in common.
  PathNode(const PathRow& row, std::vector<NodePtr> keys, bool shared = false);
  bool eval(EvalContext& c, Value& out) const override { return get(c, out) && (!shared_ || may_read(c, out)); }
  const otlp::Value* find(EvalContext& c) const override { return entry_ ? entry_->find(c) : nullptr; }
  bool assign(EvalContext& c, const Value& value) const {
    bool done = store(c, value);
    if (c.on_excerpt()) note_edit(c);
    return done;
  }
  // Marks what the path lies in as changed. `removed`: the one key of its map that is gone; null: anything may be different.
  void touch(EvalContext& c, const std::string_view* removed = nullptr) const;
  const PathRow& row() const { return *row_; }
  // Null: it is something else than one.
  const Entry* entry() const { return entry_ ? &*entry_ : nullptr; }
  // The path is the row, and nothing in it.
  bool whole() const { return keys_.empty(); }
  bool shared() const { return shared_; }

 private:
  bool get(EvalContext& c, Value& out) const;
  static bool may_read(EvalContext& c, const Value& value);
  bool store(EvalContext& c, const Value& value) const;
  void note_edit(EvalContext& c) const;
  bool walk(EvalContext& c, otlp::Value* at, std::size_t key, Value& out) const;
  bool assign_below(EvalContext& c, Arena& arena, otlp::Value* at, std::size_t key, const Value& value) const;
  bool text_key(EvalContext& c, std::size_t key, std::string_view& out) const;
  bool make_room(EvalContext& c, Arena& arena, const Value& key, otlp::Value*& at) const;

  const PathRow* row_;
  std::vector<NodePtr> keys_;
  std::optional<Entry> entry_;  // most paths with keys
  bool shared_;
};

// A lambda's parameter.
class LocalNode : public Node {
 public:
  explicit LocalNode(std::size_t slot) : slot_(slot) {}
  bool eval(EvalContext& c, Value& out) const override { return out = c.locals[slot_], true; }

 private:
  std::size_t slot_;
};

// value[key][key]… of anything but a path. `absent_is_nil`: a value that is nil has nil below it, otherwise that fails.
class IndexNode : public Node {
 public:
  IndexNode(NodePtr value, std::vector<NodePtr> keys, bool absent_is_nil = false)
      : value_(std::move(value)), keys_(std::move(keys)), absent_is_nil_(absent_is_nil) {}
  bool eval(EvalContext& c, Value& out) const override;

 private:
  NodePtr value_;
  std::vector<NodePtr> keys_;
  bool absent_is_nil_;
};

class LiteralNode : public Node {
 public:
  explicit LiteralNode(Value value) : value_(value) {}
  explicit LiteralNode(std::string text, bool bytes = false) : text_(std::move(text)) {
    value_ = bytes ? Value::of_bytes(text_) : Value::of(std::string_view(text_));
  }
  bool eval(EvalContext&, Value& out) const override { return out = value_, true; }
  const Value* constant() const override { return &value_; }

 private:
  std::string text_;
  Value value_;
};

class ListNode : public Node {
 public:
  explicit ListNode(std::vector<NodePtr> items) : items_(std::move(items)) {}
  bool eval(EvalContext& c, Value& out) const override;

 private:
  std::vector<NodePtr> items_;
};

class MapNode : public Node {
 public:
  MapNode(std::vector<std::string> names, std::vector<NodePtr> items) : names_(std::move(names)), items_(std::move(items)) {}
  bool eval(EvalContext& c, Value& out) const override;

 private:
  std::vector<std::string> names_;
  std::vector<NodePtr> items_;
};

class MathNode : public Node {
 public:
  MathNode(char op, NodePtr left, NodePtr right) : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  bool eval(EvalContext& c, Value& out) const override;

 private:
  char op_;
  NodePtr left_, right_;
};

class NegateNode : public Node {
 public:
  explicit NegateNode(NodePtr inner) : inner_(std::move(inner)) {}
  bool eval(EvalContext& c, Value& out) const override;

 private:
  NodePtr inner_;
};

// A condition where a value is wanted: a lambda's body.
class TruthNode : public Node {
 public:
  explicit TruthNode(TestNodePtr test) : test_(std::move(test)) {}
  bool eval(EvalContext& c, Value& out) const override {
    Truth truth = test_->test(c);
    out = Value::of(truth == Truth::yes);
    return truth != Truth::failed;
  }

 private:
  TestNodePtr test_;
};

class CompareNode : public TestNode {
 public:
  CompareNode(Op op, NodePtr left, NodePtr right)
      : op_(op), left_(std::move(left)), right_(std::move(right)), constant_(right_->constant()) {}
  Truth test(EvalContext& c) const override;

 private:
  Op op_;
  NodePtr left_, right_;
  const Value* constant_;  // right_'s
};

class ConstantTest : public TestNode {
 public:
  explicit ConstantTest(bool value) : value_(value) {}
  Truth test(EvalContext&) const override { return value_ ? Truth::yes : Truth::no; }
  std::optional<bool> constant() const override { return value_; }

 private:
  bool value_;
};

class CallTest : public TestNode {
 public:
  explicit CallTest(NodePtr call) : call_(std::move(call)) {}
  Truth test(EvalContext& c) const override;

 private:
  NodePtr call_;
};

class NotNode : public TestNode {
 public:
  explicit NotNode(TestNodePtr inner) : inner_(std::move(inner)) {}
  Truth test(EvalContext& c) const override {
    Truth inner = inner_->test(c);
    return inner == Truth::failed ? inner : inner == Truth::yes ? Truth::no : Truth::yes;
  }

 private:
  TestNodePtr inner_;
};

// `and` stops at the first part that is not true, `or` at the first that is not false.
class JoinNode : public TestNode {
 public:
  JoinNode(Truth goes_on, std::vector<TestNodePtr> parts) : goes_on_(goes_on), parts_(std::move(parts)) {}
  Truth test(EvalContext& c) const override {
    for (auto& part : parts_)
      if (Truth truth = part->test(c); truth != goes_on_) return truth;
    return goes_on_;
  }

 private:
  Truth goes_on_;
  std::vector<TestNodePtr> parts_;
};

// value[key] as converters' results and lambda parameters are indexed: what is absent is an error.
bool index_value(EvalContext& c, Value& value, const Value& key);

}  // namespace weir::ottl

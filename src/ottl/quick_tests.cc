#include "ottl/quick_tests.h"

namespace weir::ottl {
namespace {

Truth truth(bool value) { return value ? Truth::yes : Truth::no; }

// ---- where a text or a number stands: map["key"], or a field that is always one
enum class Found : std::uint8_t { nothing, it, other };

struct EntryText {
  Entry entry;
  Found read(EvalContext& c, std::string_view& out) const {
    const otlp::Value* found = entry.find(c);
    if (found == nullptr) return Found::nothing;
    if (!found->is(otlp::ValueType::string)) return Found::other;
    return out = found->text, Found::it;
  }
};

struct FieldText {
  std::string_view (*field)(EvalContext&);
  Found read(EvalContext& c, std::string_view& out) const { return out = field(c), Found::it; }
};

// ---- == and != a text
template <class Place>
class TextTest : public TestNode {
 public:
  TextTest(Place place, bool wanted, NodePtr path, NodePtr literal)
      : place_(place), text_(literal->constant()->text), wanted_(wanted), path_(std::move(path)), literal_(std::move(literal)) {}
  Truth test(EvalContext& c) const override {
    std::string_view text;
    bool same = place_.read(c, text) == Found::it && text == text_;
    return truth(same == wanted_);
  }

 private:
  Place place_;
  std::string_view text_;
  bool wanted_;
  NodePtr path_, literal_;  // own what is read above
};

// ---- an entry == and != nil; empty bytes count as nil
class NilTest : public TestNode {
 public:
  NilTest(const Entry& entry, bool wanted, NodePtr path) : entry_(entry), wanted_(wanted), path_(std::move(path)) {}
  Truth test(EvalContext& c) const override {
    const otlp::Value* found = entry_.find(c);
    bool nil = found == nullptr || found->is(otlp::ValueType::empty) || (found->is(otlp::ValueType::bytes) && found->text.empty());
    return truth(nil == wanted_);
  }

 private:
  Entry entry_;
  bool wanted_;
  NodePtr path_;  // owns the key
};

// ---- an integer on the right
class EntryNumberTest : public TestNode {
 public:
  EntryNumberTest(const Entry& entry, Op op, std::int64_t number, NodePtr path) : entry_(entry), op_(op), number_(number), path_(std::move(path)) {}
  Truth test(EvalContext& c) const override {
    const otlp::Value* found = entry_.find(c);
    if (found != nullptr && found->is(otlp::ValueType::integer)) return truth(ordered(found->integer, op_, number_));
    if (found != nullptr && found->is(otlp::ValueType::real)) return truth(ordered(found->real, op_, static_cast<double>(number_)));
    return truth(op_ == Op::ne);
  }

 private:
  Entry entry_;
  Op op_;
  std::int64_t number_;
  NodePtr path_;  // owns the key
};

class FieldNumberTest : public TestNode {
 public:
  FieldNumberTest(std::int64_t (*field)(EvalContext&), Op op, std::int64_t number) : field_(field), op_(op), number_(number) {}
  Truth test(EvalContext& c) const override { return truth(ordered(field_(c), op_, number_)); }

 private:
  std::int64_t (*field_)(EvalContext&);
  Op op_;
  std::int64_t number_;
};

// ---- IsMatch
template <class Place>
class MatchTest : public TestNode {
 public:
  MatchTest(Place place, const Pattern& pattern, bool shared, NodePtr call) : place_(place), pattern_(&pattern), shared_(shared), call_(std::move(call)) {}
  Truth test(EvalContext& c) const override {
    std::string_view text;
    switch (place_.read(c, text)) {
      case Found::nothing: return Truth::no;
      case Found::it:
        if (shared_ && !c.read_shared(text.size())) return Truth::failed;
        return truth(pattern_->matches(text));
      case Found::other: break;
    }
    return call_.test(c);
  }

 private:
  Place place_;
  const Pattern* pattern_;
  bool shared_;
  CallTest call_;  // owns the pattern and the place
};

}  // namespace

TestNodePtr quick_comparison(Op op, NodePtr& left, NodePtr& right) {
  auto* path = dynamic_cast<const PathNode*>(left.get());
  const Value* literal = right->constant();
  if (path == nullptr || literal == nullptr) return nullptr;
  const Entry* entry = path->entry();
  auto text_field = path->whole() ? path->row().text : nullptr;
  auto integer_field = path->whole() ? path->row().integer : nullptr;
  bool eq = op == Op::eq, equality = eq || op == Op::ne;
  if (literal->nil() && equality && entry != nullptr) return std::make_unique<NilTest>(*entry, eq, std::move(left));
  if (literal->is(Kind::text) && equality) {
    if (entry != nullptr) return std::make_unique<TextTest<EntryText>>(EntryText{*entry}, eq, std::move(left), std::move(right));
    if (text_field != nullptr) return std::make_unique<TextTest<FieldText>>(FieldText{text_field}, eq, std::move(left), std::move(right));
  }
  if (literal->is(Kind::integer)) {
    if (entry != nullptr) return std::make_unique<EntryNumberTest>(*entry, op, literal->integer, std::move(left));
    if (integer_field != nullptr) return std::make_unique<FieldNumberTest>(integer_field, op, literal->integer);
  }
  return nullptr;
}

TestNodePtr quick_match(const Node& target, const Pattern& pattern, NodePtr& call) {
  auto* path = dynamic_cast<const PathNode*>(&target);
  if (path == nullptr) return nullptr;
  if (const Entry* entry = path->entry()) return std::make_unique<MatchTest<EntryText>>(EntryText{*entry}, pattern, path->shared(), std::move(call));
  if (path->whole() && path->row().text != nullptr)
    return std::make_unique<MatchTest<FieldText>>(FieldText{path->row().text}, pattern, path->shared(), std::move(call));
  return nullptr;
}

}  // namespace weir::ottl

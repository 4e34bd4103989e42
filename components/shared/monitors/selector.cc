#include "components/shared/monitors/selector.h"

#include <algorithm>

namespace weir::monitors {
namespace {

using config::Value;

constexpr std::size_t max_name = 63, max_prefix = 253;

bool is_edge(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// The part of a key behind its prefix, or a value that is not empty.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > max_name || !is_edge(text.front()) || !is_edge(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_edge(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_prefix(std::string_view text) {
  if (text.empty() || text.size() > max_prefix) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

Result<> check_key(std::string_view key) {
  auto slash = key.find('/');
  bool good = slash == key.npos ? is_name(key) : is_prefix(key.substr(0, slash)) && is_name(key.substr(slash + 1));
  if (!good) return fail(Errc::config, "'{}' is no name of a label", key.substr(0, 300));
  return {};
}

Result<> check_value(std::string_view value) {
  if (!value.empty() && !is_name(value)) return fail(Errc::config, "'{}' is no value of a label", value.substr(0, 300));
  return {};
}

const Value* either(const Value& in, std::string_view name, std::string_view lower) {
  const Value* out = in.get(name);
  return out == nullptr ? in.get(lower) : out;
}

Result<Selector::Operator> operator_of(std::string_view word) {
  using Op = Selector::Operator;
  for (auto [name, op] : {std::pair("In", Op::in), std::pair("NotIn", Op::not_in), std::pair("Exists", Op::exists), std::pair("DoesNotExist", Op::does_not_exist)})
    if (word == name) return op;
  return fail(Errc::config, "\"{}\" is not a valid label selector operator", word.substr(0, 100));
}

Result<Selector::Requirement> expression_of(const Value& in) {
  Selector::Requirement out;
  const Value *key = in.get("key"), *op = in.get("operator"), *values = in.get("values");
  if (key == nullptr || op == nullptr || !key->is_text() || !op->is_text()) return fail(Errc::config, "an expression needs key and operator");
  out.key = key->text();
  WEIR_TRY(check_key(out.key));
  WEIR_ASSIGN(out.op, operator_of(op->text()));
  if (values != nullptr)
    for (auto& value : values->items()) {
      WEIR_TRY(check_value(value.text()));
      out.values.push_back(value.text());
    }
  bool wants_values = out.op == Selector::Operator::in || out.op == Selector::Operator::not_in;
  if (wants_values && out.values.empty()) return fail(Errc::config, "for 'in', 'notin' operators, values set can't be empty");
  if (!wants_values && !out.values.empty()) return fail(Errc::config, "values set must be empty for exists and does not exist");
  return out;
}

bool holds(const Selector::Requirement& requirement, kube::Pairs labels) {
  bool there = kube::contains(labels, requirement.key);
  auto among = [&] { return std::find(requirement.values.begin(), requirement.values.end(), kube::find(labels, requirement.key)) != requirement.values.end(); };
  switch (requirement.op) {
    case Selector::Operator::in: return there && among();
    case Selector::Operator::not_in: return !there || !among();
    case Selector::Operator::exists: return there;
    case Selector::Operator::does_not_exist: return !there;
  }
  return false;
}

}  // namespace

Result<Selector> Selector::make(const Value& value) {
  Selector out;
  if (value.is_null()) return out;
  if (!value.is_map()) return fail(Errc::config, "a label selector is a map");
  if (const Value* labels = either(value, "matchLabels", "matchlabels"))
    for (auto& [key, mark, text] : labels->entries()) {
      WEIR_TRY(check_key(key));
      WEIR_TRY(check_value(text.text()));
      out.requirements_.push_back({key, Operator::in, {text.text()}});
    }
  std::sort(out.requirements_.begin(), out.requirements_.end(), [](auto& a, auto& b) { return a.key < b.key; });
  out.exact_ = out.requirements_.size();
  if (const Value* expressions = either(value, "matchExpressions", "matchexpressions"))
    for (auto& expression : expressions->items()) {
      WEIR_ASSIGN(auto requirement, expression_of(expression));
      out.requirements_.push_back(std::move(requirement));
    }
  return out;
}

bool Selector::matches(kube::Pairs labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](auto& requirement) { return holds(requirement, labels); });
}

std::string Selector::to_string() const {
  std::string out;
  for (std::size_t i = 0; i < requirements_.size(); ++i) {
    auto& [key, op, values] = requirements_[i];
    if (i > 0) out += ',';
    if (op == Operator::does_not_exist) out += '!';
    out += key;
    if (values.empty()) continue;
    if (i < exact_) {
      out += "=" + values[0];
      continue;
    }
    out += op == Operator::in ? " in (" : " notin (";
    for (std::size_t k = 0; k < values.size(); ++k) out += (k > 0 ? "," : "") + values[k];
    out += ')';
  }
  return out;
}

}  // namespace weir::monitors

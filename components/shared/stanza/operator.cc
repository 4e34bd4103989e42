#include "components/shared/stanza/operator.h"

#include <cstdlib>

#include "ottl/value.h"

namespace weir::stanza {
namespace {

using expressions::Expression;
using config::field;

enum Name : std::size_t { body, dollar, dollar_body, attributes, resource, timestamp, severity_text, severity_number };
constexpr std::string_view variables[] = {"body", "$", "$body", "attributes", "resource", "timestamp", "severity_text", "severity_number"};
constexpr expressions::Vocabulary::Function functions[] = {{"env", 1}};
constexpr expressions::Vocabulary vocabulary{variables, functions};

class Surroundings final : public expressions::Environment {
 public:
  Surroundings(Entry& entry, Run& run) : entry_(entry), run_(run) {}

  expressions::Value variable(std::size_t index) override {
    switch (index) {
      case attributes: return expressions::Value::of(&entry_.attributes);
      case resource: return expressions::Value::of(&entry_.resource);
      case timestamp: return expressions::Value::of_unix_nanos(static_cast<UnixNanos>(entry_.time));
      case severity_text: return expressions::Value::of(entry_.severity_text);
      case severity_number: return expressions::Value::of(std::int64_t{entry_.severity});
      default: return expressions::Value::of(entry_.body, run_.arena, true);
    }
  }
  Result<expressions::Value> call(std::size_t, std::span<const expressions::Value> arguments) override {
    if (!arguments[0].is(expressions::Kind::text)) return fail(Errc::permanent, "env needs the name of a variable");
    const char* value = std::getenv(std::string(arguments[0].text).c_str());
    return expressions::Value::of(std::string_view(value ? value : ""));
  }
  UnixNanos now() const override { return run_.now; }

 private:
  Entry& entry_;
  Run& run_;
};

bool knows(std::span<const config::FieldInfo> rows, std::string_view key) {
  return std::any_of(rows.begin(), rows.end(), [&](auto& row) { return row.key.empty() ? knows(row.type->fields(), key) : row.key == key; });
}

}  // namespace

std::span<const config::Choice> choices_of(OnError) {
  static constexpr config::Choice rows[] = {
      {"send", OnError::send}, {"send_quiet", OnError::send_quiet}, {"drop", OnError::drop}, {"drop_quiet", OnError::drop_quiet}};
  return rows;
}

Result<Outputs> Outputs::decode(const config::Value& value, config::Context&) {
  Outputs out;
  if (value.is_scalar()) {
    if (!value.text().empty()) out.ids.push_back(value.text());
  } else if (value.is_list()) {
    for (auto& item : value.items()) {
      if (!item.is_scalar()) return fail(Errc::config, "expected the id of an operator, got {}", item.describe());
      out.ids.push_back(item.text());
    }
  } else if (!value.is_null()) {
    return fail(Errc::config, "expected the ids of operators, got {}", value.describe());
  }
  return out;
}

config::Value Outputs::encode() const {
  auto out = config::Value::list();
  for (auto& id : ids) out.push_back(config::Value::string(id));
  return out;
}

std::span<const config::FieldInfo> OperatorConfig::fields() {
  static const std::array rows{
      field<&OperatorConfig::type>("type", "Which operator."),
      field<&OperatorConfig::id>("id", "What `output` of others calls it; without it, its type, with a number when there are several."),
      field<&OperatorConfig::output>("output", "Where entries go; without it, to the next one."),
  };
  return rows;
}

std::vector<config::FieldInfo> joined(std::span<const config::FieldInfo> base, std::initializer_list<config::FieldInfo> own) {
  std::vector<config::FieldInfo> out(base.begin(), base.end());
  out.insert(out.end(), own);
  return out;
}

std::span<const config::FieldInfo> TransformerConfig::fields() {
  static const auto rows = joined(OperatorConfig::fields(), {
      field<&TransformerConfig::on_error>("on_error", "send: the entry goes on as it is, and the error is logged; drop: it ends here; _quiet: without a word."),
      field<&TransformerConfig::if_>("if", "An expression: where it is false, the entry goes on untouched."),
  });
  return rows;
}

config::Value without_unknown(const config::Value& value, std::span<const config::FieldInfo> rows, config::Context& context) {
  if (!value.is_map()) return value;
  config::Value out = value;
  std::erase_if(out.entries(), [&](const config::Entry& entry) {
    if (knows(rows, entry.key)) return false;
    config::Problems::Scope scope(context.problems(), entry.key);
    context.problems().warning(entry.mark, "unknown key; it has no effect");
    return true;
  });
  return out;
}

Result<Condition> Condition::compile(std::string_view text) {
  WEIR_ASSIGN(auto expression, Expression::compile(text, vocabulary, Expression::Want::boolean));
  return Condition(std::move(expression));
}

Result<bool> Condition::test(Entry& entry, Run& run) const {
  Surroundings around(entry, run);
  return expression_.test(around, run.arena);
}

Result<Expression> compile_value(std::string_view text) { return Expression::compile(text, vocabulary); }

Result<Value> evaluate(const Expression& expression, Entry& entry, Run& run) {
  Surroundings around(entry, run);
  WEIR_ASSIGN(auto value, expression.evaluate(around, run.arena));
  Value out;
  if (value.is(expressions::Kind::time)) return Value::of(run.arena.copy(format_rfc3339(static_cast<UnixNanos>(value.time.unix_nanos()))));
  if (!value.nil() && !ottl::to_otlp(value, run.arena, out)) return fail(Errc::permanent, "an entry cannot hold what the expression gives");
  return out;
}

Result<Template> Template::compile(std::string_view text) {
  constexpr std::string_view start = "EXPR(";
  Template out;
  while (true) {
    std::size_t begin = text.find(start);
    if (begin == text.npos) break;
    // It ends with the last bracket in front of the next one.
    std::size_t next = text.find(start, begin + start.size());
    std::size_t end = text.substr(0, next).rfind(')');
    if (end == text.npos || end < begin) break;
    WEIR_ASSIGN(auto expression, compile_value(text.substr(begin + start.size(), end - begin - start.size())));
    out.texts_.emplace_back(text.substr(0, begin));
    out.expressions_.push_back(std::move(expression));
    text.remove_prefix(end + 1);
  }
  out.texts_.emplace_back(text);
  return out;
}

Result<std::string_view> Template::render(Entry& entry, Run& run) const {
  if (expressions_.empty()) return std::string_view(texts_[0]);
  std::string out = texts_[0];
  for (std::size_t i = 0; i < expressions_.size(); ++i) {
    WEIR_ASSIGN(Value value, evaluate(expressions_[i], entry, run));
    if (!value.is(ValueType::string)) return fail(Errc::permanent, "embedded expression returned non-string {}", text_of(value));
    out += value.text;
    out += texts_[i + 1];
  }
  return out.empty() ? std::string_view("") : run.arena.copy(out);
}

Result<> Transformer::prepare(const TransformerConfig& config) {
  on_error_ = config.on_error;
  if (config.if_.empty()) return {};
  WEIR_ASSIGN(if_, Condition::compile(config.if_));
  return {};
}

Operator::Then Transformer::failed(const Error& error, Run& run) {
  bool dropped = on_error_ == OnError::drop || on_error_ == OnError::drop_quiet;
  bool quiet = on_error_ == OnError::send_quiet || on_error_ == OnError::drop_quiet;
  if (!quiet || dropped) run.failed(*this, quiet ? Error{} : error, dropped);
  return dropped ? Then::drop : Then::next;
}

std::optional<bool> Transformer::wanted(Entry& entry, Run& run, Then& then) {
  if (!if_) return true;
  auto holds = if_->test(entry, run);
  if (holds) return *holds;
  then = failed(Error{Errc::permanent, "running if expr: " + holds.error().what}, run);
  return {};
}

Operator::Then Transformer::process(Entry& entry, Run& run) {
  Then then = Then::next;
  auto go = wanted(entry, run, then);
  if (!go) return then;
  if (!*go) return Then::next;
  if (auto done = transform(entry, run); !done) return failed(done.error(), run);
  return Then::next;
}

}  // namespace weir::stanza

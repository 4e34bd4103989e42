#pragma once
// One step of a chain of operators, as it runs on one core, and what a user writes about it.
#include "base/log.h"
#include "components/shared/expressions/expression.h"
#include "components/shared/stanza/field.h"

namespace weir::stanza {

class Run;

class Operator {
 public:
  // What becomes of the entry: it goes to the outputs, ends here, or was kept (or passed on already) by the operator.
  enum class Then : std::uint8_t { next, drop, taken };

  virtual ~Operator() = default;
  virtual Then process(Entry& entry, Run& run) = 0;
  // What is held longer than it may be goes on.
  virtual void tick(Run&) {}
  // Everything that is held goes on.
  virtual void drain(Run&) {}
  // Where the oldest entry begins that is held of a source; nullopt: none is.
  virtual std::optional<std::uint64_t> oldest(std::uint64_t) const { return {}; }
  // True when tick() may have something to do.
  virtual bool holds() const { return false; }
};

// What operators may do with the chain they are in.
class Run {
 public:
  virtual ~Run() = default;
  Arena arena;            // for what is made for an entry; reset between entries that nobody holds
  UnixNanos now = 0;
  // Sends an entry on, as if the operator had returned `next` for it.
  virtual void forward(const Operator& from, Entry& entry) = 0;
  // To one output among those that the operator's settings name.
  virtual void forward_to(const Operator& from, std::size_t output, Entry& entry) = 0;
  // Says it in the log, a few times a second at most.
  virtual void failed(const Operator& from, const Error& error, bool dropped) = 0;
  virtual void filtered() = 0;
};

// ---- settings ------------------------------------------------------------------------------------------------------

// One id or a list of them.
struct Outputs {
  static constexpr std::string_view config_type = "id or list of ids";
  static Result<Outputs> decode(const config::Value& value, config::Context& context);
  config::Value encode() const;
  std::vector<std::string> ids;
};

struct OperatorConfig {
  std::string id, type;
  Outputs output;
  static std::span<const config::FieldInfo> fields();
};

enum class OnError : std::uint8_t { send, send_quiet, drop, drop_quiet };
std::span<const config::Choice> choices_of(OnError);

struct TransformerConfig : OperatorConfig {
  OnError on_error = OnError::send;
  std::string if_;
  static std::span<const config::FieldInfo> fields();
};

// Rows of a base and rows of one's own, in one.
std::vector<config::FieldInfo> joined(std::span<const config::FieldInfo> base, std::initializer_list<config::FieldInfo> own);

// ---- expressions ---------------------------------------------------------------------------------------------------

// `if` and the like: what they see is the entry.
class Condition {
 public:
  static Result<Condition> compile(std::string_view text);
  Result<bool> test(Entry& entry, Run& run) const;

 private:
  explicit Condition(expressions::Expression expression) : expression_(std::move(expression)) {}
  expressions::Expression expression_;
};

// EXPR(...): a value.
Result<expressions::Expression> compile_value(std::string_view text);
Result<Value> evaluate(const expressions::Expression& expression, Entry& entry, Run& run);

// "text EXPR(...) text": always a text.
class Template {
 public:
  static Result<Template> compile(std::string_view text);
  // Fails when a part of it is no text.
  Result<std::string_view> render(Entry& entry, Run& run) const;

 private:
  std::vector<std::string> texts_;  // one more than expressions
  std::vector<expressions::Expression> expressions_;
};

// ---- operators that change entries ---------------------------------------------------------------------------------

class Transformer : public Operator {
 public:
  Then process(Entry& entry, Run& run) override;

 protected:
  // Before anything else; the settings outlive the operator.
  Result<> prepare(const TransformerConfig& config);
  virtual Result<> transform(Entry& entry, Run& run) = 0;
  // False: the entry is passed on as it is. Errors are dealt with: nullopt then, and `then` says what becomes of it.
  std::optional<bool> wanted(Entry& entry, Run& run, Then& then);
  Then failed(const Error& error, Run& run);

 private:
  OnError on_error_ = OnError::send;
  std::optional<Condition> if_;
};

// ---- the registry --------------------------------------------------------------------------------------------------

// What a user wrote for one operator, checked.
class Settings {
 public:
  virtual ~Settings() = default;
  virtual Result<std::unique_ptr<Operator>> make() const = 0;
  virtual config::Value encode() const = 0;
  // All outputs that are named, in the order of Run::forward_to.
  virtual std::vector<std::string> outputs() const = 0;
  // False for operators that only send where outputs() says.
  virtual bool goes_on() const { return true; }
  const OperatorConfig* common = nullptr;
};

struct OperatorType {
  std::string_view type;
  std::shared_ptr<const Settings> (*read)(const config::Value& value, config::Context& context);  // null after errors
  std::span<const config::FieldInfo> (*fields)();
};
std::span<const OperatorType> operator_types();

// Takes what is no setting out of a map, with a warning: the Go collector does not look at it.
config::Value without_unknown(const config::Value& value, std::span<const config::FieldInfo> rows, config::Context& context);

template <class Config, class Op>
class SettingsOf final : public Settings {
 public:
  explicit SettingsOf(Config config) : config_(std::move(config)) { common = &config_; }
  Result<std::unique_ptr<Operator>> make() const override {
    auto op = Op::make(config_);
    if (!op) return std::unexpected(op.error());
    return std::unique_ptr<Operator>(std::move(*op));
  }
  config::Value encode() const override { return config::to_value(config_); }
  std::vector<std::string> outputs() const override {
    if constexpr (requires { config_.all_outputs(); })
      return config_.all_outputs();
    else
      return config_.output.ids;
  }
  bool goes_on() const override { return !requires { Op::ends_here; } && !requires { config_.all_outputs(); }; }

 private:
  Config config_;
};

template <class Config, class Op>
OperatorType operator_type(std::string_view type) {
  return {type,
          [](const config::Value& value, config::Context& context) -> std::shared_ptr<const Settings> {
            Config config;
            if (!config::decode_fields(without_unknown(value, Config::fields(), context), config, context)) return nullptr;
            auto settings = std::make_shared<SettingsOf<Config, Op>>(std::move(config));  // shared by the cores' chains
            // Made once to find out what is wrong with it.
            if (auto made = settings->make(); !made) return context.error(value, "{}", made.error().what), nullptr;
            return settings;
          },
          &Config::fields};
}

}  // namespace weir::stanza

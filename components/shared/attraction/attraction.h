#pragma once
// A list of actions on attributes, compiled.
#include "base/regex.h"
#include "components/shared/attraction/action.h"
#include "otlp/batch.h"

namespace weir::attraction {

// One core. enter() a batch, then apply() to as many of its attribute lists as wanted. What is set lives in the batch's
// arena; nothing else is allocated for an item.
class Actions {
 public:
  // Of settings that were validated; Errc::config otherwise.
  static Result<Actions> make(std::span<const Action> actions);
  Actions(Actions&&) noexcept;
  Actions& operator=(Actions&&) noexcept;
  ~Actions();

  // `arena` and `context` (null: nothing is known about the request) must stay until the next enter().
  void enter(Arena& arena, const otlp::Context* context);
  // Runs all actions in order. True when something is different now.
  bool apply(otlp::Attributes& attributes);
  // False when apply() would surely change nothing of a message with these bytes: saves decoding it.
  bool may_change(std::string_view message) const;

 private:
  // What of a step has been brought into the current batch's arena.
  struct Bound {
    bool key = false, value = false;
    std::string_view key_text;
    std::optional<otlp::Value> constant;  // from value, from_context or default_value
    std::vector<std::string_view> groups;
  };
  struct Step {
    Action settings;
    std::optional<Regex> regex;
    std::vector<std::string> groups;
    std::string needs;  // no message without this text is changed; empty: any may be
    otlp::Value value;  // constant, in constants_
    Bound bound;
  };

  class Hasher;

  Actions();
  bool run(Step& step, otlp::Attributes& attributes);
  bool set(Step& step, otlp::Attributes& attributes);
  bool remove(const Step& step, otlp::Attributes& attributes);
  bool hash(Step& step, otlp::Attributes& attributes);
  bool extract(Step& step, otlp::Attributes& attributes);
  bool convert(const Step& step, otlp::Attributes& attributes);

  std::string_view key_of(Step& step);
  std::optional<otlp::Value> source(Step& step, const otlp::Attributes& attributes);
  const std::optional<otlp::Value>& constant(Step& step);
  std::optional<otlp::Value> from_context(std::string_view name);
  otlp::Value text(std::string_view made) { return otlp::Value::of(arena_->copy(made)); }
  otlp::Value hashed(const otlp::Value& value);
  bool assign(otlp::Value& to, const otlp::Value& value);

  std::vector<Step> steps_;
  Arena constants_;
  std::unique_ptr<Hasher> hasher_;  // when a step hashes
  Arena* arena_ = nullptr;  // of the batch entered
  const otlp::Context* context_ = nullptr;
};

// Applies to a resource, scope or item and marks it as changed only when it is.
template <class T>
void apply(Actions& actions, otlp::Lazy<T>& message, Arena& arena) {
  if (!message.dirty() && !actions.may_change(message.raw())) return;
  // read() gives the decoded message, which edit() gives too and marks: it is ours to change either way.
  if (actions.apply(const_cast<otlp::Attributes&>(message.read(arena).attributes))) message.edit(arena);
}

}  // namespace weir::attraction

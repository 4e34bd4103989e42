#pragma once
// A resource, a scope and one item to run statements on, for tests.
#include "ottl/ottl.h"

namespace weir::ottl {

class Bench {
 public:
  explicit Bench(ContextId context = ContextId::log, Options options = {}) : context_(context), options_(options), c(arena, clock, rng) {
    group.scopes.resize(1);
    group.resource = otlp::Lazy<otlp::Resource>(&resource);
    group.scopes[0].scope = otlp::Lazy<otlp::Scope>(&scope);
    set(resource.attributes, "service.name", "checkout");
    scope.name = "lib.a";
    scope.version = "1.2.3";
    c.resource = &group;
    c.scope = &group.scopes[0];
    auto add = [&](auto& message) { group.scopes[0].items.push_back(otlp::Item::of(&message)); };
    if (context == ContextId::span || context == ContextId::spanevent) add(span);
    if (context == ContextId::metric || context == ContextId::datapoint) add(metric);
    if (context == ContextId::log) add(log);
    if (!group.scopes[0].items.empty()) c.set_item(0);
  }

  void set(otlp::Attributes& to, std::string_view key, std::string_view text) { to.set(arena, key, otlp::Value::of(text)); }
  void set(otlp::Attributes& to, std::string_view key, std::int64_t number) { to.set(arena, key, otlp::Value::of(number)); }
  void set(otlp::Attributes& to, std::string_view key, double number) { to.set(arena, key, otlp::Value::of(number)); }
  void set_bool(otlp::Attributes& to, std::string_view key, bool flag) { to.set(arena, key, otlp::Value::of(flag)); }

  // The value of an expression as type and JSON, e.g. `string "a"`, or "error: …", or "config: …".
  std::string eval(std::string_view expression);
  // Runs statements; the error, or "".
  std::string run(std::vector<std::string> statements);
  // "true", "false" or the error.
  std::string test(std::string condition);

 private:
  ContextId context_;
  Options options_;

 public:
  Arena arena;
  ManualClock clock;
  Rng rng{1};
  otlp::ResourceGroup group;
  otlp::Resource resource;
  otlp::Scope scope;
  otlp::Span span;
  otlp::LogRecord log;
  otlp::Metric metric;
  EvalContext c;
};

}  // namespace weir::ottl

#pragma once
// Where in a list of statements or conditions the mistakes are.
#include "config/field.h"
#include "ottl/ottl.h"

namespace weir::ottl {

// After the whole list failed with `error`: reports each element that fails alone, at its place below `key`, or the
// error at `key` when each is right by itself. `alone`: what is wrong with one element.
template <class Alone>
void report_elements(std::size_t count, std::string_view key, const Error& error, config::Context& context, Alone alone) {
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    Result<> result = alone(i);
    if (result) continue;
    any = true;
    context.error_at(fmt::format("{}::{}", key, i), std::move(result.error().what));
  }
  if (!any) context.error_at(key, error.what);
}

// Conditions of one context.
inline void check_conditions(ContextId what, const std::vector<std::string>& conditions, const Options& options, std::string_view key,
                             config::Context& context) {
  auto compiled = Conditions::compile(what, conditions, options);
  if (compiled) return;
  report_elements(conditions.size(), key, compiled.error(), context, [&](std::size_t i) -> Result<> {
    WEIR_TRY(Conditions::compile(what, std::span(&conditions[i], 1), options));
    return {};
  });
}

}  // namespace weir::ottl

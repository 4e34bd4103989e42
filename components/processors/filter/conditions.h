#pragma once
// Conditions as settings, and as what a pass over a batch drops by.
#include "components/shared/ottl_settings/error_mode.h"
#include "otlp/codec.h"

namespace weir::processors::filter {

// Conditions of one context; without a context each condition's paths tell it.
struct Block {
  std::string context;
  std::vector<std::string> conditions;
  std::optional<ottl::ErrorMode> error_mode;

  static std::span<const config::FieldInfo> fields();
};

// A list of conditions, which is one block, or a list of blocks.
struct ConditionBlocks {
  bool given = false;  // even when empty
  bool flat = false;   // written as a list of conditions
  std::vector<Block> blocks;

  static constexpr std::string_view config_type = "list of conditions, or list of {context, conditions, error_mode}";
  static Result<ConditionBlocks> decode(const config::Value& value, config::Context& context);
  config::Value encode() const;
};

// What one pass drops: whatever a condition of its context holds for, with all that lies in it. `part` is for span events
// and data points.
struct Rules {
  ottl::Conditions resource, scope, item, part;
  ottl::ErrorMode error_mode{};
  otlp::Excerpt excerpt = otlp::Excerpt::nothing();  // what conditions on items and parts look at

  // The block's conditions, each in its own context.
  static Result<Rules> make(const Block& block, otlp::Signal signal, ottl::ErrorMode standard);
  // Lists whose contexts are known, null for those that were not given.
  using List = const std::vector<std::string>*;
  static Result<Rules> make(List resource, List item, List part, otlp::Signal signal, ottl::ErrorMode mode);

  bool below_resource() const { return !scope.empty() || below_scope(); }
  bool below_scope() const { return !item.empty() || !part.empty(); }
};

}  // namespace weir::processors::filter

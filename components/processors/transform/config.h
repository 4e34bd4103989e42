#pragma once
#include "components/shared/ottl_settings/error_mode.h"

namespace weir::processors::transform {

// Statements that run one after another for each item, before the next item.
struct Block {
  std::string context;                 // "" = told by the statements' paths
  std::vector<std::string> conditions;
  std::vector<std::string> statements;
  std::optional<ottl::ErrorMode> error_mode;

  static std::span<const config::FieldInfo> fields();
};

// A list of statements, which is one block, or a list of blocks.
struct Blocks {
  std::vector<Block> blocks;
  bool flat = false;  // written as a list of statements

  static constexpr std::string_view config_type = "list of statements, or list of {context, conditions, statements, error_mode}";
  static Result<Blocks> decode(const config::Value& value, config::Context& context);
  config::Value encode() const;
};

struct Config {
  ottl::ErrorMode error_mode = ottl::ErrorMode::ignore;
  Blocks trace_statements, metric_statements, log_statements, profile_statements;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::transform

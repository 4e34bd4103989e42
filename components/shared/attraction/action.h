#pragma once
// Settings of one action on attributes.
#include "config/field.h"

namespace weir::attraction {

enum class Verb : std::uint8_t { none, insert, update, upsert, remove, hash, extract, convert };
std::span<const config::Choice> choices_of(Verb);

enum class Target : std::uint8_t { none, string, integer, real };
std::span<const config::Choice> choices_of(Target);

struct Action {
  std::string key;
  Verb action = Verb::none;
  config::Value value, default_value;  // null: not given
  std::string from_attribute, from_context;
  std::string pattern;
  Target converted_type = Target::none;

  static std::span<const config::FieldInfo> fields();
  // What does not go together, with the words that people search for.
  void validate(config::Context& context) const;
};

}  // namespace weir::attraction

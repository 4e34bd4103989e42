#pragma once
// One rule of relabel_configs or metric_relabel_configs as users write it.
#include "components/shared/scrape/labels.h"
#include "config/field.h"

namespace weir::scrape {

enum class Action : std::uint8_t { replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase };
std::span<const config::Choice> choices_of(Action);
std::string_view to_string(Action action);

struct Rule {
  static constexpr std::string_view any = "(.*)", first_group = "$1";

  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = std::string(any);
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = std::string(first_group);
  Action action = Action::replace;

  static std::span<const config::FieldInfo> fields();
  // Errc::config with what does not go together.
  Result<> check(Naming naming) const;
};

}  // namespace weir::scrape

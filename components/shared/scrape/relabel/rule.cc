#include "components/shared/scrape/relabel/rule.h"

#include <algorithm>

#include "base/regex.h"
#include "base/text.h"

namespace weir::scrape {
namespace {

constexpr config::Choice actions[] = {
    {"replace", Action::replace},     {"keep", Action::keep},           {"drop", Action::drop},
    {"keepequal", Action::keepequal}, {"dropequal", Action::dropequal}, {"hashmod", Action::hashmod},
    {"labelmap", Action::labelmap},   {"labeldrop", Action::labeldrop}, {"labelkeep", Action::labelkeep},
    {"lowercase", Action::lowercase}, {"uppercase", Action::uppercase},
};

bool one_of(Action action, std::initializer_list<Action> list) { return std::find(list.begin(), list.end(), action) != list.end(); }

bool has_variable(std::string_view text) { return text.find('$') != text.npos; }

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); }

// The old set of characters, and $1, ${1} between them.
bool valid_legacy_template(std::string_view text) {
  bool begun = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      if (!is_word(text[i]) || (!begun && text[i] >= '0' && text[i] <= '9')) return false;
      begun = true;
      ++i;
      continue;
    }
    bool braced = ++i < text.size() && text[i] == '{';
    if (braced) ++i;
    std::size_t from = i;
    while (i < text.size() && is_word(text[i])) ++i;
    if (i == from || (braced && (i >= text.size() || text[i] != '}'))) return false;
    if (braced) ++i;
    begun = true;
  }
  return begun;
}

bool valid_template(std::string_view text, Naming naming) {
  return naming == Naming::utf8 ? valid_label_name(text, naming) : valid_legacy_template(text);
}

}  // namespace

std::span<const config::Choice> choices_of(Action) { return actions; }

std::string_view to_string(Action action) {
  for (auto& row : actions)
    if (row.value == static_cast<std::int64_t>(action)) return row.name;
  return "";
}

std::span<const config::FieldInfo> Rule::fields() {
  using config::field;
  static const std::array rows{
      field<&Rule::source_labels>("source_labels", "Labels whose values are joined and looked at."),
      field<&Rule::separator>("separator", "Stands between the joined values."),
      field<&Rule::regex>("regex", "What all of the joined values, or all of a label's name, must match."),
      field<&Rule::modulus>("modulus", "hashmod: one more than the greatest result."),
      field<&Rule::target_label>("target_label", "The label that is set or compared; replace: may have $1."),
      field<&Rule::replacement>("replacement", "Its new value; labelmap: its new name. $1 is what a group matched."),
      field<&Rule::action>("action", "What is done."),
  };
  return rows;
}

Result<> Rule::check(Naming naming) const {
  using enum Action;
  auto name = to_string(action);
  if (auto compiled = Regex::compile(fmt::format("(?s:{})", regex)); !compiled) return compiled.error().what.empty() ? fail(Errc::config, "regex \"{}\" is none", regex) : fail(compiled.error());
  for (auto& label : source_labels)
    if (!valid_label_name(label, Naming::utf8)) return fail(Errc::config, "{} is not a valid label name", quote_json(label));
  if (action == hashmod && modulus == 0) return fail(Errc::config, "relabel configuration for hashmod requires non-zero modulus");
  if (one_of(action, {replace, hashmod, lowercase, uppercase, keepequal, dropequal}) && target_label.empty())
    return fail(Errc::config, "relabel configuration for {} action requires 'target_label' value", name);
  bool templated = action == replace && has_variable(target_label);
  if (templated && !valid_template(target_label, naming)) return fail(Errc::config, "{} is invalid 'target_label' for {} action", quote_json(target_label), name);
  if (!templated && one_of(action, {replace, hashmod, lowercase, uppercase, keepequal, dropequal}) && !valid_label_name(target_label, naming))
    return fail(Errc::config, "{} is invalid 'target_label' for {} action", quote_json(target_label), name);
  if (one_of(action, {lowercase, uppercase, keepequal, dropequal}) && replacement != first_group)
    return fail(Errc::config, "'replacement' can not be set for {} action", name);
  if (action == labelmap && !valid_template(replacement, naming)) return fail(Errc::config, "{} is invalid 'replacement' for {} action", quote_json(replacement), name);
  bool others = modulus != 0 || separator != ";" || replacement != first_group;
  if (one_of(action, {dropequal, keepequal}) && (regex != any || others))
    return fail(Errc::config, "{} action requires only 'source_labels' and `target_label`, and no other fields", name);
  if (one_of(action, {labeldrop, labelkeep}) && (!source_labels.empty() || !target_label.empty() || others))
    return fail(Errc::config, "{} action requires only 'regex', and no other fields", name);
  return {};
}

}  // namespace weir::scrape

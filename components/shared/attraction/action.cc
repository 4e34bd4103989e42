#include "components/shared/attraction/action.h"

#include "base/regex.h"

namespace weir::attraction {
namespace {

bool sets_value(Verb verb) { return verb == Verb::insert || verb == Verb::update || verb == Verb::upsert; }
bool selects_keys(Verb verb) { return verb == Verb::remove || verb == Verb::hash; }

std::string_view name_of(Verb verb) {
  for (auto& choice : choices_of(verb))
    if (choice.value == static_cast<std::int64_t>(verb)) return choice.name;
  return "";
}

void unused(const Action& action, std::string_view key, config::Context& context) {
  context.error_at(key, fmt::format("action \"{}\" does not use the \"{}\" field", name_of(action.action), key));
}

void check_sources(const Action& a, config::Context& context) {
  int sources = !a.value.is_null() + !a.from_attribute.empty() + !a.from_context.empty();
  if (sources > 1) context.error_at("", "multiple value sources being set: one of \"value\", \"from_attribute\" and \"from_context\"");
  if (sources == 0 && a.default_value.is_null())
    context.error_at("", "either field \"value\", \"from_attribute\", \"from_context\" or \"default_value\" must be specified");
}

void check_no_sources(const Action& a, config::Context& context) {
  if (!a.value.is_null()) unused(a, "value", context);
  if (!a.from_attribute.empty()) unused(a, "from_attribute", context);
  if (!a.from_context.empty() && !selects_keys(a.action)) unused(a, "from_context", context);
}

void check_groups(const Regex& regex, config::Context& context) {
  auto names = regex.group_names();
  if (names.empty()) context.error_at("pattern", "contains no named matcher groups");
  if (std::find(names.begin(), names.end(), "") != names.end())
    context.error_at("pattern", "contains at least one unnamed matcher group");
}

void check_pattern(const Action& a, config::Context& context) {
  if (a.pattern.empty()) {
    if (a.action == Verb::extract) context.error_at("", "missing required field \"pattern\" for action \"extract\"");
    return;
  }
  if (!selects_keys(a.action) && a.action != Verb::extract) return unused(a, "pattern", context);
  auto regex = Regex::compile(a.pattern);
  if (!regex) return context.error_at("pattern", regex.error().what);
  if (a.action == Verb::extract) check_groups(*regex, context);
}

}  // namespace

std::span<const config::Choice> choices_of(Verb) {
  static constexpr config::Choice rows[] = {
      {"insert", Verb::insert}, {"update", Verb::update}, {"upsert", Verb::upsert},  {"delete", Verb::remove},
      {"hash", Verb::hash},     {"extract", Verb::extract}, {"convert", Verb::convert}};
  return rows;
}

std::span<const config::Choice> choices_of(Target) {
  static constexpr config::Choice rows[] = {{"string", Target::string}, {"int", Target::integer}, {"double", Target::real}};
  return rows;
}

std::span<const config::FieldInfo> Action::fields() {
  using namespace config;
  static const std::array rows{
      field<&Action::key>("key", "Name of the attribute."),
      field<&Action::action>("action",
                             "insert: when absent; update: when present; upsert: always; delete; hash: SHA-256 in hex; "
                             "extract: named groups of pattern become attributes; convert: to another type.",
                             {.required = true}),
      field<&Action::value>("value", "What to set; its YAML type is kept."),
      field<&Action::from_attribute>("from_attribute", "Set what this attribute has; nothing happens when it is absent."),
      field<&Action::from_context>("from_context", "Set what the request had: metadata.<header>, auth.<name> or client.address."),
      field<&Action::default_value>("default_value", "What to set when the source is absent."),
      field<&Action::pattern>("pattern", "extract: matched with the value; delete and hash: with the names of all attributes."),
      field<&Action::converted_type>("converted_type", "convert: the type to convert to."),
  };
  return rows;
}

void Action::validate(config::Context& context) const {
  if (key.empty() && !selects_keys(action)) context.error_at("", "missing required field \"key\"");
  if (key.empty() && pattern.empty() && selects_keys(action))
    context.error_at("", "missing required field: at least one of \"key\" and \"pattern\" has to be used");
  sets_value(action) ? check_sources(*this, context) : check_no_sources(*this, context);
  check_pattern(*this, context);
  if (action == Verb::convert && converted_type == Target::none)
    context.error_at("", "missing required field \"converted_type\" for action \"convert\"");
  if (action != Verb::convert && converted_type != Target::none) unused(*this, "converted_type", context);
}

}  // namespace weir::attraction

#include "components/receivers/httpcheck/validation.h"

namespace weir::receivers::httpcheck {

Result<Validator> Validator::make(std::span<const Validation> rules) {
  Validator out;
  for (auto& settings : rules) {
    Rule rule{.settings = settings};
    if (!settings.json_path.empty()) {
      WEIR_ASSIGN(rule.path, JsonPath::parse(settings.json_path));
    }
    if (!settings.regex.empty()) {
      WEIR_ASSIGN(rule.regex, Regex::compile(settings.regex));
    }
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

std::vector<Verdict> Validator::check(std::string_view body) const {
  std::vector<Verdict> out;
  auto note = [&](std::string_view type, bool holds) {
    auto at = std::ranges::find(out, type, &Verdict::type);
    if (at == out.end()) at = out.insert(out.end(), {type});
    ++(holds ? at->passed : at->failed);
  };
  auto size = static_cast<std::int64_t>(body.size());
  for (auto& [settings, path, regex] : rules_) {
    if (!settings.contains.empty()) note("contains", body.find(settings.contains) != body.npos);
    if (!settings.not_contains.empty()) note("not_contains", body.find(settings.not_contains) == body.npos);
    if (path) {
      auto found = path->find(body);
      note("json_path", found && (settings.equals.empty() || *found == settings.equals));
      if (!found) continue;  // as the Go collector does: what else this rule asks for is not looked at
    }
    if (settings.max_size) note("size", size <= *settings.max_size);
    if (settings.min_size) note("size", size >= *settings.min_size);
    if (regex) note("regex", regex->matches(body));
  }
  return out;
}

}  // namespace weir::receivers::httpcheck

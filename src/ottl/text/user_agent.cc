#include "ottl/text/user_agent.h"

#include <map>

namespace weir::ottl {
namespace {

using RuleLists = std::map<std::string, std::vector<AgentRules::Rule>, std::less<>>;

// A line of the file: `name:`, `  - key: 'text'` or `    key: 'text'`.
struct Line {
  bool starts_list = false, starts_rule = false;
  std::string_view key;
  std::string text;
};

bool read_line(std::string_view line, Line& out) {
  out.starts_list = !line.starts_with(' ');
  if (out.starts_list) return line.ends_with(':') && (out.key = line.substr(0, line.size() - 1), true);
  out.starts_rule = line.starts_with("  - ");
  if (!out.starts_rule && !line.starts_with("    ")) return false;
  line.remove_prefix(4);
  std::size_t colon = line.find(": '");
  if (colon == std::string_view::npos || !line.ends_with('\'') || line.size() < colon + 4) return false;
  out.key = line.substr(0, colon);
  std::string_view quoted = line.substr(colon + 3, line.size() - colon - 4);
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    out.text += quoted[i];
    if (quoted[i] == '\'' && (++i == quoted.size() || quoted[i] != '\'')) return false;
  }
  return true;
}

// "v2_replacement" and "os_v2_replacement" are part 1; anything else is none.
bool set_replacement(AgentRules::Rule& rule, std::string_view key, std::string text) {
  if (!key.ends_with("_replacement")) return false;
  key.remove_suffix(std::string_view("_replacement").size());
  if (text.empty()) return true;
  if (key == "family" || key == "os") return rule.name = std::move(text), true;
  if (key.starts_with("os_")) key.remove_prefix(3);
  if (key.size() != 2 || key[0] != 'v' || key[1] < '1' || key[1] > '4') return false;
  std::size_t part = static_cast<std::size_t>(key[1] - '1');
  if (part >= rule.version.size()) return false;
  return rule.version[part] = std::move(text), true;
}

bool add_line(std::vector<AgentRules::Rule>& rules, std::size_t version_parts, Line& line) {
  if (line.starts_rule) {
    if (line.key != "regex") return false;
    AgentRules::Rule rule{.regex = std::move(line.text), .version = {"$2", "$3", "$4", "$5"}};
    rule.version.resize(version_parts);
    rules.push_back(std::move(rule));
    return true;
  }
  if (rules.empty()) return false;
  if (line.key == "regex_flag") return rules.back().regex.insert(0, "(?" + line.text + ")"), true;
  return set_replacement(rules.back(), line.key, std::move(line.text));
}

Result<RuleLists> read_rules(std::string_view text) {
  RuleLists out;
  std::vector<AgentRules::Rule>* rules = nullptr;
  std::size_t version_parts = 0;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    if (whole.empty()) continue;
    Line line;
    if (!read_line(whole, line)) return fail(Errc::config, "rules of user agents, line {}: cannot read '{}'", number, whole);
    if (line.starts_list) {
      rules = &out[std::string(line.key)];
      version_parts = line.key == "os_parsers" ? 4 : 3;
    } else if (rules == nullptr || !add_line(*rules, version_parts, line)) {
      return fail(Errc::config, "rules of user agents, line {}: '{}' is not expected here", number, whole);
    }
  }
  return out;
}

// The parts from left to right; an empty one leaves no dot.
void append_part(std::string& version, bool first, std::string_view part) {
  if (part.empty()) return;
  if (!first) version += '.';
  version += part;
}

}  // namespace

Result<AgentRules> AgentRules::compile(const std::vector<Rule>& rules) {
  AgentRules out;
  out.rules_.reserve(rules.size());
  for (auto& rule : rules) {
    WEIR_ASSIGN(auto pattern, Pattern::regex(rule.regex));
    out.rules_.push_back({std::move(pattern), rule});
  }
  return out;
}

void AgentRules::find(std::string_view agent, std::string& name, std::string& version) const {
  std::vector<std::string_view> found;
  for (auto& [pattern, rule] : rules_) {
    if (!pattern.find(agent, 0, found)) continue;
    name.clear();
    version.clear();
    pattern.expand(rule.name, found, name);
    std::string part;
    for (std::size_t i = 0; i < rule.version.size(); ++i) {
      part.clear();
      pattern.expand(rule.version[i], found, part);
      append_part(version, i == 0, part);
    }
    if (!name.empty()) return;
  }
  name = "Other";
}

Result<UserAgentParser> UserAgentParser::make(std::string_view rules) {
  WEIR_ASSIGN(auto lists, read_rules(rules));
  WEIR_ASSIGN(auto agents, AgentRules::compile(lists["user_agent_parsers"]));
  WEIR_ASSIGN(auto systems, AgentRules::compile(lists["os_parsers"]));
  return UserAgentParser(std::move(agents), std::move(systems));
}

const UserAgentParser& UserAgentParser::shared() {
  static const UserAgentParser parser = [] {
    auto made = make(user_agent_rules);
    WEIR_CHECK(made.has_value(), "{}", made.error().what);
    return std::move(*made);
  }();
  return parser;
}

UserAgent UserAgentParser::parse(std::string_view agent) const {
  UserAgent out;
  agent = agent.substr(0, longest);
  agents_.find(agent, out.name, out.version);
  systems_.find(agent, out.os_name, out.os_version);
  return out;
}

}  // namespace weir::ottl

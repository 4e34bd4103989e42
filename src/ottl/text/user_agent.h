#pragma once
// Which browser and system a User-Agent header speaks of, by the rules of uap-core.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ottl/text/pattern.h"


namespace weir::ottl {

// third_party/uap-core/regexes.yaml, put into the program by the build.
extern const std::string_view user_agent_rules;

struct UserAgent {
  std::string name, version;        // "Firefox", "126.0"; "Other" when no rule knows it
  std::string os_name, os_version;
};

// One list of rules; the first that matches and finds a name counts. Matching is safe from every core.
class AgentRules {
 public:
  struct Rule {
    std::string regex;
    std::string name = "$1";
    std::vector<std::string> version;  // what the parts of the version are made of
  };
  static Result<AgentRules> compile(const std::vector<Rule>& rules);

  void find(std::string_view agent, std::string& name, std::string& version) const;
  std::size_t size() const { return rules_.size(); }

 private:
  struct Compiled {
    Pattern pattern;
    Rule rule;
  };
  std::vector<Compiled> rules_;
};

class UserAgentParser {
 public:
  // Only the first bytes of longer texts are looked at, so that a text costs a bounded time.
  static constexpr std::size_t longest = 4096;

  // From YAML of the one form uap-core has; errors name the line.
  static Result<UserAgentParser> make(std::string_view rules);
  // The one with the rules in the program; made at the first call, which takes some 50 ms.
  static const UserAgentParser& shared();

  UserAgent parse(std::string_view agent) const;
  std::size_t agent_rules() const { return agents_.size(); }
  std::size_t os_rules() const { return systems_.size(); }

 private:
  UserAgentParser(AgentRules agents, AgentRules systems) : agents_(std::move(agents)), systems_(std::move(systems)) {}
  AgentRules agents_, systems_;
};

}  // namespace weir::ottl

#include "ottl/text/user_agent.h"

#include <doctest/doctest.h>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

std::string parsed(const UserAgentParser& parser, std::string_view agent) {
  UserAgent found = parser.parse(agent);
  return fmt::format("{} {} on {} {}", found.name, found.version, found.os_name, found.os_version);
}

TEST_CASE("all rules of the file are read, in order") {
  const auto& parser = UserAgentParser::shared();
  auto count = [](std::string_view text) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find("\n  - regex: ", at)) != std::string_view::npos; ++at) ++n;
    return n;
  };
  std::size_t systems = user_agent_rules.find("\nos_parsers:");
  CHECK(parser.agent_rules() == count(user_agent_rules.substr(0, systems)));
  CHECK(parser.os_rules() == count(user_agent_rules.substr(systems)));
  CHECK(parser.os_rules() > 100);
}

TEST_CASE("browsers, robots and programs") {
  const auto& parser = UserAgentParser::shared();
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0", "Firefox 126.0 on Linux "},
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51",
       "Edge 124.0.2478 on Windows 10"},
      {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
       "Mobile Safari 17.4.1 on iOS 17.4.1"},
      {"curl/8.1.2", "curl 8.1.2 on Other "},
      {"", "Other  on Other "},
      {"nobody knows this one", "Other  on Other "},
  };
  for (auto& [agent, expected] : rows) {
    CAPTURE(agent);
    CHECK(parsed(parser, agent) == expected);
  }
}

TEST_CASE("the first rule that finds a name counts; empty parts of a version leave no dot") {
  auto parser = UserAgentParser::make(R"(user_agent_parsers:
  - regex: 'no (name)?\d'
  - regex: '(\w+) its ''own'' (\d+)'
    regex_flag: 'i'
    family_replacement: 'The $1'
    v2_replacement: '7'
  - regex: '(\w+)'
os_parsers:
  - regex: '(OS) (\d+)\.(\d+)\.(\d+)\.(\d+)'
    os_v1_replacement: 'v$2'
)");
  REQUIRE(parser);
  CHECK(parsed(*parser, "ONE ITS 'OWN' 3") == "The ONE 3.7 on Other ");
  CHECK(parsed(*parser, "no 1") == "no  on Other ");
  CHECK(parsed(*parser, "OS 1.2.3.4") == "OS  on OS v1.2.3.4");
}

TEST_CASE("rules of another form are refused with their line") {
  CHECK(UserAgentParser::make("user_agent_parsers:\n  - regex: \"x\"\n").error().what == "rules of user agents, line 2: cannot read '  - regex: \"x\"'");
  CHECK(UserAgentParser::make("user_agent_parsers:\n    regex: 'x'\n").error().what.contains("line 2"));
  CHECK(UserAgentParser::make("  - regex: 'x'\n").error().what.contains("line 1"));
  CHECK(UserAgentParser::make("user_agent_parsers:\n  - regex: 'it's'\n").error().what.contains("line 2"));
  CHECK(UserAgentParser::make("user_agent_parsers:\n  - regex: 'x'\n    v4_replacement: 'x'\n").error().what.contains("line 3"));
  CHECK(UserAgentParser::make("user_agent_parsers:\n  - regex: '('\n").error().what.contains("missing )"));
}

TEST_CASE("only the first bytes of a long text are looked at") {
  std::string agent(UserAgentParser::longest - 4, '-');
  CHECK(parsed(UserAgentParser::shared(), agent + "curl/8.1.2") == "curl  on Other ");
}

TEST_CASE("UserAgent as a map, also of agents that were seen before") {
  Bench b;
  b.set(b.log.attributes, "ua", "Mozilla/5.0 (Windows NT 10.0; rv:125.0) Gecko/20100101 Firefox/125.0");
  for (int i = 0; i < 2; ++i)
    CHECK(b.eval(R"(UserAgent(attributes["ua"]))") ==
          R"(map {"os.name":"Windows","os.version":"10","user_agent.name":"Firefox","user_agent.original":"Mozilla/5.0 (Windows NT 10.0; rv:125.0) Gecko/20100101 Firefox/125.0","user_agent.version":"125.0"})");
  CHECK(b.eval(R"(UserAgent("x"))") == R"(map {"os.name":"Other","user_agent.name":"Other","user_agent.original":"x","user_agent.version":""})");
  CHECK(b.eval("UserAgent(attributes[\"none\"])").starts_with("error: "));
  CHECK(b.eval("UserAgent(5)").starts_with("config: "));
}

}  // namespace
}  // namespace weir::ottl

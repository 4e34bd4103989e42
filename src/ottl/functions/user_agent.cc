// UserAgent(text)
#include <unordered_map>

#include "ottl/function.h"
#include "ottl/text/user_agent.h"

namespace weir::ottl {
namespace {

// What agents turned out to be. Clients repeat themselves, and to look through the rules takes 100 times as long as to
// look here. Holds `most` agents of up to `longest` bytes; when full it forgets all of them.
class RecentAgents : public Prepared {
 public:
  static constexpr std::size_t most = 1024, longest = 1024;

  // Good until the next call.
  const UserAgent& find(std::string_view agent) const {
    if (agent.size() > longest) return latest_ = parser_.parse(agent);
    if (auto known = known_.find(agent); known != known_.end()) return known->second;
    if (known_.size() == most) known_.clear();
    return known_.emplace(agent, parser_.parse(agent)).first->second;
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  const UserAgentParser& parser_ = UserAgentParser::shared();
  mutable std::unordered_map<std::string, UserAgent, Hash, std::equal_to<>> known_;
  mutable UserAgent latest_;
};

Result<> prepare_user_agent(Call& call) {
  call.prepared = std::make_unique<RecentAgents>();
  return {};
}

bool user_agent(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  const UserAgent& found = static_cast<const RecentAgents&>(*call.prepared).find(text);
  auto* map = c.scratch().make<otlp::Attributes>();
  auto put = [&](std::string_view key, std::string_view value) { map->push_back(c.scratch(), {key, otlp::Value::of(c.scratch().copy(value))}); };
  put("user_agent.name", found.name);
  put("user_agent.original", text);
  put("user_agent.version", found.version);
  put("os.name", found.os_name);
  if (!found.os_version.empty()) put("os.version", found.os_version);
  return out = Value::of(map), true;
}

}  // namespace

std::span<const FunctionInfo> user_agent_functions() {
  static const std::array rows{
      FunctionInfo{"UserAgent", "What a User-Agent header says: user_agent.name, user_agent.version, user_agent.original, os.name, os.version.",
                   {{"userAgent", Takes::text}}, user_agent, prepare_user_agent},
  };
  return rows;
}

}  // namespace weir::ottl

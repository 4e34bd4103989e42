// From settings to compiled routes.
#include "base/text.h"
#include "components/connectors/routing/routing.h"
#include "ottl/parser.h"

namespace weir::connectors::routing {
namespace {

using ottl::ContextId;

constexpr std::array contexts = {ContextId::resource, ContextId::span, ContextId::metric, ContextId::datapoint, ContextId::log};

Result<ContextId> context_of(const Route& route, const std::vector<std::string>& statements, const ottl::Options& options) {
  // What the sender's request says is the same for all resources of a batch.
  if (route.context == "otelcol") return ContextId::resource;
  if (route.context.empty()) {
    auto told = ottl::infer_context(statements, {}, contexts, options);
    return told ? *told : ContextId::resource;
  }
  ContextId named{};
  if (ottl::context_from(route.context, named) && std::find(contexts.begin(), contexts.end(), named) != contexts.end()) return named;
  return fail(Errc::config, "invalid context: {}; use one of resource, span, metric, datapoint, log, request", route.context);
}

Result<> check_editor(const std::string& statement) {
  WEIR_ASSIGN(auto tree, ottl::parse_statement(statement));
  for (std::string_view known : {"route", "delete_key", "delete_matching_keys"})
    if (tree.editor->name == known) return {};
  return fail(Errc::config, "statement \"{}\": {} is not a function of routes; use route, delete_key or delete_matching_keys", statement, tree.editor->name);
}

// `"text"` without its quotes.
bool unquoted(std::string_view& text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return false;
  text = text.substr(1, text.size() - 2);
  return true;
}

}  // namespace

Result<RequestCondition> RequestCondition::parse(std::string_view text) {
  std::size_t at = std::min(text.find("=="), text.find("!="));
  auto invalid = [&] { return fail(Errc::config, "condition \"{}\" must be request[\"key\"] == \"value\", or with !=", text); };
  if (at == text.npos) return invalid();
  std::string_view key = trim(text.substr(0, at)), value = trim(text.substr(at + 2));
  if (value.find("==") != value.npos || value.find("!=") != value.npos) return invalid();
  if (!key.starts_with("request[") || !key.ends_with("]")) return invalid();
  key = key.substr(8, key.size() - 9);
  if (!unquoted(key) || !unquoted(value)) return invalid();
  return RequestCondition{to_lower(key), std::string(value), text[at] == '='};
}

bool RequestCondition::matches(const otlp::Context* sender) const {
  if (sender == nullptr) return false;
  auto values = sender->metadata.find(key);
  if (values == sender->metadata.end()) return false;
  return std::any_of(values->second.begin(), values->second.end(), [&](auto& v) { return (v == value) == equal; });
}

Result<CompiledRoute> CompiledRoute::make(const Route& route) {
  if (route.statement.empty() && route.condition.empty()) return fail(Errc::config, "invalid route: no condition or statement provided");
  if (!route.statement.empty() && !route.condition.empty()) return fail(Errc::config, "invalid route: both condition and statement provided");
  CompiledRoute out;
  out.action = route.action;
  if (route.context == "request") {
    if (route.condition.empty()) return fail(Errc::config, "\"request\" context requires a 'condition'");
    WEIR_ASSIGN(out.request, RequestCondition::parse(route.condition));
    out.text = route.context + " " + route.condition;
    return out;
  }
  ottl::Options options{.caller = ottl::Callers::routing};
  std::vector<std::string> statements = {route.condition.empty() ? route.statement : "route() where " + route.condition};
  WEIR_TRY(check_editor(statements.front()));
  out.text = statements.front();
  WEIR_ASSIGN(out.context, context_of(route, statements, options));
  WEIR_ASSIGN(out.program, ottl::Program::compile(out.context, statements, options));
  return out;
}

}  // namespace weir::connectors::routing

#pragma once
// Sends telemetry to different pipelines by conditions: each route takes out of a batch what it holds for, in order, and
// the rest goes to the default pipelines.
#include "components/connectors/routing/config.h"
#include "engine/out.h"

namespace weir::connectors::routing {

// request["key"] == "value" or !=: about the request that telemetry came in. True when one of the key's values is so;
// a request without the key takes no such route.
struct RequestCondition {
  std::string key, value;
  bool equal = true;

  static Result<RequestCondition> parse(std::string_view text);
  bool matches(const otlp::Context* sender) const;
};

struct CompiledRoute {
  static Result<CompiledRoute> make(const Route& route);

  std::optional<RequestCondition> request;  // otherwise `program`
  ottl::ContextId context{};
  ottl::Program program;
  std::string text;  // as given; two routes with the same are one
  Action action = Action::move;
  std::vector<std::size_t> ports;
};

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::connectors::routing

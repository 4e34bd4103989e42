#include "components/extensions/health_check/health_check.h"

#include "base/mask.h"
#include "base/text.h"

namespace weir::extensions::health_check {

HealthCheck::HealthCheck(const Config& config, const engine::ExtensionContext& context)
    : config_(config), context_(context), site_(config.http ? config.http->server : config.server, true) {
  if (!config_.http) {
    site_.add(config_.path, [this](const net::Request&) { return plain_page(); });
    return;
  }
  if (config_.http->status.enabled)
    site_.add(config_.http->status.path, [this](const net::Request& request) { return status_page(request); });
  if (config_.http->config.enabled)
    site_.add(config_.http->config.path, [this](const net::Request&) { return config_page(); });
}

Result<> HealthCheck::start() {
  health_.started = context_.executor.wall();
  turn(State::starting);
  return site_.start(context_);
}

void HealthCheck::turn(State state) {
  health_.state = state;
  health_.changed = context_.executor.wall();
  if (state == State::ok) since_ = context_.executor.now();
}

net::Response HealthCheck::plain_page() const {
  bool healthy = health_.state == State::ok;
  int status = http_status(health_.state);
  if (config_.response_body) return web::text(healthy ? config_.response_body->healthy : config_.response_body->unhealthy, status);
  // "Since" the year one and an empty uptime are what Go's zero values look like; probes in the wild parse them.
  std::string since = healthy ? format_rfc3339(health_.changed) : "0001-01-01T00:00:00Z";
  std::string uptime = healthy ? format_duration(context_.executor.now() - since_) : "";
  std::string durable = context_.host.data_directory().empty() ? R"(,"dataDirectory":"none: queues are in memory")" : "";
  return web::json(fmt::format(R"({{"status":"Server {}","upSince":"{}","uptime":"{}"{}}})", healthy ? "available" : "not available",
                               since, uptime, durable),
                   status);
}

net::Response HealthCheck::status_page(const net::Request& request) const {
  auto pipeline = web::query_value(request.query(), "pipeline").value_or("");
  bool verbose = web::query_value(request.query(), "verbose").value_or("false") != "false";
  auto body = status_json(health_, context_.host.plan(), pipeline, verbose);
  return body ? web::json(*body, http_status(health_.state)) : web::text("", 404);
}

net::Response HealthCheck::config_page() const {
  auto* plan = context_.host.plan();
  return plan ? web::json(mask_urls(config_json(*plan))) : web::text("no configuration is running yet\n", 503);
}

std::unique_ptr<HealthCheck> make(const Config& config, const engine::ExtensionContext& context) {
  return std::make_unique<HealthCheck>(config, context);
}

}  // namespace weir::extensions::health_check

#include "base/mask.h"
#include "components/exporters/otlphttp/config.h"
#include "components/shared/auth/auth.h"
#include "engine/decode.h"
#include "net/url.h"

namespace weir::exporters::otlphttp {
namespace {

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  auto sender = make_http_sender(c.client.settings(), c.target(), c.encoding, context.executor, context.id.to_string(), std::move(authorize));
  return exporting::make_stage(c.exporting.settings(), std::move(sender), context);
}

}  // namespace

std::span<const config::Choice> choices_of(Encoding) {
  static constexpr std::array choices{config::Choice("proto", Encoding::proto), config::Choice("json", Encoding::json)};
  return choices;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      config::embedded<&Config::client>(),
      field<&Config::traces_endpoint>("traces_endpoint", "URL for traces, used as it is, instead of endpoint + /v1/traces."),
      field<&Config::metrics_endpoint>("metrics_endpoint", "URL for metrics."),
      field<&Config::logs_endpoint>("logs_endpoint", "URL for logs."),
      field<&Config::profiles_endpoint>("profiles_endpoint", "URL for profiles."),
      field<&Config::encoding>("encoding", "proto or json."),
      config::embedded<&Config::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (client.endpoint.empty() && traces_endpoint.empty() && metrics_endpoint.empty() && logs_endpoint.empty() && profiles_endpoint.empty())
    context.error_at("", "at least one endpoint must be specified");
  auto check = [&](std::string_view key, const std::string& url) {
    if (url.empty()) return;
    if (!is_url(url)) return context.error_at(key, fmt::format("\"{}\" is not an http:// or https:// URL", mask_urls(url)));
    if (auto parsed = net::parse_url(url); !parsed) context.error_at(key, parsed.error().what);
  };
  check("endpoint", client.endpoint);
  check("traces_endpoint", traces_endpoint);
  check("metrics_endpoint", metrics_endpoint);
  check("logs_endpoint", logs_endpoint);
  check("profiles_endpoint", profiles_endpoint);
}

Target Config::target() const {
  std::string base = client.endpoint;
  if (base.ends_with('/')) base.pop_back();
  auto url = [&](const std::string& own, std::string_view path) { return own.empty() ? base + std::string(path) : own; };
  return {url(traces_endpoint, "/v1/traces"), url(metrics_endpoint, "/v1/metrics"), url(logs_endpoint, "/v1/logs"),
          url(profiles_endpoint, "/v1development/profiles")};
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "otlphttp",
          .aliases = {"otlp_http"},
          .summary = "Sends OTLP over HTTP, as protobuf or JSON.",
          .signals = {weir::otlp::all_signals.begin(), weir::otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::otlphttp

#include "components/receivers/opencensus/config.h"

namespace weir::receivers::opencensus {

std::span<const config::FieldInfo> Config::fields() {
  static const std::vector rows = [] {
    auto base = GrpcServer::fields();
    std::vector all(base.begin(), base.end());
    all.push_back(config::field<&Config::cors_allowed_origins>("cors_allowed_origins", "Origins whose pages may send JSON; * matches any text."));
    return all;
  }();
  return rows;
}

void Config::validate(config::Context& context) const {
  GrpcServer::validate(context);
  context.warning_at("", "OpenCensus has ended and the Go collector has no such receiver any more: let the applications send OTLP");
}

net::ServerSettings Config::settings() const {
  auto out = GrpcServer::settings();
  out.http1 = true;
  out.cors.allowed_origins = cors_allowed_origins;
  return out;
}

}  // namespace weir::receivers::opencensus

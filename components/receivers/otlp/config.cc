#include "components/receivers/otlp/config.h"

namespace weir::receivers::otlp {
namespace {

std::string with_slash(const std::string& path) { return path.starts_with('/') ? path : "/" + path; }

}  // namespace

using config::field;

HttpPaths HttpConfig::paths() const {
  return {with_slash(traces_url_path), with_slash(metrics_url_path), with_slash(logs_url_path), with_slash(profiles_url_path)};
}

std::span<const config::FieldInfo> HttpConfig::fields() {
  static const std::vector rows = [] {
    auto base = net_config::HttpServer::fields();
    std::vector all(base.begin(), base.end());
    all.push_back(field<&HttpConfig::traces_url_path>("traces_url_path", "Where traces are posted."));
    all.push_back(field<&HttpConfig::metrics_url_path>("metrics_url_path", "Where metrics are posted."));
    all.push_back(field<&HttpConfig::logs_url_path>("logs_url_path", "Where logs are posted."));
    all.push_back(field<&HttpConfig::profiles_url_path>("profiles_url_path", "Where profiles are posted."));
    return all;
  }();
  return rows;
}

void HttpConfig::validate(config::Context& context) const {
  HttpServer::validate(context);
  if (endpoint.empty()) context.error_at("endpoint", "requires a non-empty \"endpoint\"");
  for (auto& [key, path] : {std::pair("traces_url_path", &traces_url_path), std::pair("metrics_url_path", &metrics_url_path),
                            std::pair("logs_url_path", &logs_url_path), std::pair("profiles_url_path", &profiles_url_path)})
    if (path->empty()) context.error_at(key, "URL paths must not be empty");
}

std::span<const config::FieldInfo> GrpcConfig::fields() { return net_config::GrpcServer::fields(); }

void GrpcConfig::validate(config::Context& context) const {
  GrpcServer::validate(context);
  if (endpoint.empty()) context.error_at("endpoint", "requires a non-empty \"endpoint\"");
}

std::span<const config::FieldInfo> Protocols::fields() {
  static const std::array rows{
      field<&Protocols::grpc>("grpc", "OTLP/gRPC; the key alone switches it on."),
      field<&Protocols::http>("http", "OTLP/HTTP, protobuf and JSON; the key alone switches it on."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{field<&Config::protocols>("protocols", "What to listen for.")};
  return rows;
}

void Config::validate(config::Context& context) const {
  if (!protocols.grpc && !protocols.http) context.error_at("", "must specify at least one protocol when using the OTLP receiver");
}

}  // namespace weir::receivers::otlp

#include "components/receivers/otlp/call_metrics.h"

#include "telemetry/detail.h"

namespace weir::receivers::otlp {
namespace {

double seconds(Duration took) { return static_cast<double>(took.count()) / 1e9; }

}  // namespace

CallMetrics::CallMetrics(telemetry::Registry& registry, std::string_view endpoint, bool tls) : registry_(registry), scheme_(tls ? "https" : "http") {
  std::size_t colon = endpoint.rfind(':');
  host_ = endpoint.substr(0, colon);
  if (colon != endpoint.npos) port_ = endpoint.substr(colon + 1);
}

void CallMetrics::rpc(std::string_view path, net::GrpcCode code, Duration took) {
  auto known = std::find_if(rpcs_.begin(), rpcs_.end(), [&](const Rpc& o) { return o.code == code && o.path == path; });
  if (known == rpcs_.end()) {
    telemetry::Labels labels = {{"rpc_method", std::string(path.substr(path.starts_with('/')))},
                                {"rpc_response_status_code", telemetry::upper_snake(to_string(code))},
                                {"rpc_system_name", "grpc"}};
    auto& duration = registry_.histogram("rpc_server_call_duration", "Duration of incoming calls.", telemetry::call_seconds, std::move(labels));
    known = rpcs_.insert(rpcs_.end(), {std::string(path), code, duration});
  }
  known->duration.observe(seconds(took));
}

void CallMetrics::http(std::string_view path, int http_major, int status, std::size_t request_bytes, std::size_t response_bytes, Duration took) {
  Http& series = http_series(path, http_major, status);
  series.duration.observe(seconds(took));
  series.request_size.observe(static_cast<double>(request_bytes));
  series.response_size.observe(static_cast<double>(response_bytes));
}

CallMetrics::Http& CallMetrics::http_series(std::string_view path, int http_major, int status) {
  for (Http& known : https_)
    if (known.status == status && known.http_major == http_major && known.path == path) return known;
  telemetry::Labels labels = {{"http_request_method", "POST"},
                              {"http_response_status_code", fmt::format("{}", status)},
                              {"http_route", std::string(path)},
                              {"network_protocol_name", "http"},
                              {"network_protocol_version", http_major == 2 ? "2" : "1.1"},
                              {"server_address", host_},
                              {"server_port", port_},
                              {"url_scheme", scheme_}};
  auto sizes = [&](std::string_view name, std::string_view help) -> telemetry::Histogram& {
    return registry_.histogram(name, help, telemetry::body_bytes, labels);
  };
  auto& duration = registry_.histogram("http_server_request_duration", "Duration of HTTP server requests.", telemetry::call_seconds, labels);
  return https_.emplace_back(Http{std::string(path), http_major, status, duration,
                                  sizes("http_server_request_body_size", "Size of HTTP server request bodies."),
                                  sizes("http_server_response_body_size", "Size of HTTP server response bodies.")});
}

}  // namespace weir::receivers::otlp

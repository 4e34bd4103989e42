#pragma once
// How long requests took and how large they were, under the names of the semantic conventions.
#include <list>

#include "net/server.h"
#include "telemetry/metrics.h"

namespace weir::receivers::otlp {

// One endpoint on one core; made when detailed metrics are asked for. Counts requests that got as far as their body:
// paths are those served, so series are few whatever clients send.
class CallMetrics {
 public:
  // `endpoint`: "127.0.0.1:4318", as listened on.
  CallMetrics(telemetry::Registry& registry, std::string_view endpoint, bool tls);

  // `path`: "/opentelemetry.proto.collector.trace.v1.TraceService/Export".
  void rpc(std::string_view path, net::GrpcCode code, Duration took);
  void http(std::string_view path, int http_major, int status, std::size_t request_bytes, std::size_t response_bytes, Duration took);

 private:
  struct Rpc {
    std::string path;
    net::GrpcCode code;
    telemetry::Histogram& duration;
  };
  struct Http {
    std::string path;
    int http_major, status;
    telemetry::Histogram &duration, &request_size, &response_size;
  };
  Http& http_series(std::string_view path, int http_major, int status);

  telemetry::Registry& registry_;
  std::string host_, port_, scheme_;
  std::list<Rpc> rpcs_;
  std::list<Http> https_;
};

}  // namespace weir::receivers::otlp

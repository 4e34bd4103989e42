#pragma once
#include "components/shared/serving/serving.h"
#include "engine/component.h"
#include "net/server.h"

namespace weir::translating {

// What a receiver knows of its protocol. On one core; outlives its server.
class Format {
 public:
  virtual ~Format() = default;
  // For requests that are not of this protocol: the answer. Before their body is read.
  virtual std::optional<net::Answer> turn_away(const net::RequestHead& head) const = 0;
  // The body as an ExportTraceServiceRequest. `charge` grows by what that takes.
  virtual Result<Bytes> translate(const net::Request& request, Charge& charge) const = 0;
  // HTTP: when all is settled.
  virtual net::Response accepted() const { return {.status = 202}; }
};

net::Response plain(int status, std::string text);

// A batch from a translated request, or why not.
Result<otlp::Batch> parse_translated(Result<Bytes> request, Charge charge, engine::Intake& intake);

struct EndpointSettings {
  net::ServerSettings server;
  std::string transport;  // label of own metrics: "grpc", "http"
  SenderContext sender;
};

// One server of a receiver on one core.
class Endpoint {
 public:
  Endpoint(EndpointSettings settings, std::unique_ptr<Format> format, engine::ReceiverContext& context);
  Endpoint(const Endpoint&) = delete;
  ~Endpoint();

  Result<> start();
  // For whoever takes this one's place: see engine::Listens.
  void share_listeners() { serving_.share(); }
  void stop(io::Task done) { serving_.stop(std::move(done)); }

 private:
  class Handler;
  std::unique_ptr<Handler> handler_;  // outlives the server
  Serving serving_;
};

}  // namespace weir::translating

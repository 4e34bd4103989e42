#include "components/shared/otlp_grpc/grpc_sender.h"

#include "base/log.h"
#include "components/shared/exporting/partial_success.h"
#include "components/shared/otlp_grpc/method.h"
#include "telemetry/detail.h"

namespace weir::otlp_grpc {
namespace {

// How long calls took, by method and status, under the name of the semantic conventions. One core.
class CallDurations {
 public:
  CallDurations(telemetry::Registry& registry, std::string_view endpoint) : registry_(registry) {
    std::size_t colon = endpoint.rfind(':');
    host_ = endpoint.substr(0, colon);
    if (colon != endpoint.npos) port_ = endpoint.substr(colon + 1);
  }

  void observe(engine::Signal signal, net::GrpcCode code, Duration took) {
    telemetry::Histogram*& known = cells_[{signal, code}];
    if (known == nullptr)
      known = &registry_.histogram("rpc_client_call_duration", "Duration of outgoing calls.", telemetry::call_seconds,
                                   {{"rpc_method", std::string(method_of(signal).substr(1))},
                                    {"rpc_response_status_code", telemetry::upper_snake(to_string(code))},
                                    {"rpc_system_name", "grpc"},
                                    {"server_address", host_},
                                    {"server_port", port_}});
    known->observe(static_cast<double>(took.count()) / 1e9);
  }

 private:
  telemetry::Registry& registry_;
  std::string host_, port_;
  std::map<std::pair<engine::Signal, net::GrpcCode>, telemetry::Histogram*> cells_;
};

class GrpcSender : public exporting::Sender {
 public:
  GrpcSender(net::GrpcClientSettings settings, const engine::StageContext& context, std::function<void(net::HeaderList&)> authorize)
      : settings_(std::move(settings)), executor_(context.executor), name_(context.id.to_string()), authorize_(std::move(authorize)) {
    if (telemetry::detailed()) durations_.emplace(context.host.metrics(), settings_.endpoint);
  }

  Result<> start() override {
    WEIR_ASSIGN(client_, net::GrpcClient::make(executor_, settings_));
    return {};
  }

  bool sends_protobuf() const override { return true; }

  using Sender::send;
  void send(exporting::Payload payload, Duration timeout, Done done) override {
    net::GrpcCall call{.path = std::string(method_of(payload.signal)), .body = std::move(payload.pieces), .timeout = timeout};
    if (authorize_) authorize_(call.headers);
    TimePoint begun = durations_ ? executor_.now() : TimePoint{};
    client_->call(std::move(call), [this, signal = payload.signal, begun, done = std::move(done)](net::GrpcResult result) mutable {
      if (durations_) durations_->observe(signal, result.code, executor_.now() - begun);
      if (!result.ok()) return done(error_of(result));
      done(exporting::Sent(exporting::warn_of_partial_success(name_, result.payload)));
    });
  }

 private:
  static Error error_of(const net::GrpcResult& result) {
    bool retry = may_retry(result.code, result.retry_delay.has_value());
    return {retry ? Errc::retryable : Errc::permanent,
            fmt::format("rpc error: code = {} desc = {}", to_string(result.code), result.message),
            result.retry_delay.value_or(0s), static_cast<std::uint8_t>(result.code)};
  }

  net::GrpcClientSettings settings_;
  io::Executor& executor_;
  std::string name_;
  std::function<void(net::HeaderList&)> authorize_;
  std::optional<CallDurations> durations_;  // detailed metrics only
  std::unique_ptr<net::GrpcClient> client_;
};

}  // namespace

bool may_retry(net::GrpcCode code, bool has_retry_info) {
  switch (code) {
    case net::GrpcCode::canceled:
    case net::GrpcCode::deadline_exceeded:
    case net::GrpcCode::aborted:
    case net::GrpcCode::out_of_range:
    case net::GrpcCode::unavailable:
    case net::GrpcCode::data_loss: return true;
    case net::GrpcCode::resource_exhausted: return has_retry_info;
    default: return false;
  }
}

std::unique_ptr<exporting::Sender> make_grpc_sender(net::GrpcClientSettings settings, const engine::StageContext& context,
                                                    std::function<void(net::HeaderList&)> authorize) {
  return std::make_unique<GrpcSender>(std::move(settings), context, std::move(authorize));
}

}  // namespace weir::otlp_grpc

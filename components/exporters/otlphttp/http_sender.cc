#include "components/exporters/otlphttp/http_sender.h"

#include "base/mask.h"
#include "components/shared/exporting/partial_success.h"
#include "otlp/json.h"

namespace weir::exporters::otlphttp {
namespace {

class HttpSender : public exporting::Sender {
 public:
  HttpSender(net::HttpClientSettings settings, Target target, Encoding encoding, io::Executor& executor, std::string name,
             std::function<void(net::HeaderList&)> authorize)
      : settings_(std::move(settings)),
        target_(std::move(target)),
        encoding_(encoding),
        executor_(executor),
        name_(std::move(name)),
        authorize_(std::move(authorize)) {}

  Result<> start() override {
    WEIR_ASSIGN(client_, net::HttpClient::make(executor_, settings_));
    return {};
  }

  std::vector<Bytes> encode(weir::otlp::Batch& batch) override {
    if (encoding_ == Encoding::proto || batch.signal() == engine::Signal::profiles) return batch.encode();
    return {Bytes::take(weir::otlp::to_json(batch))};
  }

  bool sends_protobuf() const override { return encoding_ == Encoding::proto; }

  using Sender::send;
  void send(exporting::Payload payload, Duration timeout, Done done) override {
    net::HttpRequest request{.url = target_.url(payload.signal), .body = std::move(payload.pieces), .timeout = timeout};
    request.headers.add("content-type", encoding_ == Encoding::json ? "application/json" : "application/x-protobuf");
    if (authorize_) authorize_(request.headers);
    std::string url = request.url;
    client_->send(std::move(request), [this, url = std::move(url), done = std::move(done)](Result<net::HttpResponse> result) mutable {
      if (!result) return done(passing(std::move(result).error()));
      if (result->status / 100 != 2) return done(error_of(url, *result));
      PartialSuccess partial;
      std::string_view type = result->headers.get("content-type");
      if (type.starts_with("application/x-protobuf")) partial = exporting::warn_of_partial_success(name_, result->body);
      if (type.starts_with("application/json")) partial = exporting::warn_of_json_partial_success(name_, result->body);
      done(exporting::Sent(std::move(partial)));
    });
  }

 private:
  // An answer that is no HTTP comes from a proxy, a wrong port or half a restart: as good as none.
  static Error passing(Error error) {
    if (error.code == Errc::invalid) error.code = Errc::retryable;
    return error;
  }

  // What a sender that waits for the answer (no queue) hears of it, as a gRPC code.
  static net::GrpcCode code_of(int status) {
    switch (status) {
      case 400: return net::GrpcCode::invalid_argument;
      case 401: return net::GrpcCode::unauthenticated;
      case 403: return net::GrpcCode::permission_denied;
      case 404: return net::GrpcCode::unimplemented;
      case 429: return net::GrpcCode::resource_exhausted;
      case 502:
      case 503:
      case 504: return net::GrpcCode::unavailable;
      default: return net::GrpcCode::unknown;
    }
  }

  Error error_of(const std::string& url, const net::HttpResponse& response) const {
    bool retry = response.status == 429 || (response.status >= 502 && response.status <= 504);
    std::string message;
    if (auto status = net::decode_rpc_status(response.body); status && !status->message.empty())
      message = fmt::format(", Message={}", status->message);
    return {retry ? Errc::retryable : Errc::permanent,
            fmt::format("error exporting items, request to {} responded with HTTP Status Code {}{}", mask_urls(url), response.status, message),
            retry ? response.retry_after(executor_.wall()).value_or(0s) : 0s, static_cast<std::uint8_t>(code_of(response.status))};
  }

  net::HttpClientSettings settings_;
  Target target_;
  Encoding encoding_;
  io::Executor& executor_;
  std::string name_;
  std::function<void(net::HeaderList&)> authorize_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

const std::string& Target::url(engine::Signal signal) const {
  switch (signal) {
    case engine::Signal::traces: return traces;
    case engine::Signal::metrics: return metrics;
    case engine::Signal::logs: return logs;
    case engine::Signal::profiles: return profiles;
  }
  return traces;
}

std::unique_ptr<exporting::Sender> make_http_sender(net::HttpClientSettings settings, Target target, Encoding encoding,
                                                    io::Executor& executor, std::string name,
                                                    std::function<void(net::HeaderList&)> authorize) {
  return std::make_unique<HttpSender>(std::move(settings), std::move(target), encoding, executor, std::move(name),
                                      std::move(authorize));
}

}  // namespace weir::exporters::otlphttp

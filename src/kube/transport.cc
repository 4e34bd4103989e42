#include "kube/transport.h"

#include "base/log.h"
#include "base/text.h"

namespace weir::kube {
namespace {

// Kubernetes renews a pod's token long before it ends; clients should look at least this often.
constexpr Duration token_age = 1min;

class HttpTransport final : public Transport {
 public:
  HttpTransport(io::Loop& loop, Connection connection, io::Fs& fs, std::unique_ptr<net::HttpClient> client)
      : loop_(loop), connection_(std::move(connection)), fs_(fs), client_(std::move(client)) {}

  net::StreamId get(const std::string& target, bool metadata_only, Duration timeout, net::BodySink& sink) override {
    net::HttpRequest request{.method = "GET", .url = connection_.url + target, .timeout = timeout};
    constexpr std::string_view partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
    request.headers.add("accept", metadata_only ? partial : partial.substr(partial.find(',') + 1));
    if (auto value = authorization(); !value.empty()) request.headers.add("authorization", value);
    return client_->stream(std::move(request), sink);
  }
  void send(std::string method, const std::string& target, std::string content_type, std::string body, net::HttpCallback done) override {
    net::HttpRequest request{.method = std::move(method), .url = connection_.url + target, .timeout = 30s};
    request.headers.add("accept", "application/json");
    if (auto value = authorization(); !value.empty()) request.headers.add("authorization", value);
    if (!body.empty()) {
      request.headers.add("content-type", content_type);
      request.body.push_back(Bytes::take(std::move(body)));
    }
    client_->send(std::move(request), std::move(done));
  }
  void resume(net::StreamId stream) override { client_->resume(stream); }
  void stop(net::StreamId stream) override { client_->stop(stream); }
  void refused() override { token_until_ = {}; }

 private:
  std::string authorization() {
    if (!connection_.user.empty()) return "Basic " + encode_base64(connection_.user + ":" + connection_.password);
    if (!connection_.token_file.empty() && loop_.now() >= token_until_) read_token();
    return connection_.token.empty() ? "" : "Bearer " + connection_.token;
  }

  void read_token() {
    auto content = read_small_file(fs_, connection_.token_file);
    if (content && !trim(*content).empty()) connection_.token = trim(*content);
    else log::warn("Cannot read the token for the Kubernetes API; the one before is used on.", {{"file", connection_.token_file}});
    token_until_ = loop_.now() + token_age;
  }

  io::Loop& loop_;
  Connection connection_;
  io::Fs& fs_;
  std::unique_ptr<net::HttpClient> client_;
  TimePoint token_until_{};
};

}  // namespace

Result<std::unique_ptr<Transport>> make_transport(io::Loop& loop, Connection connection, io::Fs& fs) {
  net::HttpClientSettings settings;
  settings.tls = connection.tls;
  settings.proxy_url = connection.proxy_url;
  settings.http2_read_idle_timeout = 30s;  // a watch may be silent for minutes
  settings.user_agent = "weir/kubernetes";
  WEIR_ASSIGN(auto client, net::HttpClient::make(loop, std::move(settings)));
  return std::make_unique<HttpTransport>(loop, std::move(connection), fs, std::move(client));
}

}  // namespace weir::kube

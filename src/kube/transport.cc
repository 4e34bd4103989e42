#include "kube/transport.h"

#include <map>

#include "base/log.h"
#include "base/text.h"
#include "kube/exec_token.h"

namespace weir::kube {
namespace {

// Kubernetes renews a pod's token long before it ends; clients should look at least this often.
constexpr Duration token_age = 1min;

std::string accept(Form form) {
  std::string out;
  for (bool partial : {true, false})
    for (std::string_view type : {"application/vnd.kubernetes.protobuf", "application/json"}) {
      if ((partial && !form.metadata_only) || (type.ends_with("protobuf") && !form.protobuf)) continue;
      fmt::format_to(std::back_inserter(out), "{}{}{}", out.empty() ? "" : ",", type, partial ? ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1" : "");
    }
  return out;
}

class HttpTransport final : public Transport {
 public:
  HttpTransport(io::Executor& executor, Connection connection, io::Fs& fs, std::unique_ptr<net::HttpClient> client)
      : executor_(executor), connection_(std::move(connection)), fs_(fs), client_(std::move(client)) {
    if (connection_.exec) exec_ = std::make_unique<ExecToken>(executor, *connection_.exec);
  }

  ~HttpTransport() override { *alive_ = false; }

  net::StreamId get(const std::string& target, Form form, Duration timeout, net::BodySink& sink) override {
    if (exec_ != nullptr && exec_->get().empty()) {
      // The program has begun; whoever asks tries again in a moment.
      net::StreamId id = first_late + late_count_++;
      late_[id] = &sink;
      executor_.post([this, alive = alive_, id] {
        if (!*alive) return;
        if (auto late = late_.extract(id); !late.empty()) late.mapped()->on_end(fail(Errc::retryable, "the program that gives the token has not ended"));
      });
      return id;
    }
    net::HttpRequest request{.method = "GET", .url = connection_.url + target, .timeout = timeout};
    request.headers.add("accept", accept(form));
    // Lists come compressed when they are large; watches never do.
    if (target.find("watch=1") == target.npos) request.headers.add("accept-encoding", "gzip");
    if (auto value = authorization(); !value.empty()) request.headers.add("authorization", value);
    return client_->stream(std::move(request), sink);
  }
  void send(std::string method, const std::string& target, std::string content_type, std::string body, net::HttpCallback done) override {
    if (exec_ == nullptr) return send_now(std::move(method), target, content_type, std::move(body), std::move(done));
    exec_->when_ready([this, method = std::move(method), target, content_type = std::move(content_type), body = std::move(body), done = std::move(done)]() mutable {
      send_now(std::move(method), target, content_type, std::move(body), std::move(done));
    });
  }
  void resume(net::StreamId stream) override {
    if (stream < first_late) client_->resume(stream);
  }
  void stop(net::StreamId stream) override {
    if (stream >= first_late) late_.erase(stream);
    else client_->stop(stream);
  }
  void refused() override {
    token_until_ = {};
    if (exec_ != nullptr) exec_->refused();
  }

 private:
  static constexpr net::StreamId first_late = net::StreamId{1} << 63;  // the client counts from 1

  void send_now(std::string method, const std::string& target, const std::string& content_type, std::string body, net::HttpCallback done) {
    net::HttpRequest request{.method = std::move(method), .url = connection_.url + target, .timeout = 30s};
    request.headers.add("accept", "application/json");
    if (auto value = authorization(); !value.empty()) request.headers.add("authorization", value);
    if (!body.empty()) {
      request.headers.add("content-type", content_type);
      request.body.push_back(Bytes::take(std::move(body)));
    }
    client_->send(std::move(request), std::move(done));
  }
  std::string authorization() {
    if (exec_ != nullptr) {
      std::string token = exec_->get();
      return token.empty() ? "" : "Bearer " + token;
    }
    if (!connection_.user.empty()) return "Basic " + encode_base64(connection_.user + ":" + connection_.password);
    if (!connection_.token_file.empty() && executor_.now() >= token_until_) read_token();
    return connection_.token.empty() ? "" : "Bearer " + connection_.token;
  }

  void read_token() {
    auto content = read_small_file(fs_, connection_.token_file);
    if (content && !trim(*content).empty()) connection_.token = trim(*content);
    else log::warn("Cannot read the token for the Kubernetes API; the one before is used on.", {{"file", connection_.token_file}});
    token_until_ = executor_.now() + token_age;
  }

  io::Executor& executor_;
  Connection connection_;
  io::Fs& fs_;
  std::unique_ptr<net::HttpClient> client_;
  TimePoint token_until_{};
  std::unique_ptr<ExecToken> exec_;   // null: no program
  std::map<net::StreamId, net::BodySink*> late_;  // who asked while there was no token
  std::uint64_t late_count_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was posted
};

}  // namespace

Result<std::unique_ptr<Transport>> make_transport(io::Executor& executor, Connection connection, io::Fs& fs, std::size_t max_answer) {
  net::HttpClientSettings settings;
  settings.tls = connection.tls;
  settings.proxy_url = connection.proxy_url;
  settings.http2_read_idle_timeout = 30s;  // a watch may be silent for minutes
  settings.user_agent = "weir/kubernetes";
  settings.max_response_body = max_answer;
  WEIR_ASSIGN(auto client, net::HttpClient::make(executor, std::move(settings)));
  return std::make_unique<HttpTransport>(executor, std::move(connection), fs, std::move(client));
}

}  // namespace weir::kube

// Sends telemetry to Elasticsearch by bulk requests. What becomes of each document is looked at one by one.
#include "base/log.h"
#include "base/mask.h"
#include "components/exporters/elasticsearch/bulk.h"
#include "components/shared/auth/auth.h"
#include "components/shared/exporting/rest.h"
#include "engine/decode.h"
#include "net/client.h"

namespace weir::exporters::elasticsearch {
namespace {

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

class ElasticsearchSender final : public exporting::Sender {
 public:
  ElasticsearchSender(const Config& config, std::vector<std::string> urls, const engine::StageContext& context, std::function<void(net::HeaderList&)> authorize)
      : config_(config), urls_(std::move(urls)), executor_(context.executor), rng_(context.rng), name_(context.id.to_string()), authorize_(std::move(authorize)),
        dropped_(context.host.metrics().counter("weir_elasticsearch_dropped_documents", "Documents that Elasticsearch did not take for good, or that have no form there.", {{"exporter", name_}})),
        repeated_(context.host.metrics().counter("weir_elasticsearch_repeated_documents", "Documents that were sent again.", {{"exporter", name_}})) {
    if (!config_.pipeline.empty()) query_ = "&pipeline=" + config_.pipeline;
    most_attempts_ = !config_.retry.enabled ? 1 : config_.retry.max_requests ? config_.retry.max_requests : config_.retry.max_retries + 1;
  }
  ~ElasticsearchSender() override {
    closing_ = true;  // what the client says to its open requests now is of no use to anybody
    for (auto& call : calls_)
      if (call->timer) executor_.cancel(call->timer);
    client_.reset();
  }

  Result<> start() override {
    WEIR_ASSIGN(client_, net::HttpClient::make(executor_, config_.client.settings()));
    return {};
  }

  void send(exporting::Payload, Duration, Done done) override { done(Error{Errc::internal, "elasticsearch sends batches", {}}); }

  void send(otlp::Batch& batch, Duration timeout, Done done) override {
    calls_.push_back(std::make_shared<Call>(config_, batch, executor_.wall(), timeout, std::move(done)));  // shared with the client's callbacks
    next(calls_.back());
  }

 private:
  struct Call {
    Call(const Config& config, otlp::Batch& to_send, UnixNanos now, Duration most, Done told)
        : batch(to_send), writer(config, to_send, now), timeout(most), done(std::move(told)), unsent(to_send.items(), false), lost(to_send.items(), false) {}
    otlp::Batch& batch;
    BulkWriter writer;
    Duration timeout;
    Done done;
    Bulk bulk;
    std::vector<std::uint32_t> pending;  // documents of the bulk that are still to be taken
    std::uint64_t attempts = 0;
    std::vector<bool> unsent, lost;  // by item
    bool anything_taken = false;
    Error error;
    io::TimerId timer = 0;
  };
  using CallRef = std::shared_ptr<Call>;

  void next(const CallRef& call) {
    call->bulk = call->writer.next();
    if (call->bulk.documents() == 0) return finish(call);
    call->pending.clear();
    for (std::uint32_t i = 0; i < call->bulk.documents(); ++i) call->pending.push_back(i);
    call->attempts = 0;
    post(call);
  }

  void post(const CallRef& call) {
    ++call->attempts;
    std::string body;
    if (call->pending.size() == call->bulk.documents()) body = call->bulk.body;
    else
      for (auto number : call->pending) body += call->bulk.document(number);
    const std::string& url = urls_[turn_++ % urls_.size()];
    net::HttpRequest request{.url = url + "/_bulk?filter_path=errors,items.*.status,items.*.error" + query_, .body = {Bytes::take(std::move(body))}, .timeout = call->timeout};
    request.headers.add("content-type", "application/x-ndjson");
    if (std::string value = config_.authorization(); !value.empty()) request.headers.set("authorization", value);
    if (authorize_) authorize_(request.headers);
    client_->send(std::move(request), [this, call](Result<net::HttpResponse> result) {
      if (closing_) return;
      if (!result) return again(call, std::move(result).error());
      if (result->status / 100 != 2) return refused(call, *result);
      auto verdicts = read_answer(result->body, call->pending.size());
      if (!verdicts) return again(call, verdicts.error());
      judge(call, *verdicts);
    });
  }

  bool may_pass(std::int64_t status) const { return status >= 500 || std::ranges::find(config_.retry.retry_on_status, status) != config_.retry.retry_on_status.end(); }

  void refused(const CallRef& call, const net::HttpResponse& response) {
    Error error{Errc::retryable, fmt::format("HTTP {} \"{}\"", response.status, std::string_view(response.body).substr(0, 500)), response.retry_after(executor_.wall()).value_or(0s)};
    if (may_pass(response.status)) return again(call, std::move(error));
    error.code = response.status == 401 ? Errc::unauthenticated : Errc::permanent;
    call->error = error;
    lose(call, call->pending, error.what);
    next(call);
  }

  // Each document has its own fate.
  void judge(const CallRef& call, const std::vector<Verdict>& verdicts) {
    std::vector<std::uint32_t> left, final;
    std::string why, why_final;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      auto& verdict = verdicts[i];
      bool there = verdict.status / 100 == 2 || verdict.status == 409;  // created, by an attempt whose answer got lost
      if (there) call->anything_taken = true;
      else if (may_pass(verdict.status)) left.push_back(call->pending[i]), why = verdict.reason;
      else final.push_back(call->pending[i]), why_final = fmt::format("{} {}", verdict.status, verdict.reason);
    }
    if (!final.empty()) lose(call, final, why_final);
    call->pending = std::move(left);
    if (call->pending.empty()) return next(call);
    again(call, {Errc::retryable, "documents are not taken now: " + why, {}});
  }

  void again(const CallRef& call, Error error) {
    bool passing = error.code == Errc::retryable || error.code == Errc::refused || error.code == Errc::invalid;  // no HTTP: half a restart
    if (call->attempts >= most_attempts_ || !passing) {
      error.code = passing ? Errc::retryable : error.code;
      return give_up(call, std::move(error));
    }
    repeated_.add(call->pending.size());
    exporting::RetrySettings settings{.initial_interval = config_.retry.initial_interval, .multiplier = 2, .max_interval = config_.retry.max_interval};
    Duration wait = exporting::backoff(settings, static_cast<unsigned>(call->attempts), rng_, error.retry_after);
    call->timer = executor_.at(executor_.now() + wait, [this, call] {
      call->timer = 0;
      post(call);
    });
  }

  // The rest of it waits for retry_on_failure.
  void give_up(const CallRef& call, Error error) {
    std::vector<bool> open(call->bulk.documents());
    for (auto number : call->pending) open[number] = true;
    for (auto& [item, document] : call->bulk.items)
      if (open[document]) call->unsent[item] = true;
    for (std::size_t item = call->writer.reached(); item < call->unsent.size(); ++item) call->unsent[item] = true;
    call->error = std::move(error);
    finish(call);
  }

  void lose(const CallRef& call, const std::vector<std::uint32_t>& documents, std::string_view why) {
    std::vector<bool> gone(call->bulk.documents());
    for (auto number : documents) gone[number] = true;
    for (auto& [item, document] : call->bulk.items)
      if (gone[document]) call->lost[item] = true;
    dropped_.add(documents.size());
    long long more = 0;
    if (lines_.allow(more)) log::error("Elasticsearch does not take some documents for good. They are dropped.", {{"exporter", name_}, {"documents", documents.size()}, {"error", why}, {"suppressed", more}});
  }

  void finish(const CallRef& call) {
    auto& without_form = call->writer.without_form();
    if (!without_form.empty()) {
      dropped_.add(without_form.size());
      for (auto item : without_form) call->lost[item] = true;
    }
    exporting::Sent sent;
    bool left = std::ranges::find(call->unsent, true) != call->unsent.end();
    for (std::size_t i = 0; i < call->lost.size(); ++i) sent.rejected += call->lost[i] && !call->unsent[i];
    if (left) {
      sent.error = call->error;
      if (call->anything_taken || sent.rejected > 0) sent.left = exporting::rest_of(call->batch, call->unsent);
    } else if (sent.rejected == call->lost.size() && sent.rejected > 0 && !call->anything_taken) {
      sent.error = call->error.what.empty() ? Error{Errc::permanent, "no item of the request was taken", {}} : call->error;
      sent.rejected = 0;  // the whole request is
    }
    Done done = std::move(call->done);
    std::erase(calls_, call);
    done(std::move(sent));
  }

  Config config_;
  std::vector<std::string> urls_;
  io::Executor& executor_;
  Rng& rng_;
  std::string name_, query_;
  std::function<void(net::HeaderList&)> authorize_;
  telemetry::Counter &dropped_, &repeated_;
  std::uint64_t most_attempts_ = 1;
  std::size_t turn_ = 0;
  std::unique_ptr<net::HttpClient> client_;
  std::vector<CallRef> calls_;
  bool closing_ = false;
  log::RateLimit lines_;
};

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  WEIR_ASSIGN(auto urls, c.urls());
  return exporting::make_stage(c.exporting.settings(), std::make_unique<ElasticsearchSender>(c, std::move(urls), context, std::move(authorize)), context);
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "elasticsearch",
          .summary = "Sends logs, metrics and traces to Elasticsearch by bulk requests.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = [](const void* config, otlp::Signal signal) -> Result<> {
            if (as(config).mapping.mode == Mode::bodymap && signal != otlp::Signal::logs) return fail(Errc::config, "mapping mode bodymap is for logs");
            return {};
          },
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::elasticsearch

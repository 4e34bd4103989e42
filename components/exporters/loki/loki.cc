// Sends log records to Loki: one push request for each tenant of a batch.
#include "base/log.h"
#include "base/number.h"
#include "base/text.h"
#include "components/exporters/loki/answer.h"
#include "components/exporters/loki/translate.h"
#include "components/shared/auth/auth.h"
#include "components/shared/exporting/retry.h"
#include "components/shared/exporting/windows.h"
#include "engine/decode.h"
#include "net/client.h"

namespace weir::exporters::loki {
namespace {

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

class LokiSender final : public exporting::Sender {
 public:
  LokiSender(const Config& config, const engine::StageContext& context, std::function<void(net::HeaderList&)> authorize)
      : config_(config), labels_(config.default_labels()), settings_(config.client.settings()), executor_(context.executor), name_(context.id.to_string()),
        authorize_(std::move(authorize)),
        unlabelled_(context.host.metrics().counter("otelcol_lokiexporter_send_failed_due_to_missing_labels",
                                                   "Number of log records failed to send because labels were missing", {{"exporter", name_}})),
        dropped_(context.host.metrics().counter("weir_loki_dropped_entries", "Entries that Loki did not take for good, or that have no form in Loki.", {{"exporter", name_}})) {
    settings_.compression = net::Compression::none;  // the body is compressed already
  }

  Result<> start() override {
    WEIR_ASSIGN(client_, net::HttpClient::make(executor_, settings_));
    return {};
  }

  // The batch stays where it is until `done` has run.
  void send(otlp::Batch& batch, Duration timeout, Done done) override {
    auto call = std::make_shared<Call>(Call{batch, translate(batch, labels_, config_.structured_metadata, executor_.wall()), timeout, std::move(done)});  // shared with the client's callbacks
    auto& made = call->made;
    unlabelled_.add(made.unlabelled);
    dropped_.add(made.unformatted + made.unlabelled);
    if (made.unlabelled + made.unformatted > 0) say("Some log records have no form in Loki and are dropped.", made.unlabelled + made.unformatted, "");
    call->state.resize(made.pushes.size(), State::waiting);
    next(std::move(call));
  }
  void send(exporting::Payload, Duration, Done) override { WEIR_CHECK(false, "what is sent depends on the tenants in a batch"); }

 private:
  enum class State : std::uint8_t { waiting, taken, again, lost };
  struct Call {
    otlp::Batch& batch;
    Translated made;
    Duration timeout;
    Done done;
    std::vector<State> state = {};  // of each push
    std::size_t at = 0;
    std::optional<Error> failure = {};  // the worst so far: one that may pass is what the batch is kept for
  };

  // One tenant after another, whatever becomes of those before.
  void next(std::shared_ptr<Call> call) {
    if (call->at >= call->made.pushes.size()) return finish(*call);
    Push& push = call->made.pushes[call->at];
    net::HttpRequest request{.url = config_.client.endpoint, .body = {push.body}, .timeout = call->timeout, .compress = false};
    request.headers.add("content-type", "application/x-protobuf");
    if (!push.tenant.empty()) request.headers.set("x-scope-orgid", push.tenant);
    if (authorize_) authorize_(request.headers);
    client_->send(std::move(request), [this, call](Result<net::HttpResponse> result) {
      Outcome outcome = result ? judge(*result) : Outcome(std::move(result).error());
      // Where nobody answers the others need not be tried.
      std::size_t end = result ? call->at + 1 : call->state.size();
      bool again = outcome && exporting::may_retry(*outcome);
      std::fill(call->state.begin() + static_cast<std::ptrdiff_t>(call->at), call->state.begin() + static_cast<std::ptrdiff_t>(end),
                !outcome ? State::taken : again ? State::again : State::lost);
      if (outcome && (!call->failure || again)) call->failure = std::move(outcome);
      call->at = end;
      next(call);
    });
  }

  void finish(Call& call) {
    auto count = [&](State state) { return std::count(call.state.begin(), call.state.end(), state); };
    if (!call.failure) return call.done({});
    auto all = static_cast<std::ptrdiff_t>(call.state.size());
    if (count(State::again) == all || count(State::lost) == all) return call.done(*std::exchange(call.failure, {}));
    exporting::Sent sent;
    for (std::size_t i = 0; i < call.state.size(); ++i)
      if (call.state[i] == State::lost) sent.rejected += call.made.pushes[i].entries;
    if (sent.rejected > 0) say("Loki refused entries of some tenants for good.", sent.rejected, call.failure->what);
    dropped_.add(sent.rejected);
    if (count(State::again) > 0) {
      sent.left = left_of(call);
      sent.error = std::move(call.failure);
    }
    call.done(std::move(sent));
  }

  // The records of the tenants that are to be tried again.
  static otlp::Batch left_of(Call& call) {
    auto receipts = std::exchange(call.batch.receipts, {});
    otlp::Batch copy = call.batch.fork();
    call.batch.receipts = std::move(receipts);
    std::size_t item = 0;
    auto parts = copy.partition(2, [&](auto&, auto&, auto&) -> std::size_t {
      std::size_t push = call.made.push_of[item++];
      return push != Translated::nowhere && call.state[push] == State::again;
    });
    return std::move(parts[1]);
  }

  Outcome judge(const net::HttpResponse& response) {
    if (response.status / 100 == 2) return {};
    if (response.status == 400)
      if (auto ignored = ignored_entries(response.body)) {
        // The others were taken.
        dropped_.add(*ignored);
        say("Loki ignored entries that are too old or out of order.", *ignored, response.body);
        return {};
      }
    bool again = response.status == 429 || response.status >= 500;
    return Error{again ? Errc::retryable : Errc::permanent, fmt::format("HTTP {} \"{}\"", response.status, std::string_view(response.body).substr(0, 1000)),
                 again ? response.retry_after(executor_.wall()).value_or(0s) : 0s};
  }

  void say(std::string_view what, std::size_t entries, std::string_view answer) {
    long long more = 0;
    if (lines_.allow(more)) log::warn(what, {{"exporter", name_}, {"entries", entries}, {"answer", answer.substr(0, 500)}, {"suppressed", more}});
  }

  Config config_;
  DefaultLabels labels_;
  net::HttpClientSettings settings_;
  io::Executor& executor_;
  std::string name_;
  std::function<void(net::HeaderList&)> authorize_;
  telemetry::Counter &unlabelled_, &dropped_;
  std::unique_ptr<net::HttpClient> client_;
  log::RateLimit lines_;
};

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  auto sender = exporting::in_windows(std::make_unique<LokiSender>(c, context, std::move(authorize)), context);  // lines have the resource
  return exporting::make_stage(c.exporting.settings(), std::move(sender), context);
}

}  // namespace

std::optional<std::size_t> ignored_entries(std::string_view answer) {
  // "..., total ignored: 3 out of 10"
  constexpr std::string_view total = "total ignored: ";
  std::size_t at = answer.rfind(total);
  if (at == answer.npos) return {};
  std::string_view rest = answer.substr(at + total.size());
  auto number = parse_go_int(rest.substr(0, rest.find_first_not_of("0123456789")));
  if (!number || *number < 0) return {};
  return static_cast<std::size_t>(*number);
}

Config::Config() {
  exporting.timeout = 30s;
  // One at a time: entries of a stream arrive in order, also when one has to be sent again.
  exporting.sending_queue->num_consumers = 1;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      config::embedded<&Config::client>(),
      field<&Config::default_labels_enabled>("default_labels_enabled", "Which of the labels exporter, job, instance and level are added; all of them unless switched off here."),
      field<&Config::structured_metadata>("structured_metadata", "Attributes of record or resource, and trace_id and span_id, that are sent as structured metadata too."),
      config::embedded<&Config::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  bool url = client.endpoint.starts_with("http://") || client.endpoint.starts_with("https://");
  if (!url) context.error_at("endpoint", "\"endpoint\" must be a valid URL");
  for (auto& [name, enabled] : default_labels_enabled)
    if (name != "exporter" && name != "job" && name != "instance" && name != "level")
      context.error_at("default_labels_enabled", fmt::format("\"{}\" is no default label; known: exporter, job, instance, level", name));
}

DefaultLabels Config::default_labels() const {
  auto on = [&](const char* name) {
    auto at = default_labels_enabled.find(name);
    return at == default_labels_enabled.end() || at->second;
  };
  return {on("exporter"), on("job"), on("instance"), on("level")};
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "loki",
          .summary = "Sends logs to Loki's own push endpoint.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::loki

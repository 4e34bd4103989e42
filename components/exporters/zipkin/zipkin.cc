// Sends traces to Zipkin's own endpoint, version 2, in JSON or protobuf.
#include "base/log.h"
#include "components/exporters/zipkin/config.h"
#include "components/shared/auth/auth.h"
#include "components/shared/exporting/rest.h"
#include "engine/decode.h"
#include "net/url.h"

namespace weir::exporters::zipkin {
namespace {

using weir::zipkin::SpanWriter;

// A resource's attributes are repeated with each span: what a batch becomes is sent in bodies of about this size.
constexpr std::size_t body_bytes = 2 * 1024 * 1024;

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

class ZipkinSender final : public exporting::Sender {
 public:
  ZipkinSender(const Config& config, const engine::StageContext& context, std::function<void(net::HeaderList&)> authorize)
      : config_(config), executor_(context.executor), name_(context.id.to_string()), authorize_(std::move(authorize)) {}
  ~ZipkinSender() override {
    closing_ = true;  // what the client says to its open requests now is of no use to anybody
    client_.reset();
  }

  Result<> start() override {
    WEIR_ASSIGN(client_, net::HttpClient::make(executor_, config_.client.settings()));
    return {};
  }

  void send(exporting::Payload, Duration, Done done) override { done(Error{Errc::internal, "zipkin sends batches", {}}); }

  void send(otlp::Batch& batch, Duration timeout, Done done) override {
    next(std::make_shared<Call>(Call{&batch, timeout, std::move(done)}));  // shared with the client's callbacks
  }

 private:
  struct Call {
    otlp::Batch* batch;
    Duration timeout;
    Done done;
    std::size_t group = 0, scope = 0, item = 0;  // where the next body begins
    std::size_t taken = 0, reached = 0;          // spans that Zipkin has, and those of the body under way
    std::size_t invalid = 0;
  };

  // Fills a body from where the last one ended.
  Bytes next_body(Call& call) {
    SpanWriter writer(config_.list_format(), config_.default_service_name);
    auto& groups = call.batch->groups();
    Arena& arena = call.batch->arena();
    for (; call.group < groups.size(); ++call.group, call.scope = 0)
      for (; call.scope < groups[call.group].scopes.size(); ++call.scope, call.item = 0) {
        auto& scope = groups[call.group].scopes[call.scope];
        if (call.item == scope.items.size()) continue;
        writer.begin(groups[call.group].resource.read(arena), scope.scope.read(arena));
        for (; call.item < scope.items.size(); ++call.item, ++call.reached) {
          if (writer.size() >= body_bytes) return writer.finish();
          call.invalid += !writer.add(scope.items[call.item].read<otlp::Span>(arena));
        }
      }
    return writer.spans() > 0 ? writer.finish() : Bytes();
  }

  void next(std::shared_ptr<Call> call) {
    Bytes body = next_body(*call);
    if (body.size() == 0) return finish(*call);
    net::HttpRequest request{.url = config_.client.endpoint, .body = {std::move(body)}, .timeout = call->timeout};
    request.headers.add("content-type", content_type(config_.list_format()));
    if (authorize_) authorize_(request.headers);
    client_->send(std::move(request), [this, call](Result<net::HttpResponse> result) {
      if (closing_) return;
      if (!result || result->status / 100 != 2) return fail_call(*call, result ? error_of(*result) : std::move(result).error());
      call->taken = call->reached;
      next(call);
    });
  }

  void finish(Call& call) {
    if (call.invalid > 0) {
      long long more = 0;
      if (lines_.allow(more))
        log::warn("Zipkin takes no spans without ids. They are dropped.", {{"exporter", name_}, {"spans", call.invalid}, {"suppressed", more}});
    }
    exporting::Sent sent;
    sent.rejected = call.invalid;
    call.done(std::move(sent));
  }

  void fail_call(Call& call, Error error) {
    exporting::Sent sent(std::move(error));
    if (call.taken > 0) {
      std::vector<bool> unsent(call.batch->items(), true);
      std::fill_n(unsent.begin(), static_cast<std::ptrdiff_t>(call.taken), false);
      sent.left = exporting::rest_of(*call.batch, unsent);
    }
    call.done(std::move(sent));
  }

  // As the Go collector: everything that is no success may pass, but what says that the request itself is wrong.
  Error error_of(const net::HttpResponse& response) const {
    int status = response.status;
    bool final = status / 100 == 4 && status != 408 && status != 429;
    return {final ? Errc::permanent : Errc::retryable, fmt::format("failed the request with status code {}", status),
            final ? 0s : response.retry_after(executor_.wall()).value_or(0s)};
  }

  Config config_;
  io::Executor& executor_;
  std::string name_;
  std::function<void(net::HeaderList&)> authorize_;
  std::unique_ptr<net::HttpClient> client_;
  bool closing_ = false;
  log::RateLimit lines_;
};

Result<std::unique_ptr<engine::Stage>> make(const void* config, engine::StageContext& context) {
  const Config& c = as(config);
  WEIR_ASSIGN(auto authorize, auth::find_client(context.host, c.client.auth));
  return exporting::make_stage(c.exporting.settings(), std::make_unique<ZipkinSender>(c, context, std::move(authorize)), context);
}

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      config::embedded<&Config::client>(),
      field<&Config::format>("format", "json or proto.", {.choices = "json|proto"}),
      field<&Config::default_service_name>("default_service_name", "Local service of spans whose resource names none; otherwise OTLPResourceNoServiceName, which receivers take for none."),
      config::embedded<&Config::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (client.endpoint.empty()) return context.error_at("endpoint", "endpoint required");
  if (!client.endpoint.starts_with("http://") && !client.endpoint.starts_with("https://")) return context.error_at("endpoint", "must be an http:// or https:// URL");
  if (auto parsed = net::parse_url(client.endpoint); !parsed) context.error_at("endpoint", parsed.error().what);
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "zipkin",
          .summary = "Sends traces to Zipkin's own endpoint, version 2, in JSON or protobuf.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = make};
}

}  // namespace weir::exporters::zipkin

// Zipkin's HTTP endpoint on one core.
#include "components/shared/zipkin/zipkin.h"

#include "base/text.h"
#include "components/receivers/zipkin/config.h"
#include "components/shared/translating/translating.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::receivers::zipkin {
namespace {

class Format : public translating::Format {
 public:
  Format(bool parse_tags, const io::Executor& executor) : parse_tags_(parse_tags), executor_(executor) {}

  std::optional<net::Answer> turn_away(const net::RequestHead& head) const override {
    if (head.method() == "POST") return std::nullopt;
    return translating::plain(405, "405 method not allowed, supported: [POST]");
  }

  // Version 1 has its own path; every other path is version 2's.
  Result<Bytes> translate(const net::Request& request, Charge& charge) const override {
    std::string type = to_lower(request.content_type().substr(0, request.content_type().find(';')));
    std::string_view body = request.body.view();
    if (request.path().find("api/v1/spans") != std::string_view::npos)
      return type == "application/x-thrift" ? weir::zipkin::from_thrift_v1(body, charge) : weir::zipkin::from_json_v1(body, parse_tags_, executor_.wall(), charge);
    if (type == "application/x-protobuf") return weir::zipkin::from_proto_v2(body, parse_tags_, charge);
    return weir::zipkin::from_json_v2(body, parse_tags_, charge);
  }

 private:
  bool parse_tags_;
  const io::Executor& executor_;
};

class ZipkinReceiver : public engine::Receiver, public engine::Listens {
 public:
  ZipkinReceiver(const Config& config, auth::Server* authenticator, engine::ReceiverContext& context)
      : endpoint_({config.settings(), "http", {config.include_metadata, authenticator}}, std::make_unique<Format>(config.parse_string_tags, context.executor), context) {}

  Result<> start() override { return endpoint_.start(); }
  void stop(io::Task done) override { endpoint_.stop(std::move(done)); }
  void share_listeners() override { endpoint_.share_listeners(); }

 private:
  translating::Endpoint endpoint_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "zipkin",
          .summary = "Takes traces from Zipkin's clients, versions 1 and 2.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* erased, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            auto& config = *static_cast<const Config*>(erased);
            WEIR_ASSIGN(auth::Server * authenticator, auth::find_server(context.host, config.auth));
            return std::make_unique<ZipkinReceiver>(config, authenticator, context);
          }};
}

}  // namespace weir::receivers::zipkin

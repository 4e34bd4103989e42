// Log lines over TCP.
#include "components/shared/stanza/network.h"
#include "engine/decode.h"

namespace weir::receivers::tcplog {
namespace {

struct Config {
  stanza::TcpConfig tcp;
  stanza::InputConfig input;

  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::embedded<&Config::tcp>(), config::embedded<&Config::input>()};
    return rows;
  }
  void validate(config::Context& context) const {
    if (auto good = tcp.check(); !good) context.error_at("", good.error().what);
    input.check(context);
  }
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  auto& c = *static_cast<const Config*>(config);
  return stanza::make_tcp_receiver(c.tcp, c.input, context);
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "tcplog",
          .aliases = {"tcp_log"},
          .summary = "Takes log lines over TCP.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::tcplog

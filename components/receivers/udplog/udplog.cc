// Log lines over UDP.
#include "components/shared/stanza/network.h"
#include "engine/decode.h"

namespace weir::receivers::udplog {
namespace {

struct Config {
  stanza::UdpConfig udp;
  stanza::InputConfig input;

  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::embedded<&Config::udp>(), config::embedded<&Config::input>()};
    return rows;
  }
  void validate(config::Context& context) const {
    if (auto good = udp.check(); !good) context.error_at("", good.error().what);
    input.check(context);
  }
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  auto& c = *static_cast<const Config*>(config);
  return stanza::make_udp_receiver(c.udp, c.input, context);
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "udplog",
          .aliases = {"udp_log"},
          .summary = "Takes log lines over UDP.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::udplog

// Syslog over TCP, TLS or UDP.
#include "components/shared/stanza/network.h"
#include "components/shared/stanza/syslog_config.h"
#include "engine/decode.h"

namespace weir::receivers::syslog {
namespace {

struct Config {
  stanza::SyslogConfig syslog;
  std::optional<stanza::TcpConfig> tcp;
  std::optional<stanza::UdpConfig> udp;
  stanza::OnError on_error = stanza::OnError::send;
  stanza::InputConfig input;

  static std::span<const config::FieldInfo> fields() {
    using config::field;
    static const std::array rows{
        config::embedded<&Config::syslog>(),
        field<&Config::tcp>("tcp", "Listen on TCP; with tls in it, encrypted. Either this or udp."),
        field<&Config::udp>("udp", "Listen on UDP."),
        field<&Config::on_error>("on_error", "What becomes of messages that cannot be read: send, drop, send_quiet or drop_quiet."),
        config::embedded<&Config::input>(),
    };
    return rows;
  }
  void validate(config::Context& context) const {
    auto check = [&](std::string_view key, const Result<>& good) {
      if (!good) context.error_at(key, good.error().what);
    };
    check("", syslog.check());
    if (!tcp && !udp) context.error_at("", "need tcp config or udp config");
    if (tcp) check("tcp", tcp->check());
    if (udp) check("udp", udp->check());
    if (udp && (syslog.enable_octet_counting || syslog.non_transparent_framing_trailer))
      context.error_at("udp", "octet_counting and non_transparent_framing is not compatible with UDP");
    if (auto parser = stanza::make_syslog_parser(syslog, on_error); !parser) context.error_at("", parser.error().what);
    input.check(context);
  }
};

// Both at once, when both are configured.
class Both final : public engine::Receiver {
 public:
  explicit Both(std::vector<std::unique_ptr<engine::Receiver>> parts) : parts_(std::move(parts)) {}
  Result<> start() override {
    for (auto& part : parts_) WEIR_TRY(part->start());
    return {};
  }
  void stop(io::Task done) override {
    left_ = parts_.size();
    done_ = std::move(done);
    for (auto& part : parts_)
      part->stop([this] {
        if (--left_ == 0) std::exchange(done_, nullptr)();
      });
  }

 private:
  std::vector<std::unique_ptr<engine::Receiver>> parts_;
  std::size_t left_ = 0;
  io::Task done_;
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  auto& c = *static_cast<const Config*>(config);
  std::vector<std::unique_ptr<engine::Receiver>> parts;
  if (c.tcp) {
    WEIR_ASSIGN(auto parser, stanza::make_syslog_parser(c.syslog, c.on_error));
    WEIR_ASSIGN(auto part, stanza::make_tcp_receiver(*c.tcp, c.input, context, c.syslog.enable_octet_counting, std::move(parser)));
    parts.push_back(std::move(part));
  }
  if (c.udp) {
    WEIR_ASSIGN(auto parser, stanza::make_syslog_parser(c.syslog, c.on_error));
    WEIR_ASSIGN(auto part, stanza::make_udp_receiver(*c.udp, c.input, context, std::move(parser)));
    parts.push_back(std::move(part));
  }
  return std::make_unique<Both>(std::move(parts));
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "syslog",
          .summary = "Takes syslog over TCP, TLS and UDP.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::syslog

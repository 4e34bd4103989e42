#include "components/extensions/bearertokenauth/config.h"

#include "components/extensions/bearertokenauth/bearertokenauth.h"
#include "engine/decode.h"

namespace weir::extensions::bearertokenauth {

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::header>("header", "Header that carries the token."),
      field<&Config::scheme>("scheme", "Word in front of the token; may be empty."),
      field<&Config::token>("token", "The token."),
      field<&Config::tokens>("tokens", "Tokens that are accepted; the first one is sent."),
      field<&Config::filename>("filename", "A file with a token in each line, instead. It is read again when it changes."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (header.empty()) return fail(Errc::config, "header must not be empty");
  if (token.empty() && tokens.empty() && filename.empty()) return fail(Errc::config, "no bearer token provided");
  if (!token.empty() && !tokens.empty()) return fail(Errc::config, "either tokens or token should be provided, not both");
  for (auto& one : tokens)
    if (one.empty()) return fail(Errc::config, "an empty token would let everybody in");
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "bearertokenauth",
          .aliases = {"bearer_token_auth"},
          .summary = "Sends and checks bearer tokens.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .offers = [](const void*, std::string_view role) { return role == "server auth" || role == "client auth"; },
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return std::make_unique<BearerTokenAuth>(*static_cast<const Config*>(config), context, context.host.fs());
          }};
}

}  // namespace weir::extensions::bearertokenauth

#include "components/extensions/basicauth/config.h"

#include "components/extensions/basicauth/basicauth.h"
#include "engine/decode.h"

namespace weir::extensions::basicauth {

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> Htpasswd::fields() {
  static const std::array rows{
      field<&Htpasswd::file>("file", "A file as Apache's htpasswd writes it; read again when it changes."),
      field<&Htpasswd::inline_text>("inline", "The same as text; its users go before those of the file."),
  };
  return rows;
}

std::span<const FieldInfo> ClientAuth::fields() {
  static const std::array rows{
      field<&ClientAuth::username>("username", "Who sends."),
      field<&ClientAuth::password>("password", "The password."),
      field<&ClientAuth::username_file>("username_file", "A file with the name, instead; read again when it changes."),
      field<&ClientAuth::password_file>("password_file", "A file with the password, instead; read again when it changes."),
  };
  return rows;
}

Result<> ClientAuth::validate() const {
  // The first colon ends the name.
  if (username.find(':') != username.npos) return fail(Errc::config, "username must not contain a colon");
  return {};
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::htpasswd>("htpasswd", "For receivers: who may send."),
      field<&Config::client_auth>("client_auth", "For exporters: who we are."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (htpasswd && client_auth) return fail(Errc::config, "only one of `htpasswd` or `client_auth` can be specified");
  if (!htpasswd && !client_auth) return fail(Errc::config, "no credential source provided");
  if (htpasswd && htpasswd->file.empty() && htpasswd->inline_text.empty()) return fail(Errc::config, "no credential source provided");
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "basicauth",
          .aliases = {"basic_auth"},
          .summary = "Names and passwords, for receivers and exporters.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .offers = [](const void* config, std::string_view role) {
            return role == (static_cast<const Config*>(config)->htpasswd ? "server auth" : "client auth");
          },
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return make(*static_cast<const Config*>(config), context, context.host.fs());
          }};
}

}  // namespace weir::extensions::basicauth

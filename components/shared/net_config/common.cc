#include "components/shared/net_config/common.h"

#include "net/tls.h"

namespace weir::net_config {

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> Auth::fields() {
  static const std::array rows{
      field<&Auth::authenticator>("authenticator", "The extension that does it, by its id.", {.required = true}),
  };
  return rows;
}

namespace {

template <class T>
Result<T> decode_auth(const config::Value& value, config::Context& context, std::string_view role) {
  T out;
  if (config::decode_fields(value, out, context)) {
    const config::Value* name = value.get("authenticator");
    context.problems().refer(name ? name->mark() : value.mark(), out.authenticator, role);
  }
  return out;
}

}  // namespace

Result<ServerAuth> ServerAuth::decode(const config::Value& value, config::Context& context) {
  return decode_auth<ServerAuth>(value, context, "server auth");
}

Result<ClientAuth> ClientAuth::decode(const config::Value& value, config::Context& context) {
  return decode_auth<ClientAuth>(value, context, "client auth");
}

std::vector<FieldInfo> tls_fields() {
  using T = net::TlsSettings;
  return {
      field<&T::ca_file>("ca_file", "PEM file with the authorities to trust; the system's when none is given."),
      field<&T::ca_pem>("ca_pem", "The same as text.", {.secret = true}),
      field<&T::cert_file>("cert_file", "PEM file with the certificate to show."),
      field<&T::cert_pem>("cert_pem", "The same as text.", {.secret = true}),
      field<&T::key_file>("key_file", "PEM file with its key."),
      field<&T::key_pem>("key_pem", "The same as text.", {.secret = true}),
      field<&T::min_version>("min_version", "Oldest TLS version.", {.choices = "1.0|1.1|1.2|1.3"}),
      field<&T::max_version>("max_version", "Newest TLS version; empty is the newest there is.", {.choices = "|1.0|1.1|1.2|1.3"}),
      field<&T::cipher_suites>("cipher_suites", "Allowed suites by IANA name, for TLS 1.2 and older."),
      field<&T::curve_preferences>("curve_preferences", "Curves for key exchange, most wanted first."),
      field<&T::include_system_ca_certs_pool>("include_system_ca_certs_pool", "Trust the system's authorities beside ca_file."),
      field<&T::reload_interval>("reload_interval", "Files are read again at a handshake this long after the last time; 0 is never."),
      config::ignored("tpm", "keys in a TPM are not supported"),
  };
}

}  // namespace weir::net_config

#include "components/shared/kafka/config.h"

namespace weir::kafka {
namespace {

using config::field;
using config::FieldInfo;

// librdkafka can be told only so much.
void check_tls(const net_config::ClientTls& tls, std::string_view key, config::Context& context) {
  auto refuse = [&](bool set, std::string_view name) {
    if (set) context.error_at(fmt::format("{}::{}", key, name), "is not supported for Kafka");
  };
  net_config::ClientTls standard;
  refuse(!tls.server_name_override.empty(), "server_name_override");
  refuse(tls.min_version != standard.min_version, "min_version");
  refuse(tls.max_version != standard.max_version, "max_version");
}

std::string joined(const std::vector<std::string>& parts, char separator) {
  std::string out;
  for (auto& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

void add_tls(const net_config::ClientTls& tls, Properties& out) {
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out.emplace_back(name, value);
  };
  add("ssl.ca.location", tls.ca_file);
  add("ssl.ca.pem", tls.ca_pem);
  add("ssl.certificate.location", tls.cert_file);
  add("ssl.certificate.pem", tls.cert_pem);
  add("ssl.key.location", tls.key_file);
  add("ssl.key.pem", tls.key_pem);
  add("ssl.cipher.suites", joined(tls.cipher_suites, ':'));
  add("ssl.curves.list", joined(tls.curve_preferences, ':'));
  out.emplace_back("enable.ssl.certificate.verification", tls.insecure_skip_verify ? "false" : "true");
  out.emplace_back("ssl.endpoint.identification.algorithm", tls.insecure_skip_verify ? "none" : "https");
}

}  // namespace

std::string millis(Duration d) { return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()); }

std::span<const FieldInfo> PlainText::fields() {
  static const std::array rows{
      field<&PlainText::username>("username", "User.", {.required = true}),
      field<&PlainText::password>("password", "Password.", {.required = true}),
  };
  return rows;
}

std::span<const FieldInfo> Sasl::fields() {
  static const std::array rows{
      field<&Sasl::username>("username", "User."),
      field<&Sasl::password>("password", "Password."),
      field<&Sasl::mechanism>("mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."),
      config::ignored("version", "the handshake's version is negotiated"),
  };
  return rows;
}

void Sasl::validate(config::Context& context) const {
  if (mechanism != "PLAIN" && mechanism != "SCRAM-SHA-256" && mechanism != "SCRAM-SHA-512")
    return context.error_at("mechanism", fmt::format("mechanism should be one of 'PLAIN', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'. configured value {}", mechanism));
  if (username.empty()) context.error_at("username", "username is required");
  if (password.empty()) context.error_at("password", "password is required");
}

std::span<const FieldInfo> Authentication::fields() {
  static const std::array rows{
      field<&Authentication::plain_text>("plain_text", "Old spelling of sasl with mechanism PLAIN."),
      field<&Authentication::sasl>("sasl", "User and password."),
      field<&Authentication::tls>("tls", "Old place of tls."),
  };
  return rows;
}

std::span<const FieldInfo> MetadataRetry::fields() {
  static const std::array rows{
      config::ignored("max", "what is known of a cluster is asked for again for as long as it takes"),
      field<&MetadataRetry::backoff>("backoff", "Wait before a request to a broker is repeated."),
  };
  return rows;
}

std::span<const FieldInfo> Metadata::fields() {
  static const std::array rows{
      field<&Metadata::full>("full", "Ask about all topics rather than those in use."),
      field<&Metadata::refresh_interval>("refresh_interval", "How often the cluster is asked about its topics.", {.min = 1s}),
      field<&Metadata::retry>("retry", "Repeated requests."),
  };
  return rows;
}

std::span<const FieldInfo> Client::fields() {
  static const std::array rows{
      field<&Client::brokers>("brokers", "host:port of brokers to ask about the cluster first."),
      config::ignored("resolve_canonical_bootstrap_servers_only", "no effect since 0.153"),
      field<&Client::protocol_version>("protocol_version", "Accepted; versions are negotiated with each broker."),
      field<&Client::client_id>("client_id", "Name that brokers see."),
      field<&Client::auth>("auth", "Credentials."),
      field<&Client::tls>("tls", "TLS; plain text without it."),
      field<&Client::metadata>("metadata", "What is asked about the cluster."),
      field<&Client::rack_id>("rack_id", "Where this client is, so that it reads from a replica near to it."),
      config::ignored("use_leader_epoch", "epochs are used where brokers have them"),
      field<&Client::conn_idle_timeout>("conn_idle_timeout", "Connections are closed after so much silence.", {.min = 1s}),
  };
  return rows;
}

void Client::validate(config::Context& context) const {
  if (brokers.empty()) context.error_at("brokers", "brokers must be specified");
  for (auto& broker : brokers)
    if (broker.empty()) context.error_at("brokers", "brokers must not be empty");
  if (auth.plain_text && auth.sasl) context.error_at("auth", "plain_text and sasl cannot both be set");
  if (tls) check_tls(*tls, "tls", context);
  if (auth.tls) check_tls(*auth.tls, "auth::tls", context);
}

Properties Client::properties() const {
  Properties out;
  out.emplace_back("bootstrap.servers", joined(brokers, ','));
  out.emplace_back("client.id", client_id);
  if (!rack_id.empty()) out.emplace_back("client.rack", rack_id);
  out.emplace_back("connections.max.idle.ms", millis(conn_idle_timeout));
  out.emplace_back("topic.metadata.refresh.interval.ms", millis(metadata.refresh_interval));
  out.emplace_back("topic.metadata.refresh.sparse", metadata.full ? "false" : "true");
  out.emplace_back("retry.backoff.ms", millis(std::max<Duration>(metadata.retry.backoff, 1ms)));
  auto& encryption = tls ? tls : auth.tls;
  bool encrypted = encryption && !encryption->insecure, authenticated = auth.sasl || auth.plain_text;
  out.emplace_back("security.protocol", encrypted ? (authenticated ? "sasl_ssl" : "ssl") : (authenticated ? "sasl_plaintext" : "plaintext"));
  if (encrypted) add_tls(*encryption, out);
  if (authenticated) {
    out.emplace_back("sasl.mechanisms", auth.sasl ? auth.sasl->mechanism : "PLAIN");
    out.emplace_back("sasl.username", auth.sasl ? auth.sasl->username : auth.plain_text->username);
    out.emplace_back("sasl.password", auth.sasl ? auth.sasl->password.reveal() : auth.plain_text->password.reveal());
  }
  return out;
}

}  // namespace weir::kafka

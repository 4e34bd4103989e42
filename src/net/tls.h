#pragma once
// TLS settings under the collector's names, and what they make.
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir::net {

struct TlsSettings {
  std::string ca_file, ca_pem;      // whom a client trusts
  std::string cert_file, cert_pem;
  std::string key_file, key_pem;
  std::string min_version = "1.2", max_version;  // "1.0" ... "1.3"; empty max = newest
  std::vector<std::string> cipher_suites;        // IANA names; TLS 1.2 and older
  std::vector<std::string> curve_preferences;    // X25519, P256, P384, P521
  bool include_system_ca_certs_pool = false;
  Duration reload_interval{0};                   // 0 = never; looked at when a handshake starts
};

struct TlsClientSettings : TlsSettings {
  bool insecure = false;              // no TLS at all
  bool insecure_skip_verify = false;  // TLS, but anybody may answer
  std::string server_name_override;
};

struct TlsServerSettings : TlsSettings {
  std::string client_ca_file;         // set: clients must show a certificate that it signed
  bool client_ca_file_reload = false;
};

// Certificates and rules of one listener or client on one core. Re-reads its files when reload_interval is over; when
// the new files are bad the old certificates stay, with a warning.
class TlsContext {
 public:
  static Result<std::unique_ptr<TlsContext>> server(const TlsServerSettings& settings, const Clock& clock);
  // `alpn`: protocols to offer, most wanted first, e.g. {"h2", "http/1.1"}.
  static Result<std::unique_ptr<TlsContext>> client(const TlsClientSettings& settings, const Clock& clock,
                                                    std::vector<std::string> alpn);
  ~TlsContext();

  // A new handshake's state; the caller frees it with SSL_free. `server_name` for clients: what to ask for and verify.
  ssl_st* start(const std::string& server_name = {});

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What is wrong on every machine: versions, suites, texts, a certificate without its key.
Result<> check_rules(const TlsServerSettings& settings);
Result<> check_rules(const TlsClientSettings& settings);
// What is wrong on this machine: files that are not there, or not what they should be. After check_rules().
Result<> check_files(const TlsServerSettings& settings);
Result<> check_files(const TlsClientSettings& settings);

}  // namespace weir::net

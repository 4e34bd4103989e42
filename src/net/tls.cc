#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <fstream>
#include <mutex>
#include <sstream>

#include "base/log.h"
#include "base/text.h"
#include "net/certificate.h"
#include "net/socket.h"

namespace weir::net {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const { Free(p); }
};
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

std::string openssl_error() {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return fail(Errc::config, "cannot read {}: {}", path, std::strerror(errno));
  return std::move(text).str();
}

// The PEM text of a pair of settings, of which at most one may be set. Empty when none is.
Result<std::string> pem_of(std::string_view name, const std::string& file, const std::string& pem) {
  if (!file.empty() && !pem.empty())
    return fail(Errc::config, "provide either a {0} file or the PEM-encoded string, but not both", name);
  return file.empty() ? Result<std::string>(pem) : read_file(file);
}

Result<int> version_of(const std::string& text, int when_empty) {
  if (text.empty()) return when_empty;
  if (text == "1.0") return TLS1_VERSION;
  if (text == "1.1") return TLS1_1_VERSION;
  if (text == "1.2") return TLS1_2_VERSION;
  if (text == "1.3") return TLS1_3_VERSION;
  return fail(Errc::config, "unsupported TLS version: \"{}\"", text);
}

std::vector<Certificate> parse_certificates(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Certificate> out;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) out.emplace_back(certificate);
  ERR_clear_error();  // the end of the text is reported as an error
  return out;
}

Result<> add_trust(SSL_CTX* context, const std::string& pem, std::string_view what) {
  std::vector<Certificate> certificates = parse_certificates(pem);
  if (certificates.empty()) return fail(Errc::config, "{}: no certificate in it", what);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Certificate& certificate : certificates) X509_STORE_add_cert(store, certificate.get());
  ERR_clear_error();  // a certificate that is there twice
  return {};
}

Result<> use_certificate(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem) {
  std::vector<Certificate> chain = parse_certificates(chain_pem);
  if (chain.empty()) return fail(Errc::config, "certificate: no certificate in it");
  Bio bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return fail(Errc::config, "private key: {}", openssl_error());
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    return fail(Errc::config, "certificate and key: {}", openssl_error());
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  return {};
}

// OpenSSL knows the IANA names, but lists take its own: translate each.
Result<> set_ciphers(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string list, list13;
  Context all(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_cipher_list(all.get(), "ALL:COMPLEMENTOFALL@SECLEVEL=0");
  STACK_OF(SSL_CIPHER)* known = SSL_CTX_get_ciphers(all.get());
  for (const std::string& name : names) {
    const SSL_CIPHER* found = nullptr;
    for (int i = 0; i < sk_SSL_CIPHER_num(known) && found == nullptr; ++i)
      if (SSL_CIPHER_standard_name(sk_SSL_CIPHER_value(known, i)) == name) found = sk_SSL_CIPHER_value(known, i);
    if (found == nullptr) return fail(Errc::config, "invalid TLS cipher suite: \"{}\"", name);
    bool is13 = std::string_view(SSL_CIPHER_get_version(found)) == "TLSv1.3";
    std::string& to = is13 ? list13 : list;
    to += (to.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(found));
  }
  bool ok = (list.empty() || SSL_CTX_set_cipher_list(context, list.c_str()) == 1) &&
            (list13.empty() || SSL_CTX_set_ciphersuites(context, list13.c_str()) == 1);
  return ok ? Result<>{} : fail(Errc::config, "cipher_suites: {}", openssl_error());
}

Result<> set_curves(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string list;
  for (const std::string& name : names) {
    std::string group = name.starts_with("P") && name.size() == 4 ? "P-" + name.substr(1) : name;
    list += (list.empty() ? "" : ":") + group;
  }
  if (SSL_CTX_set1_groups_list(context, list.c_str()) != 1)
    return fail(Errc::config, "curve_preferences: {}: {}", list, openssl_error());
  return {};
}

Result<> set_versions(SSL_CTX* context, const TlsSettings& settings) {
  WEIR_ASSIGN(int min, version_of(settings.min_version, TLS1_2_VERSION));
  WEIR_ASSIGN(int max, version_of(settings.max_version, 0));
  if (max != 0 && max < min) return fail(Errc::config, "TLS min_version is above max_version");
  SSL_CTX_set_min_proto_version(context, min);
  SSL_CTX_set_max_proto_version(context, max);
  // Debian's OpenSSL refuses the old versions at its usual security level.
  if (min < TLS1_2_VERSION) SSL_CTX_set_security_level(context, 0);
  return {};
}

Result<> set_own_certificate(SSL_CTX* context, const TlsSettings& settings, bool required) {
  WEIR_ASSIGN(std::string chain, pem_of("certificate", settings.cert_file, settings.cert_pem));
  WEIR_ASSIGN(std::string key, pem_of("key", settings.key_file, settings.key_pem));
  if (chain.empty() && key.empty() && !required) return {};
  if (chain.empty() || key.empty()) return fail(Errc::config, "for auth via TLS, provide both certificate and key");
  return use_certificate(context, chain, key);
}

Result<Context> common_context(const TlsSettings& settings, bool is_server) {
  Context context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  if (!context) return fail(Errc::internal, "tls: {}", openssl_error());
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // One system call for a record, not one for its header and one for the rest.
  SSL_CTX_set_read_ahead(context.get(), 1);
  WEIR_TRY(set_versions(context.get(), settings));
  WEIR_TRY(set_ciphers(context.get(), settings.cipher_suites));
  WEIR_TRY(set_curves(context.get(), settings.curve_preferences));
  WEIR_TRY(set_own_certificate(context.get(), settings, is_server));
  return context;
}

// h2 before http/1.1, whatever order the client likes.
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned size,
                void*) {
  static constexpr std::string_view ours("\x02h2\x08http/1.1", 12);
  unsigned char* chosen = nullptr;
  int result = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                     static_cast<unsigned>(ours.size()), offered, size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Result<Context> server_context(const TlsServerSettings& settings) {
  WEIR_ASSIGN(Context context, common_context(settings, true));
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("weir"), 4);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets need no memory here
  if (settings.client_ca_file.empty()) return context;
  WEIR_ASSIGN(std::string ca, read_file(settings.client_ca_file));
  WEIR_TRY(add_trust(context.get(), ca, settings.client_ca_file));
  for (const Certificate& certificate : parse_certificates(ca)) SSL_CTX_add_client_CA(context.get(), certificate.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

std::string alpn_wire(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out.push_back(static_cast<char>(name.size()));
    out += name;
  }
  return out;
}

// The authorities that the system trusts: 50 ms and several MiB, so they are read when first asked for, once.
X509_STORE* system_trust() {
  static X509_STORE* store = [] {
    X509_STORE* out = X509_STORE_new();
    X509_STORE_set_default_paths(out);
    ERR_clear_error();
    return out;
  }();
  return store;
}

// The system's authorities, alone (the store is shared) or beside others.
void trust_system(SSL_CTX* context, bool alone) {
  if (alone) {
    SSL_CTX_set1_cert_store(context, system_trust());
    return;
  }
  X509_STORE* own = SSL_CTX_get_cert_store(context);
  STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(system_trust());
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i)
    if (X509* certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i))) X509_STORE_add_cert(own, certificate);
  ERR_clear_error();
}

Result<Context> client_context(const TlsClientSettings& settings, const std::vector<std::string>& alpn) {
  WEIR_ASSIGN(Context context, common_context(settings, false));
  WEIR_ASSIGN(std::string ca, pem_of("CA", settings.ca_file, settings.ca_pem));
  if (!ca.empty()) WEIR_TRY(add_trust(context.get(), ca, "CA"));
  SSL_CTX_set_verify(context.get(), settings.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  std::string wire = alpn_wire(alpn);
  if (!wire.empty())
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
  return context;
}

// OpenSSL writes with write(), which signals when the peer is gone.
void ignore_broken_pipes() {
  static std::once_flag once;
  std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
}

}  // namespace

struct TlsContext::Impl {
  Context context;
  std::function<Result<Context>()> build;
  const Clock& clock;
  Duration reload_interval;
  TimePoint loaded_at;
  bool is_server;
  const TlsClientSettings client;
  const TlsSettings settings;
  bool has_system_roots = false;

  // Reading the system's certificates takes long, and many clients never speak TLS: they wait for the first handshake.
  void add_system_roots() {
    bool own = !client.ca_file.empty() || !client.ca_pem.empty();
    if (is_server || has_system_roots || (own && !client.include_system_ca_certs_pool)) return;
    trust_system(context.get(), !own);
    has_system_roots = true;
  }

  void reload() {
    TimePoint now = clock.now();
    if (reload_interval <= Duration::zero() || now < loaded_at + reload_interval) return;
    loaded_at = now;
    auto fresh = build();
    if (fresh) {
      context = std::move(*fresh);
      has_system_roots = false;
      if (auto warning = certificate_warning(settings); !warning.empty()) log::warn(warning);
    } else {
      log::warn("TLS files could not be read again; the old ones stay in use", {{"error", fresh.error().what}});
    }
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::server(const TlsServerSettings& settings, const Clock& clock) {
  ignore_broken_pipes();
  auto build = [settings] { return server_context(settings); };
  WEIR_ASSIGN(Context context, build());
  // client_ca_file_reload watches the file in the Go collector; looking at each minute's first handshake is as good.
  Duration interval = settings.reload_interval;
  if (settings.client_ca_file_reload && interval <= Duration::zero()) interval = 1min;
  return std::unique_ptr<TlsContext>(new TlsContext(
      std::unique_ptr<Impl>(new Impl{std::move(context), build, clock, interval, clock.now(), true, {}, settings})));
}

Result<std::unique_ptr<TlsContext>> TlsContext::client(const TlsClientSettings& settings, const Clock& clock,
                                                       std::vector<std::string> alpn) {
  ignore_broken_pipes();
  auto build = [settings, alpn] { return client_context(settings, alpn); };
  WEIR_ASSIGN(Context context, build());
  return std::unique_ptr<TlsContext>(new TlsContext(std::unique_ptr<Impl>(
      new Impl{std::move(context), build, clock, settings.reload_interval, clock.now(), false, settings, settings})));
}

ssl_st* TlsContext::start(const std::string& server_name) {
  impl_->reload();
  impl_->add_system_roots();
  SSL* ssl = SSL_new(impl_->context.get());
  if (impl_->is_server) {
    SSL_set_accept_state(ssl);
    return ssl;
  }
  SSL_set_connect_state(ssl);
  const std::string& over = impl_->client.server_name_override;
  const std::string& name = over.empty() ? server_name : over;
  bool is_address = !numeric_address(name, 0).empty();
  if (!is_address) SSL_set_tlsext_host_name(ssl, name.c_str());
  if (is_address) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  else SSL_set1_host(ssl, name.c_str());
  return ssl;
}

namespace {

bool plain(const TlsClientSettings& s) {
  return s.insecure && s.ca_file.empty() && s.ca_pem.empty() && s.cert_file.empty() && s.cert_pem.empty();
}

// Both of a file and a text, or one half of a certificate and its key.
Result<> check_pairs(const TlsSettings& s, bool certificate_required) {
  auto both = [](std::string_view name, const std::string& file, const std::string& pem) -> Result<> {
    if (file.empty() || pem.empty()) return {};
    return fail(Errc::config, "provide either a {0} file or the PEM-encoded string, but not both", name);
  };
  WEIR_TRY(both("CA", s.ca_file, s.ca_pem));
  WEIR_TRY(both("certificate", s.cert_file, s.cert_pem));
  WEIR_TRY(both("key", s.key_file, s.key_pem));
  bool certificate = !s.cert_file.empty() || !s.cert_pem.empty(), key = !s.key_file.empty() || !s.key_pem.empty();
  if (certificate != key || (certificate_required && !certificate)) return fail(Errc::config, "for auth via TLS, provide both certificate and key");
  return {};
}

// The settings without what stands in files.
template <class Settings>
Settings without_files(Settings s) {
  if (!s.cert_file.empty() || !s.key_file.empty()) s.cert_file = s.key_file = s.cert_pem = s.key_pem = "";
  s.ca_file.clear();
  return s;
}

}  // namespace

std::string certificate_warning(const TlsSettings& settings) {
  auto pem = pem_of("certificate", settings.cert_file, settings.cert_pem);
  if (!pem || pem->empty()) return {};
  auto chain = parse_certificates(*pem);
  if (chain.empty()) return {};
  auto text = [](const ASN1_TIME* time) {
    Bio bio(BIO_new(BIO_s_mem()));
    ASN1_TIME_print(bio.get(), time);
    char* data = nullptr;
    auto size = static_cast<std::size_t>(BIO_get_mem_data(bio.get(), &data));
    return std::string(data, size);
  };
  const ASN1_TIME* begin = X509_get0_notBefore(chain.front().get());
  const ASN1_TIME* end = X509_get0_notAfter(chain.front().get());
  std::string name = settings.cert_file.empty() ? "the certificate" : "the certificate in " + settings.cert_file;
  if (X509_cmp_current_time(begin) > 0) return fmt::format("{} is not valid before {}", name, text(begin));
  return X509_cmp_current_time(end) < 0 ? fmt::format("{} expired on {}", name, text(end)) : std::string();
}

Result<> check_rules(const TlsServerSettings& settings) {
  WEIR_TRY(check_pairs(settings, true));
  TlsServerSettings texts = without_files(settings);
  WEIR_TRY(common_context(texts, !texts.cert_pem.empty()));
  return {};
}

Result<> check_rules(const TlsClientSettings& settings) {
  WEIR_TRY(check_pairs(settings, false));
  if (plain(settings)) return {};
  WEIR_TRY(client_context(without_files(settings), {}));
  return {};
}

Result<> check_files(const TlsServerSettings& settings) {
  WEIR_TRY(server_context(settings));
  return {};
}

Result<> check_files(const TlsClientSettings& settings) {
  if (plain(settings)) return {};
  WEIR_TRY(client_context(settings, {}));
  return {};
}

}  // namespace weir::net

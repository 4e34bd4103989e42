#include "net/tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fstream>

#include "net/certificate.h"
#include "net/client.h"
#include "net/testing.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

// All that can be told without a peer.
template <class Settings>
Result<> check(const Settings& settings) {
  WEIR_TRY(check_rules(settings));
  return check_files(settings);
}

struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  Identity() = default;
  Identity(const Identity&) = delete;
  ~Identity() {
    EVP_PKEY_free(key);
    X509_free(certificate);
  }
  std::string text(bool private_key) const {
    BIO* bio = BIO_new(BIO_s_mem());
    if (private_key) PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    else PEM_write_bio_X509(bio, certificate);
    char* data = nullptr;
    auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
    std::string out(data, size);
    BIO_free(bio);
    return out;
  }
  std::string pem() const { return text(false); }
  std::string key_pem() const { return text(true); }
};

// Signed by `issuer`, or by itself. `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
void issue(Identity& to, const char* name, const Identity& issuer, const char* names) {
  static long serial = 1;
  X509* certificate = to.certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate));
  X509_set_pubkey(certificate, to.key);
  auto extend = [&](int what, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (names == nullptr) extend(NID_basic_constraints, "critical,CA:TRUE");
  else extend(NID_subject_alt_name, names);
  X509_sign(certificate, issuer.key, EVP_sha256());
}

struct Authority {
  Identity ca, server, client;
  Authority() {
    issue(ca, "ca", ca, nullptr);
    issue(server, "server", ca, "DNS:localhost,IP:127.0.0.1");
    issue(client, "client", ca, "DNS:client");
  }
};

const Authority& authority() {
  static const Authority made;
  return made;
}

ServerSettings tls_server() {
  ServerSettings settings = loopback();
  settings.tls.emplace();
  settings.tls->cert_pem = authority().server.pem();
  settings.tls->key_pem = authority().server.key_pem();
  return settings;
}

TlsClientSettings trusting() {
  TlsClientSettings settings;
  settings.ca_pem = authority().ca.pem();
  return settings;
}


Result<HttpResponse> get(TestServer& s, HttpClientSettings settings, std::string body = "hello") {
  auto client = HttpClient::make(s.loop, std::move(settings));
  if (!client) return fail(client.error());
  std::optional<Result<HttpResponse>> result;
  (*client)->send({.url = fmt::format("https://{}/x", s.server->endpoint()), .body = {Bytes::take(std::move(body))}},
                  [&](auto r) { result = std::move(r); });
  REQUIRE(s.until([&] { return result.has_value(); }));
  return std::move(*result);
}

GrpcResult call(TestServer& s, GrpcClientSettings settings, std::string body = "hello") {
  settings.endpoint = s.server->endpoint();
  auto client = GrpcClient::make(s.loop, std::move(settings));
  REQUIRE(client);
  std::optional<GrpcResult> result;
  (*client)->call({.path = "/a/B", .body = {Bytes::take(std::move(body))}}, [&](auto r) { result = std::move(r); });
  REQUIRE(s.until([&] { return result.has_value(); }));
  return std::move(*result);
}

struct TempFile {
  std::string path;
  explicit TempFile(std::string_view text) {
    static int number = 0;
    path = fmt::format("/tmp/weir-tls-test-{}-{}.pem", ::getpid(), number++);
    write(text);
  }
  ~TempFile() { ::unlink(path.c_str()); }
  void write(std::string_view text) { std::ofstream(path) << text; }
};

}  // namespace

TEST_CASE("tls: https over HTTP/2 and HTTP/1.1, and grpc") {
  for (bool http2 : {true, false}) {
    TestServer s(tls_server());
    HttpClientSettings settings;
    settings.tls = trusting();
    settings.force_attempt_http2 = http2;
    auto response = get(s, settings, std::string(500'000, 'x'));
    REQUIRE_MESSAGE(response, (response ? "" : response.error().what));
    CHECK(response->body.size() == 500'000);
    CHECK(s.handler.seen.at(0).http_major == (http2 ? 2 : 1));
  }
  TestServer s(tls_server());
  GrpcClientSettings settings;
  settings.tls = trusting();
  std::string body(3'000'000, 'y');
  GrpcResult result = call(s, settings, body);
  CHECK(result.message == "");
  CHECK(result.payload == body);
}

TEST_CASE("tls: a streamed answer over HTTP/2 waits for its reader, while others go on") {
  TestServer s(tls_server());
  HttpClientSettings settings;
  settings.tls = trusting();
  auto client = std::move(*HttpClient::make(s.loop, settings));
  std::string url = fmt::format("https://{}/", s.server->endpoint()), body;
  while (body.size() < 10'000'000) body += std::to_string(body.size());
  struct Reader final : BodySink {
    std::string got;
    bool wants = false, ended = false;
    void on_head(int status, const HeaderList&) override { CHECK(status == 200); }
    bool on_piece(std::string_view piece) override {
      got += piece;
      return wants;
    }
    void on_end(Result<> end) override { ended = end.has_value(); }
  } sink;
  StreamId id = client->stream({.url = url, .body = {Bytes::copy_of(body)}}, sink);
  REQUIRE(s.until([&] { return !sink.got.empty(); }));
  bool answered = false;
  client->send({.url = url, .body = {Bytes::take(std::string(3'000'000, 'o'))}}, [&](auto result) { answered = result && result->body.size() == 3'000'000; });
  REQUIRE(s.until([&] { return answered; }));
  CHECK(sink.got.size() <= BodySink::most_after_pause);
  CHECK(s.server->stats().accepted == 1);
  sink.wants = true;
  client->resume(id);
  REQUIRE(s.until([&] { return sink.ended; }));
  CHECK(sink.got == body);
}

TEST_CASE("tls: peers that are not trusted are refused, unless nobody checks") {
  TestServer s(tls_server());
  HttpClientSettings settings;
  auto response = get(s, settings);
  REQUIRE_FALSE(response);
  CHECK(response.error().what.find("certificate") != std::string::npos);
  settings.tls.insecure_skip_verify = true;
  CHECK(get(s, settings));
  settings.tls = trusting();
  settings.tls.server_name_override = "other.test";
  response = get(s, settings);
  REQUIRE_FALSE(response);
  CHECK(response.error().what.find("mismatch") != std::string::npos);
  settings.tls.server_name_override = "localhost";
  CHECK(get(s, settings));
  GrpcClientSettings grpc;
  CHECK(call(s, grpc).code == GrpcCode::unavailable);
}

TEST_CASE("tls: with a client CA only known clients come in") {
  TempFile ca(authority().ca.pem());
  ServerSettings settings = tls_server();
  settings.tls->client_ca_file = ca.path;
  TestServer s(settings);
  HttpClientSettings client;
  client.tls = trusting();
  CHECK_FALSE(get(s, client));
  client.tls.cert_pem = authority().client.pem();
  client.tls.key_pem = authority().client.key_pem();
  CHECK(get(s, client));
  Authority stranger;
  client.tls.cert_pem = stranger.client.pem();
  client.tls.key_pem = stranger.client.key_pem();
  CHECK_FALSE(get(s, client));
  CHECK(s.handler.seen.size() == 1);
}

TEST_CASE("tls: new certificates are used after the reload interval; broken ones are not") {
  TempFile certificate(authority().server.pem()), key(authority().server.key_pem());
  ServerSettings settings = loopback();
  settings.tls.emplace();
  settings.tls->cert_file = certificate.path;
  settings.tls->key_file = key.path;
  settings.tls->reload_interval = 1ns;
  TestServer s(settings);
  HttpClientSettings old_trust, new_trust;
  old_trust.tls = trusting();
  Authority next;
  new_trust.tls.ca_pem = next.ca.pem();
  CHECK(get(s, old_trust));
  certificate.write("nonsense");
  CHECK(get(s, old_trust));
  certificate.write(next.server.pem());
  key.write(next.server.key_pem());
  CHECK(get(s, new_trust));
  CHECK_FALSE(get(s, old_trust));
}

TEST_CASE("tls: versions") {
  ServerSettings settings = tls_server();
  settings.tls->max_version = "1.2";
  TestServer s(settings);
  HttpClientSettings client;
  client.tls = trusting();
  CHECK(get(s, client));
  client.tls.min_version = "1.3";
  CHECK_FALSE(get(s, client));
}

TEST_CASE("tls: plain peers on a TLS port and silent ones are let go") {
  ServerSettings settings = tls_server();
  settings.read_header_timeout = 20ms;
  TestServer s(settings);
  RawPeer plain = s.peer();
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(plain.wait_closed());
  RawPeer silent = s.peer();
  CHECK(silent.wait_closed());
}

TEST_CASE("tls: a certificate whose time is over is told") {
  TlsServerSettings settings;
  settings.cert_pem = authority().server.pem();
  CHECK(certificate_warning(settings) == "");
  Identity old;
  X509_set_version(old.certificate, 2);
  X509_set_pubkey(old.certificate, old.key);
  X509_gmtime_adj(X509_getm_notBefore(old.certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(old.certificate), -3600);
  X509_sign(old.certificate, old.key, EVP_sha256());
  settings.cert_pem = old.pem();
  CHECK(certificate_warning(settings).starts_with("the certificate expired on "));
  X509_gmtime_adj(X509_getm_notBefore(old.certificate), 3600);
  X509_gmtime_adj(X509_getm_notAfter(old.certificate), 7200);
  X509_sign(old.certificate, old.key, EVP_sha256());
  settings.cert_pem = old.pem();
  CHECK(certificate_warning(settings).starts_with("the certificate is not valid before "));
}

TEST_CASE("tls: what is wrong with settings is said") {
  TlsServerSettings good;
  good.cert_pem = authority().server.pem();
  good.key_pem = authority().server.key_pem();
  CHECK(check(good));
  struct { std::function<void(TlsServerSettings&)> change; std::string_view message; } const rows[] = {
      {[](auto& t) { t.key_pem.clear(); }, "provide both certificate and key"},
      {[](auto& t) { t.cert_file = "x"; }, "not both"},
      {[](auto& t) { t.min_version = "2.0"; }, "unsupported TLS version: \"2.0\""},
      {[](auto& t) { t.max_version = "1.1"; }, "min_version is above max_version"},
      {[](auto& t) { t.cipher_suites = {"TLS_NONE"}; }, "invalid TLS cipher suite: \"TLS_NONE\""},
      {[](auto& t) { t.curve_preferences = {"P999"}; }, "curve_preferences"},
      {[](auto& t) { t.client_ca_file = "/nowhere.pem"; }, "cannot read /nowhere.pem"},
      {[](auto& t) { t.key_pem = authority().ca.key_pem(); }, "certificate and key"},
      {[](auto& t) { t.cert_pem = "junk"; }, "no certificate in it"},
  };
  for (auto& row : rows) {
    CAPTURE(row.message);
    TlsServerSettings bad = good;
    row.change(bad);
    auto result = check(bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().what.find(row.message) != std::string::npos);
  }
  TlsServerSettings ciphers = good;
  ciphers.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"};
  ciphers.curve_preferences = {"X25519", "P256"};
  CHECK(check(ciphers));
  TlsClientSettings client;
  client.insecure = true;
  CHECK(check(client));
}

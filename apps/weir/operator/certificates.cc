#include "weir/operator/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace weir::app {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
  return {data, size};
}

std::string to_pem(X509* certificate) {
  Memory bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  Memory bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

bool extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
  bool done = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return done;
}

struct Request {
  const char* name;
  const char* names;  // null: an authority
  Duration valid;
};

Certificate issue(const Request& request, EVP_PKEY* own, X509* issuer, EVP_PKEY* issuer_key) {
  Certificate out(X509_new());
  X509_set_version(out.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(request.valid).count()));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(request.name), -1, -1, 0);
  X509* signer = issuer == nullptr ? out.get() : issuer;
  X509_set_issuer_name(out.get(), X509_get_subject_name(signer));
  X509_set_pubkey(out.get(), own);
  bool done = request.names == nullptr ? extend(out.get(), signer, NID_basic_constraints, "critical,CA:TRUE") && extend(out.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign")
                                       : extend(out.get(), signer, NID_subject_alt_name, request.names) && extend(out.get(), signer, NID_ext_key_usage, "serverAuth");
  if (!done || X509_sign(out.get(), issuer_key, EVP_sha256()) == 0) return nullptr;
  return out;
}

}  // namespace

Result<Certificates> make_certificates(const std::string& names, Duration valid) {
  Key ca_key(EVP_EC_gen("P-256")), key(EVP_EC_gen("P-256"));
  if (!ca_key || !key) return fail(Errc::internal, "OpenSSL makes no keys");
  Certificate ca = issue({"weir operator CA", nullptr, valid}, ca_key.get(), nullptr, ca_key.get());
  Certificate own = ca ? issue({"weir operator", names.c_str(), valid}, key.get(), ca.get(), ca_key.get()) : nullptr;
  if (!own) return fail(Errc::config, "no certificate can be made for '{}'", names);
  return Certificates{to_pem(ca.get()), to_pem(ca_key.get()), to_pem(own.get()), to_pem(key.get())};
}

UnixNanos valid_until(const std::string& cert_pem) {
  Memory bio(BIO_new_mem_buf(cert_pem.data(), static_cast<int>(cert_pem.size())));
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::tm when{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &when) != 1) return 0;
  return static_cast<UnixNanos>(::timegm(&when)) * 1'000'000'000;
}

}  // namespace weir::app

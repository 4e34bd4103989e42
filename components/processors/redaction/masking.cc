#include "components/processors/redaction/masking.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/text.h"

namespace weir::processors::redaction {
namespace {

std::string digest(std::string_view text, const EVP_MD* kind) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), out, &size, kind, nullptr);
  return to_hex({reinterpret_cast<const char*>(out), size});
}

std::string keyed_digest(std::string_view text, std::string_view key, const EVP_MD* kind) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(kind, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return to_hex({reinterpret_cast<const char*>(out), size});
}

std::string replacement(std::string_view text, Hash hash, std::string_view key) {
  switch (hash) {
    case Hash::sha1: return digest(text, EVP_sha1());
    case Hash::sha3: return digest(text, EVP_sha3_256());
    case Hash::md5: return digest(text, EVP_md5());
    case Hash::hmac_sha256: return keyed_digest(text, key, EVP_sha256());
    case Hash::hmac_sha512: return keyed_digest(text, key, EVP_sha512());
    case Hash::none: break;
  }
  return "****";
}

// Behind one character.
std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

}  // namespace

std::string mask(std::string_view text, const Regex& pattern, Hash hash, std::string_view key) {
  std::string out;
  std::size_t copied = 0, search = 0;
  std::optional<std::size_t> last_end;
  RegexText subject(text);
  std::string_view match;
  while (search <= text.size() && pattern.find(subject, search, {&match, 1})) {
    auto begin = static_cast<std::size_t>(match.data() - text.data());
    if (match.empty() && last_end == begin) {
      search = next_character(text, begin);
      continue;
    }
    out += text.substr(copied, begin - copied);
    out += replacement(match, hash, key);
    copied = begin + match.size();
    last_end = copied;
    search = match.empty() ? next_character(text, copied) : copied;
  }
  if (copied < text.size()) out += text.substr(copied);
  return out;
}

}  // namespace weir::processors::redaction

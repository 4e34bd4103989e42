#include "components/extensions/basicauth/passwords.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/text.h"

namespace weir::extensions::basicauth {
namespace {

bool equal(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

std::string digest(const char* algorithm, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t size = 0;
  bool ok = EVP_Q_digest(nullptr, algorithm, nullptr, text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1;
  // An OpenSSL without this algorithm lets nobody in.
  out.resize(ok ? size : 0);
  return out;
}

// The last step of Apache's variant of MD5 crypt: the digest in another order, six bits a letter.
std::string apr1_letters(const std::string& d) {
  constexpr std::string_view letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  auto byte = [&](int i) { return static_cast<unsigned>(static_cast<unsigned char>(d[static_cast<std::size_t>(i)])); };
  std::string out;
  auto put = [&](unsigned value, int count) {
    for (; count > 0; --count, value >>= 6) out += letters[value & 63];
  };
  for (int i = 0; i < 5; ++i) put(byte(i) << 16 | byte(i + 6) << 8 | byte(i == 4 ? 5 : i + 12), 4);
  put(byte(11), 2);
  return out;
}

std::string apr1(std::string_view password, std::string_view salt) {
  constexpr std::string_view magic = "$apr1$";
  std::string inner = digest("MD5", fmt::format("{}{}{}", password, salt, password));
  if (inner.empty()) return {};
  std::string text = fmt::format("{}{}{}", password, magic, salt);
  for (std::size_t left = password.size(); left > 0; left -= std::min<std::size_t>(16, left)) text.append(inner, 0, std::min<std::size_t>(16, left));
  for (std::size_t bits = password.size(); bits != 0; bits >>= 1) text += bits & 1 || password.empty() ? '\0' : password[0];
  std::string d = digest("MD5", text);
  for (int round = 0; round < 1000; ++round) {
    std::string next;
    next += round & 1 ? password : std::string_view(d);
    if (round % 3) next += salt;
    if (round % 7) next += password;
    next += round & 1 ? std::string_view(d) : password;
    d = digest("MD5", next);
  }
  return apr1_letters(d);
}

bool matches_apr1(std::string_view password, std::string_view encoded) {
  encoded.remove_prefix(6);
  auto dollar = encoded.find('$');
  if (dollar == encoded.npos || dollar > 8) return false;
  std::string made = apr1(password, encoded.substr(0, dollar));
  return !made.empty() && equal(made, encoded.substr(dollar + 1));
}

bool matches_sha1(std::string_view password, std::string_view base64, bool salted) {
  std::string stored;
  constexpr std::size_t size = 20;
  if (!decode_base64(base64, stored) || (salted ? stored.size() <= size : stored.size() != size)) return false;
  std::string made = digest("SHA1", fmt::format("{}{}", password, std::string_view(stored).substr(size)));
  return !made.empty() && equal(made, std::string_view(stored).substr(0, size));
}

// What the C library knows, bcrypt among it.
bool matches_crypt(std::string_view password, const std::string& encoded) {
  if (password.find('\0') != password.npos) return false;
  auto work = std::make_unique<crypt_data>();  // 32 KiB, too much for a small stack
  const char* made = crypt_r(std::string(password).c_str(), encoded.c_str(), work.get());
  // "*0" and "*1" mean that the encoding is not understood.
  return made != nullptr && made[0] != '*' && equal(made, encoded);
}

}  // namespace

bool password_matches(std::string_view password, const std::string& encoded) {
  std::string_view e = encoded;
  if (e.starts_with("$apr1$")) return matches_apr1(password, e);
  if (e.starts_with("{SHA}")) return matches_sha1(password, e.substr(5), false);
  if (e.starts_with("{SSHA}")) return matches_sha1(password, e.substr(6), true);
  if (e.starts_with('$')) return matches_crypt(password, encoded);
  return equal(password, e);
}

void Passwords::add(std::string_view text) {
  for (auto line : split(text, '\n')) {
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto colon = line.find(':');
    if (colon == 0 || colon == line.npos || colon + 1 == line.size())
      ++skipped_;
    else
      users_.insert_or_assign(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
}

bool Passwords::matches(std::string_view user, std::string_view password) const {
  auto at = users_.find(std::string(user));
  return at != users_.end() && password_matches(password, at->second);
}

}  // namespace weir::extensions::basicauth

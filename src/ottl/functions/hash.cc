// Hashes and random ids.
#include <openssl/evp.h>
#include <xxhash.h>

#include "base/text.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

std::string digest(const EVP_MD* method, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), out, &size, method, nullptr) != 1) return "";
  return to_hex({reinterpret_cast<const char*>(out), size});
}

template <const EVP_MD* (*method)()>
bool hashed(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  std::string hex = digest(method(), text);
  if (hex.empty()) return c.fail("{} is not available in this cryptographic library", call.info().name);
  return out = c.scratch_text(hex), true;
}

bool fnv(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a, 64 bit
  for (char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return out = Value::of(static_cast<std::int64_t>(hash)), true;
}

bool xxh3(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  return out = c.scratch_text(fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()))), true;
}

bool xxh128(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return out = c.scratch_text(fmt::format("{:016x}{:016x}", hash.high64, hash.low64)), true;
}

// ---- MurmurHash3, seed 0
template <class T>
T word_at(std::string_view text, std::size_t at) {
  T out = 0;
  std::memcpy(&out, text.data() + at, std::min(sizeof out, text.size() - at));
  return out;
}

std::uint32_t murmur32(std::string_view text) {
  auto mixed = [](std::uint32_t k) { return std::rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u; };
  std::uint32_t h = 0;
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) h = std::rotl(h ^ mixed(word_at<std::uint32_t>(text, at)), 13) * 5 + 0xe6546b64u;
  if (at < text.size()) h ^= mixed(word_at<std::uint32_t>(text, at));
  h ^= static_cast<std::uint32_t>(text.size());
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

std::array<std::uint64_t, 2> murmur128(std::string_view text) {
  constexpr std::uint64_t c1 = 0x87c37b91114253d5ULL, c2 = 0x4cf5ad432745937fULL;
  auto mix1 = [](std::uint64_t k) { return std::rotl(k * c1, 31) * c2; };
  auto mix2 = [](std::uint64_t k) { return std::rotl(k * c2, 33) * c1; };
  auto finish = [](std::uint64_t k) {
    k = (k ^ k >> 33) * 0xff51afd7ed558ccdULL;
    k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return k ^ k >> 33;
  };
  std::uint64_t h1 = 0, h2 = 0;
  std::size_t at = 0;
  for (; at + 16 <= text.size(); at += 16) {
    h1 = (std::rotl(h1 ^ mix1(word_at<std::uint64_t>(text, at)), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ mix2(word_at<std::uint64_t>(text, at + 8)), 31) + h1) * 5 + 0x38495ab5;
  }
  if (at + 8 < text.size()) h2 ^= mix2(word_at<std::uint64_t>(text, at + 8));
  if (at < text.size()) h1 ^= mix1(word_at<std::uint64_t>(text, at));
  h1 ^= text.size();
  h2 ^= text.size();
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  h2 += h1;
  return {h1, h2};
}

// Least significant byte first.
template <class T>
std::string little_endian_hex(T word) {
  return to_hex({reinterpret_cast<const char*>(&word), sizeof word});
}

bool murmur3(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  return out = c.scratch_text(little_endian_hex(murmur32(text))), true;
}

bool murmur3_128(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  auto hash = murmur128(text);
  return out = c.scratch_text(little_endian_hex(hash[0]) + little_endian_hex(hash[1])), true;
}

// ---- UUIDs (RFC 9562)
Value uuid_of(EvalContext& c, std::uint64_t high, std::uint64_t low, std::uint64_t version) {
  high = (high & ~0xF000ULL) | version << 12;
  low = (low & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
  return c.scratch_text(fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFFULL));
}

bool uuid(EvalContext& c, const Call&, Value& out) { return out = uuid_of(c, c.rng().next(), c.rng().next(), 4), true; }

bool uuid_v7(EvalContext& c, const Call&, Value& out) {
  std::uint64_t millis = c.clock().wall() / 1'000'000;
  return out = uuid_of(c, millis << 16 | (c.rng().next() & 0xFFFF), c.rng().next(), 7), true;
}

}  // namespace

std::span<const FunctionInfo> hash_functions() {
  static const std::array rows{
      FunctionInfo{"MD5", "The MD5 hash of the text, in hex.", {{"target", Takes::text}}, hashed<EVP_md5>},
      FunctionInfo{"SHA1", "The SHA-1 hash of the text, in hex.", {{"target", Takes::text}}, hashed<EVP_sha1>},
      FunctionInfo{"SHA256", "The SHA-256 hash of the text, in hex.", {{"target", Takes::text}}, hashed<EVP_sha256>},
      FunctionInfo{"SHA512", "The SHA-512 hash of the text, in hex.", {{"target", Takes::text}}, hashed<EVP_sha512>},
      FunctionInfo{"FNV", "The 64-bit FNV-1a hash of the text, as an int.", {{"target", Takes::text}}, fnv},
      FunctionInfo{"Murmur3Hash", "The 32-bit MurmurHash3 of the text, in hex, least significant byte first.", {{"target", Takes::text}}, murmur3},
      FunctionInfo{"Murmur3Hash128", "The 128-bit MurmurHash3 of the text, in hex, least significant bytes first.", {{"target", Takes::text}}, murmur3_128},
      FunctionInfo{"XXH3", "The 64-bit XXH3 hash of the text, in hex.", {{"target", Takes::text}}, xxh3},
      FunctionInfo{"XXH128", "The 128-bit XXH3 hash of the text, in hex.", {{"target", Takes::text}}, xxh128},
      FunctionInfo{"UUID", "A new random UUID (version 4).", {}, uuid},
      FunctionInfo{"UUIDv7", "A new UUID that starts with the time (version 7).", {}, uuid_v7},
  };
  return rows;
}

}  // namespace weir::ottl

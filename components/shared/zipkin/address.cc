#include "components/shared/zipkin/address.h"

#include <arpa/inet.h>

#include "components/shared/zipkin/model.h"

namespace weir::zipkin {
namespace {

// Four numbers below 256 without zeros in front: most addresses, which stay as they are.
bool is_usual_v4(std::string_view text) {
  int parts = 0;
  while (!text.empty()) {
    int number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9'; ++digits) number = 10 * number + (text[digits] - '0');
    if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0') || ++parts > 4) return false;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text[0] != '.' || text.size() == 1) return false;
    text.remove_prefix(1);
  }
  return parts == 4;
}

std::string write_v4(std::string_view bytes) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  return fmt::format("{}.{}.{}.{}", byte(0), byte(1), byte(2), byte(3));
}

// The longest run of zeros, of two or more, is left out.
std::string write_v6(std::string_view bytes) {
  std::array<unsigned, 8> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<unsigned char>(bytes[2 * i]) << 8 | static_cast<unsigned char>(bytes[2 * i + 1]);
  std::size_t gap = words.size(), gap_size = 1;
  for (std::size_t i = 0, run = 0; i < words.size(); ++i) {
    run = words[i] == 0 ? run + 1 : 0;
    if (run > gap_size) gap_size = run, gap = i + 1 - run;
  }
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == gap) {
      out += "::";
      i += gap_size - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    out += fmt::format("{:x}", words[i]);
  }
  return out;
}

}  // namespace

std::string write_address(std::string_view bytes) {
  constexpr std::string_view v4_in_v6("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  if (bytes.size() == 4) return write_v4(bytes);
  if (bytes.size() != 16) return {};
  return bytes.starts_with(v4_in_v6) ? write_v4(bytes.substr(v4_in_v6.size())) : write_v6(bytes);
}

Result<std::string_view> usual_address(std::string_view text, Scratch& scratch) {
  if (text.empty() || is_usual_v4(text)) return text;
  char copy[INET6_ADDRSTRLEN] = {}, bytes[sizeof(in6_addr)];
  if (text.size() < sizeof copy) text.copy(static_cast<char*>(copy), text.size());
  if (text.size() >= sizeof copy || text.find('\0') != text.npos || inet_pton(AF_INET6, static_cast<char*>(copy), static_cast<char*>(bytes)) != 1)
    return fail(malformed(fmt::format("'{}' is no IP address", text.substr(0, 64))));
  if (!scratch.take(sizeof copy)) return fail(no_room());
  return scratch.arena().copy(write_address({static_cast<char*>(bytes), sizeof bytes}));
}

}  // namespace weir::zipkin

// URLs and addresses.
#include <arpa/inet.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "ottl/function.h"
#include "ottl/text/url.h"

namespace weir::ottl {
namespace {

// IPv4 as four bytes, IPv6 as sixteen; "" when it is neither. IPv6 forms of IPv4 addresses count as IPv4.
std::string address_bytes(std::string_view text) {
  std::string zero_ended(text.substr(0, 64));
  unsigned char bytes[16];
  bool leading_zero = false;
  for (std::size_t i = 0; i + 1 < zero_ended.size(); ++i)
    leading_zero |= zero_ended[i] == '0' && (i == 0 || zero_ended[i - 1] == '.') && zero_ended[i + 1] >= '0' && zero_ended[i + 1] <= '9';
  if (!zero_ended.contains(':') && !leading_zero && inet_pton(AF_INET, zero_ended.c_str(), bytes) == 1)
    return {reinterpret_cast<char*>(bytes), 4};
  if (inet_pton(AF_INET6, zero_ended.c_str(), bytes) != 1) return "";
  std::string out(reinterpret_cast<char*>(bytes), 16);
  if (out.starts_with(std::string_view("\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12))) out.erase(0, 12);
  return out;
}

struct Network {
  std::string address;
  unsigned bits = 0;
  bool holds(std::string_view other) const {
    if (other.size() != address.size()) return false;
    for (unsigned i = 0; i < bits; ++i)
      if (((address[i / 8] ^ other[i / 8]) >> (7 - i % 8)) & 1) return false;
    return true;
  }
};

bool parse_network(std::string_view text, Network& out) {
  std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash + 1 == text.size() || text.size() > slash + 4) return false;
  out.address = address_bytes(text.substr(0, slash));
  for (char c : text.substr(slash + 1)) {
    if (c < '0' || c > '9') return false;
    out.bits = out.bits * 10 + static_cast<unsigned>(c - '0');
  }
  bool mapped = out.address.size() == 4 && text.substr(0, slash).find(':') != std::string_view::npos;
  if (mapped) out.bits = out.bits >= 96 ? out.bits - 96 : 999;
  return !out.address.empty() && out.bits <= out.address.size() * 8;
}

// IsInCIDR(target, [networks])
struct Networks : Prepared {
  std::vector<Network> fixed;
  bool all_fixed = true;
};

Result<> prepare_networks(Call& call) {
  auto out = std::make_unique<Networks>();
  for (auto& item : call[1].items) {
    const Value* text = item->constant();
    if (text == nullptr) {
      out->all_fixed = false;
      continue;
    }
    Network network;
    if (!parse_network(text->text, network)) return fail(Errc::config, "invalid CIDR address: {}", text->text);
    out->fixed.push_back(std::move(network));
  }
  call.prepared = std::move(out);
  return {};
}

bool is_in_cidr(EvalContext& c, const Call& call, Value& out) {
  std::string_view target;
  if (!call.text(c, 0, target)) return false;
  auto& networks = static_cast<const Networks&>(*call.prepared);
  std::string address = address_bytes(target);
  out = Value::of(false);
  if (address.empty()) return true;
  if (networks.all_fixed) {
    for (auto& network : networks.fixed) out.boolean |= network.holds(address);
    return true;
  }
  for (auto& item : call[1].items) {
    Value text;
    if (!item->eval(c, text)) return false;
    if (!text.is(Kind::text)) return c.expected("string", text);
    Network network;
    if (!parse_network(text.text, network)) return c.fail("invalid CIDR address: {}", text.text);
    if (network.holds(address)) return out.boolean = true, true;
  }
  return true;
}

// ---- CommunityID(source, source port, destination, destination port, protocol?, seed?)
int protocol_number(std::string_view name) {
  constexpr std::pair<std::string_view, int> known[] = {{"ICMP", 1}, {"TCP", 6}, {"UDP", 17}, {"RSVP", 46}, {"ICMP6", 58}, {"SCTP", 132}};
  for (auto& [word, number] : known)
    if (word == name) return number;
  return -1;
}

bool sixteen_bits(EvalContext& c, const Call& call, std::size_t i, std::string_view what, std::int64_t& out) {
  if (call.given(i) && !call.integer(c, i, out)) return false;
  if (out < 0 || out > 65535) return c.fail("{} must be between 0 and 65535, got {}", what, out);
  return true;
}

void append_16(std::string& out, std::int64_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number);
}

bool community_id(EvalContext& c, const Call& call, Value& out) {
  std::string_view source_text, target_text, protocol = "TCP";
  std::int64_t source_port = 0, target_port = 0, seed = 0;
  if (!call.text(c, 0, source_text)) return false;
  std::string source = address_bytes(source_text);
  if (source.empty()) return c.fail("invalid source IP: {}", source_text);
  if (!sixteen_bits(c, call, 1, "source port", source_port)) return false;
  if (!call.text(c, 2, target_text)) return false;
  std::string target = address_bytes(target_text);
  if (target.empty()) return c.fail("invalid destination IP: {}", target_text);
  if (!sixteen_bits(c, call, 3, "destination port", target_port) || !call.optional_text(c, 4, protocol)) return false;
  int number = protocol_number(protocol);
  if (number < 0) return c.fail("unsupported protocol: {}", protocol);
  if (!sixteen_bits(c, call, 5, "seed", seed)) return false;
  // The smaller end first, so that both directions of a flow have one id.
  auto order = [](const std::string& address, std::int64_t port) { return std::tuple(address.size(), std::string_view(address), port); };
  if (order(target, target_port) < order(source, source_port)) {
    std::swap(source, target);
    std::swap(source_port, target_port);
  }
  std::string flow;
  append_16(flow, seed);
  flow += source + target;
  flow += static_cast<char>(number);
  flow += '\0';
  append_16(flow, source_port);
  append_16(flow, target_port);
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(flow.data(), flow.size(), hash, &size, EVP_sha1(), nullptr) != 1) return c.fail("SHA-1 is not available");
  return out = c.scratch_text("1:" + encode_base64({reinterpret_cast<char*>(hash), size})), true;
}

// ---- numbers that check themselves
bool is_valid_luhn(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  bool found;
  if (!call.text_like(c, 0, text, found)) return false;
  if (!found) return c.fail("invalid input: <nil>");
  int sum = 0, digits = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == ' ') continue;
    if (text[i] < '0' || text[i] > '9') return c.fail("\"{}\" is not a number", text);
    int digit = text[i] - '0';
    if (digits++ % 2 == 1 && (digit *= 2) > 9) digit -= 9;
    sum += digit;
  }
  return out = Value::of(digits > 0 && sum % 10 == 0), true;
}

// ---- URL
bool url(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return c.fail("url cannot be empty");
  auto parsed = Url::parse(text);
  if (!parsed) return c.fail("{}", parsed.error().what);
  auto* map = c.scratch().make<otlp::Attributes>();
  auto put = [&](std::string_view key, std::string_view value) { map->push_back(c.scratch(), {key, otlp::Value::of(c.scratch().copy(value))}); };
  put("url.original", parsed->text());
  put("url.domain", parsed->host);
  put("url.scheme", parsed->scheme);
  put("url.path", parsed->path);
  if (std::size_t dot = parsed->path.rfind('.'); dot != std::string::npos && dot + 1 < parsed->path.size())
    put("url.extension", std::string_view(parsed->path).substr(dot + 1));
  if (!parsed->fragment.empty()) put("url.fragment", parsed->fragment);
  if (!parsed->query.empty()) put("url.query", parsed->query);
  if (!parsed->port.empty()) {
    std::int64_t port = 0;
    for (char digit : parsed->port.substr(0, 9)) port = port * 10 + (digit - '0');
    map->push_back(c.scratch(), {"url.port", otlp::Value::of(port)});
  }
  if (parsed->has_user) {
    put("url.user_info", parsed->user_info());
    if (!parsed->user.empty()) put("url.username", parsed->user);
    if (parsed->has_password) put("url.password", parsed->password);
  }
  return out = Value::of(map), true;
}

}  // namespace

std::span<const FunctionInfo> network_functions() {
  static const std::array rows{
      FunctionInfo{"URL", "The parts of a URL as a map: url.scheme, url.domain, url.path and what else there is.", {{"uri", Takes::text}}, url},
      FunctionInfo{"IsInCIDR", "Whether an IP address is in one of the networks.", {{"target", Takes::text}, {"networks", Takes::text_list}}, is_in_cidr, prepare_networks},
      FunctionInfo{"CommunityID", "The Community ID flow hash of a connection; protocols ICMP, TCP, UDP, RSVP, ICMP6, SCTP.",
                   {{"sourceIP", Takes::text}, {"sourcePort", Takes::integer}, {"destinationIP", Takes::text}, {"destinationPort", Takes::integer},
                    {"protocol", Takes::text, true}, {"seed", Takes::integer, true}}, community_id},
      FunctionInfo{"IsValidLuhn", "Whether the last digit of a number is its Luhn checksum, as on payment cards.", {{"target", Takes::text_like}}, is_valid_luhn},
  };
  return rows;
}

}  // namespace weir::ottl

#include "components/shared/scrape/discovery/dns_answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <array>

namespace weir::scrape {
namespace {

std::uint16_t number_at(const unsigned char* p) { return static_cast<std::uint16_t>(p[0] << 8 | p[1]); }

std::string address_text(int family, const unsigned char* data) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, data, text.data(), text.size()) ? text.data() : "";
}

// The name at `at` bytes of the record's data; empty when there is none.
std::string name_at(ns_msg& message, const ns_rr& record, std::size_t at) {
  std::array<char, NS_MAXDNAME> name{};
  if (ns_rr_rdlen(record) <= at) return {};
  if (::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record) + at, name.data(), name.size()) < 0) return {};
  std::string out = name.data();
  return out.ends_with('.') ? out : out + ".";
}

}  // namespace

Result<std::vector<DnsRecord>> read_dns_answer(std::string_view bytes) {
  std::vector<DnsRecord> out;
  if (bytes.empty()) return out;
  ns_msg message;
  if (::ns_initparse(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), &message) != 0) return fail(Errc::invalid, "the DNS answer is damaged");
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return fail(Errc::invalid, "the DNS answer is damaged");
    const unsigned char* data = ns_rr_rdata(record);
    std::size_t size = ns_rr_rdlen(record);
    DnsRecord made;
    switch (ns_rr_type(record)) {
      case ns_t_a: made.value = size == 4 ? address_text(AF_INET, data) : ""; break;
      case ns_t_aaaa: made.value = size == 16 ? address_text(AF_INET6, data) : ""; break;
      case ns_t_srv:
        made = {DnsRecord::Kind::srv, name_at(message, record, 6), size >= 6 ? number_at(data + 4) : std::uint16_t{0}};
        break;
      case ns_t_mx: made = {DnsRecord::Kind::mx, name_at(message, record, 2)}; break;
      case ns_t_ns: made = {DnsRecord::Kind::ns, name_at(message, record, 0)}; break;
      default: break;
    }
    if (!made.value.empty()) out.push_back(std::move(made));
  }
  return out;
}

}  // namespace weir::scrape

// Targets from DNS. The system's resolver blocks, so it runs on the worker threads.
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "base/log.h"
#include "base/text.h"
#include "components/shared/scrape/discovery/discovery.h"
#include "components/shared/scrape/discovery/dns_answer.h"
#include "io/workers.h"
#include "net/url.h"

namespace weir::scrape {
namespace {

int type_number(std::string_view type) {
  std::string lower = to_lower(type);
  return lower == "a" ? ns_t_a : lower == "aaaa" ? ns_t_aaaa : lower == "mx" ? ns_t_mx : lower == "ns" ? ns_t_ns : ns_t_srv;
}

// Blocks. A name that does not exist has no records; without an answer it is not known whether it has some.
Result<std::string> look_up(const std::string& name, int type) {
  struct __res_state state {};
  if (::res_ninit(&state) != 0) return fail(Errc::retryable, "could not load resolv.conf");
  std::string answer(65536, '\0');
  int size = ::res_nsearch(&state, name.c_str(), ns_c_in, type, reinterpret_cast<unsigned char*>(answer.data()), static_cast<int>(answer.size()));
  int why = state.res_h_errno;
  ::res_nclose(&state);
  if (size < 0 && (why == HOST_NOT_FOUND || why == NO_DATA)) return std::string();
  if (size < 0) return fail(Errc::retryable, "could not resolve \"{}\"", name);
  answer.resize(std::min(static_cast<std::size_t>(size), answer.size()));
  return answer;
}

class DnsDiscovery final : public Discovery {
 public:
  DnsDiscovery(const DnsSd& config, const DiscoveryContext& context)
      : config_(config), executor_(context.executor), workers_(context.host.workers()), job_(context.job), groups_(config.names.size()) {}
  ~DnsDiscovery() override {
    executor_.cancel(timer_);
    *alive_ = false;
  }

  void start(Told told) override {
    told_ = std::move(told);
    ask();
  }

 private:
  void ask() {
    open_ = config_.names.size();
    for (std::size_t i = 0; i < config_.names.size(); ++i) ask(i);
    timer_ = executor_.at(executor_.now() + std::max<Duration>(config_.refresh_interval.value, 1s), [this] { ask(); });
  }

  void ask(std::size_t number) {
    auto answer = std::make_shared<Result<std::string>>(fail(Errc::retryable, "no answer"));  // shared by the worker and this core, one after the other
    auto submitted = workers_.submit(
        io::Workers::Priority::normal, executor_, [answer, name = config_.names[number], type = type_number(config_.type)] { *answer = look_up(name, type); },
        [this, alive = alive_, answer, number] {
          if (*alive) answered(number, *answer);
        });
    if (!submitted) --open_;
  }

  void answered(std::size_t number, const Result<std::string>& answer) {
    const std::string& name = config_.names[number];
    auto records = answer ? read_dns_answer(*answer) : Result<std::vector<DnsRecord>>(fail(answer.error()));
    if (records) {
      TargetGroup group{.source = name};
      for (auto& record : *records) group.targets.push_back(labels_of(name, record));
      groups_[number] = std::move(group);
    } else {
      log::error("dns_sd: cannot get targets", {{"job", job_}, {"name", name}, {"error", records.error().what}});
    }
    if (--open_ == 0) told_(groups_);
  }

  Labels labels_of(const std::string& name, const DnsRecord& record) const {
    Labels out{{"__meta_dns_name", name}};
    std::string host = record.value;
    while (host.ends_with('.')) host.pop_back();
    std::uint16_t port = record.kind == DnsRecord::Kind::srv ? record.port : config_.port;
    out.set(address_label, net::join_host_port(host, port));
    switch (record.kind) {
      case DnsRecord::Kind::srv:
        out.set("__meta_dns_srv_record_target", record.value);
        out.set("__meta_dns_srv_record_port", fmt::format("{}", record.port));
        break;
      case DnsRecord::Kind::mx: out.set("__meta_dns_mx_record_target", record.value); break;
      case DnsRecord::Kind::ns: out.set("__meta_dns_ns_record_target", record.value); break;
      case DnsRecord::Kind::address: break;
    }
    return out;
  }

  DnsSd config_;
  io::Executor& executor_;
  io::Workers& workers_;
  std::string job_;
  std::vector<TargetGroup> groups_;
  Told told_;
  io::TimerId timer_ = 0;
  std::size_t open_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was posted
};

}  // namespace

std::unique_ptr<Discovery> make_dns_discovery(const DnsSd& config, const DiscoveryContext& context) { return std::make_unique<DnsDiscovery>(config, context); }

}  // namespace weir::scrape

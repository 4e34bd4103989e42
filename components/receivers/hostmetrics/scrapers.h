#pragma once
// What each scraper reads and tells.
#include "components/receivers/hostmetrics/choice.h"
#include "components/receivers/hostmetrics/host.h"
#include "components/receivers/hostmetrics/metrics.h"
#include "components/receivers/hostmetrics/process.h"

namespace weir::receivers::hostmetrics {

// All scrapers of a receiver. One thread at a time.
class Collector {
 public:
  static Result<Collector> make(const Config& config, HostFiles files);
  otlp::Batch collect(UnixNanos now);

 private:
  struct CpuTimes {
    double user, system, idle, interrupt, nice, softirq, steal, wait;
    double total() const { return user + system + idle + interrupt + nice + softirq + steal + wait; }
  };
  Collector(const Config& config, HostFiles files) : config_(config), files_(std::move(files)) {}
  void cpu(Points& out);
  void load(Points& out) const;
  void memory(Points& out) const;
  void disk(Points& out) const;
  void filesystem(Points& out) const;
  void network(Points& out) const;
  void connections(Points& out) const;
  TcpStates states_in_files() const;
  void nfs(Points& out) const;
  void paging(Points& out) const;
  void physical_cpus(Points& out) const;
  void frequencies(Points& out) const;
  void huge_pages(Points& out, std::string_view meminfo) const;
  void conntrack(Points& out) const;
  void processes(Points& out) const;
  void system(Points& out) const;

  const std::vector<ProcessStat>& process_stats() const;

  Config config_;
  HostFiles files_;
  std::unique_ptr<ProcessScraper> process_;
  mutable std::optional<std::vector<ProcessStat>> stats_;  // of the look at hand, read when the first scraper wants them
  Choice disks_, interfaces_, devices_, fs_types_, mount_points_;
  UnixNanos boot_ = 0;
  std::map<std::string, CpuTimes, std::less<>> cpu_before_;
};

}  // namespace weir::receivers::hostmetrics

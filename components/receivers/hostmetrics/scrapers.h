#pragma once
// What each scraper reads and tells.
#include "base/regex.h"
#include "components/receivers/hostmetrics/host.h"
#include "components/receivers/hostmetrics/metrics.h"

namespace weir::receivers::hostmetrics {

// All scrapers of a receiver. One thread at a time.
class Collector {
 public:
  static Result<Collector> make(const Config& config, HostFiles files);
  otlp::Batch collect(UnixNanos now);

 private:
  // A list of names, or regular expressions.
  struct Names {
    std::vector<std::string> texts;
    std::vector<Regex> patterns;
    bool given = false;
    bool has(std::string_view name) const;
  };
  struct Choice {
    Names include, exclude;
    bool takes(std::string_view name) const { return (!include.given || include.has(name)) && (!exclude.given || !exclude.has(name)); }
  };
  struct CpuTimes {
    double user, system, idle, interrupt, nice, softirq, steal, wait;
    double total() const { return user + system + idle + interrupt + nice + softirq + steal + wait; }
  };
  Collector(const Config& config, HostFiles files) : config_(config), files_(std::move(files)) {}
  static Result<Names> names_of(const std::optional<Filter>& filter, std::vector<std::string> Filter::* list);
  static Result<Choice> choice_of(const std::optional<Filter>& include, const std::optional<Filter>& exclude, std::vector<std::string> Filter::* list);

  void cpu(Points& out);
  void load(Points& out) const;
  void memory(Points& out) const;
  void disk(Points& out) const;
  void filesystem(Points& out) const;
  void network(Points& out) const;
  void connections(Points& out) const;
  void paging(Points& out) const;
  void processes(Points& out) const;
  void process(Points& out, UnixNanos now) const;
  void one_process(Points& out, const std::string& pid, UnixNanos now) const;
  void system(Points& out) const;

  Config config_;
  HostFiles files_;
  Choice disks_, interfaces_, process_names_, devices_, fs_types_, mount_points_;
  UnixNanos boot_ = 0;
  std::map<std::string, CpuTimes, std::less<>> cpu_before_;
};

}  // namespace weir::receivers::hostmetrics

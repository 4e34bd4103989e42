#pragma once
// What is read of processes.
#include <unordered_map>

#include "components/receivers/hostmetrics/choice.h"
#include "components/receivers/hostmetrics/host.h"
#include "components/receivers/hostmetrics/metrics.h"

namespace weir::receivers::hostmetrics {

// /proc/PID/stat, which two scrapers look at.
class ProcessStat {
 public:
  // Nothing when the text is none.
  static std::optional<ProcessStat> of(std::string pid, std::string text);
  const std::string& pid() const { return pid_; }
  char state() const { return field(3).empty() ? '?' : field(3)[0]; }
  // In parentheses.
  std::string_view command() const { return std::string_view(text_).substr(open_ + 1, close_ - open_ - 1); }
  // Numbered as in the manual; from 3 on.
  std::string_view field(std::size_t number) const;
  std::int64_t integer(std::size_t field_number) const { return number(field(field_number)); }

 private:
  std::string pid_, text_;
  std::size_t open_ = 0, close_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> places_;  // of fields from the third on, in the text
};

std::vector<ProcessStat> read_processes(const HostFiles& files);

// One thread at a time.
class ProcessScraper {
 public:
  static Result<std::unique_ptr<ProcessScraper>> make(const Scraper& config);
  void collect(Points& out, const HostFiles& files, const std::vector<ProcessStat>& stats, UnixNanos now, UnixNanos boot);

 private:
  // What is known of a process from one look to the next.
  struct Known {
    UnixNanos began = 0, time = 0;
    std::optional<unsigned> owner_of_folder;
    std::string owner;
    double user = 0, system = 0, wait = 0;  // seconds
    std::uint64_t look = 0;
  };

  ProcessScraper(const Scraper& config, Choice names) : config_(config), names_(std::move(names)) {}
  bool tells(std::string_view resource_attribute) const;
  void one(Points& out, const HostFiles& files, const ProcessStat& stat, UnixNanos now, UnixNanos boot);
  void identify(Points& out, const HostFiles& files, const ProcessStat& stat, const std::string& name, Known& known);
  const std::string& user_name(const HostFiles& files, unsigned user);
  void times(Points& out, const ProcessStat& stat, Known& known, UnixNanos now) const;
  void memory(Points& out, const ProcessStat& stat) const;
  void io(Points& out, const HostFiles& files, const std::string& folder) const;
  void context_switches(Points& out, const HostFiles& files, const std::string& folder) const;

  Scraper config_;
  Choice names_;
  std::unordered_map<std::string, Known> known_;  // by process id
  std::unordered_map<unsigned, std::string> users_;
  UnixNanos users_since_ = 0;
  std::int64_t memory_total_ = 0;  // bytes, of the look at hand
  double cpus_ = 1;
  std::uint64_t look_ = 0;
};

}  // namespace weir::receivers::hostmetrics

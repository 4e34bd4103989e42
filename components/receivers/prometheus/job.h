#pragma once
// A job as cores work on it.
#include <memory>

#include "components/receivers/prometheus/config.h"
#include "components/receivers/prometheus/series.h"
#include "components/shared/scrape/http/fetcher.h"

namespace weir::receivers::prometheus {

// Never changes; shared by all cores. A changed job is another one with the same name.
struct Job {
  scrape::ScrapeConfig config;
  scrape::LabelMap external_labels;
  bool trim_suffixes = false;

  const std::string& name() const { return config.job_name; }
};
using JobPtr = std::shared_ptr<const Job>;

// What the targets of a job share on one core: connections and compiled rules.
struct JobTools {
  JobPtr job;
  std::unique_ptr<scrape::Fetcher> fetcher;
  std::shared_ptr<const scrape::Relabeler> rules;  // shared with the targets' series
  net::HeaderList headers;                         // Accept and the like

  static Result<std::shared_ptr<JobTools>> make(JobPtr job, io::Executor& executor, Budget& budget);
};

SeriesSettings series_settings(const scrape::ScrapeConfig& config);
// The header Accept for these formats, most wanted first.
std::string accept_header(const std::vector<scrape::Protocol>& protocols, std::string_view escaping);

}  // namespace weir::receivers::prometheus

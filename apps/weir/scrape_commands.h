#pragma once
// weir relabel and weir targets: what is scraped, and why.
#include "components/shared/scrape/config/scrape_config.h"
#include "weir/commands.h"

namespace weir::app {

// {__address__="host:1",a="b"} or __address__=host:1,a=b
Result<scrape::Labels> parse_labels(std::string_view text);

// What each rule of the job does to a target with these labels, step by step.
std::string explain_relabeling(const scrape::ScrapeConfig& job, const scrape::Labels& target);
// What each of its rules for series does to a series with these labels.
std::string explain_metric_relabeling(const scrape::ScrapeConfig& job, const scrape::Labels& series);

// The answer of a running weir's /debug/targetz?format=json as a table.
Result<std::string> targets_table(std::string_view json);

}  // namespace weir::app

#pragma once
// From what discovery found to what is scraped: relabeling, checks, URL, identity.
#include <memory>

#include "components/shared/scrape/discovery/discovery.h"
#include "components/shared/scrape/relabel/relabeler.h"

namespace weir::scrape {

struct Target {
  Labels discovered;  // before relabeling
  Labels labels;      // after it, without __meta_ labels
  std::string url;
  std::uint64_t hash = 0;  // of labels and URL: equal ones are one target
  Duration interval{}, timeout{};
  bool native_histograms = false, classic_histograms = false, convert_histograms = false;

  std::string_view instance() const { return labels.get(instance_label); }
};
// Never changes; shared by the core that found it and the one that scrapes it.
using TargetPtr = std::shared_ptr<const Target>;

// What a target has before relabeling.
Labels discovered_labels(const ScrapeConfig& job, const Labels& target, const Labels& group);
// Null when a rule dropped it.
Result<TargetPtr> make_target(const ScrapeConfig& job, const Relabeler& relabeler, Labels discovered);

struct Targets {
  std::vector<TargetPtr> active;     // each hash once
  std::vector<Labels> dropped;       // before relabeling; at most so many as the job keeps
  std::size_t dropped_count = 0;
  std::vector<std::string> failures;
};
Targets make_targets(const ScrapeConfig& job, const Relabeler& relabeler, const std::vector<TargetGroup>& groups);

}  // namespace weir::scrape

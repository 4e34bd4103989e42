#pragma once
// A target that some collector is to scrape.
#include "components/shared/scrape/labels.h"

namespace weir::allocation {

struct Item {
  std::string job, address;
  scrape::Labels labels;    // before relabeling: what collectors get
  std::uint64_t hash = 0;   // identity
  std::string collector;    // whose it is; empty: nobody's
};

// `relabeled`: the labels after the rules. Labels that begin with __meta_ do not count: they are gone when it is scraped.
std::uint64_t identity_of(const scrape::Labels& relabeled, std::string_view job);
// The node that the target runs on, "" when its labels do not say.
std::string_view node_of(const scrape::Labels& labels);

}  // namespace weir::allocation

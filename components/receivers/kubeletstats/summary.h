#pragma once
// What the kubelet answers, as metrics. Pure.
#include "components/receivers/kubeletstats/config.h"

namespace weir::receivers::kubeletstats {

// "NAMESPACE/NAME" of a claim -> the type of the volume behind it, "" when it is of none that has a name here.
using Claims = std::map<std::string, std::string, std::less<>>;

struct Look {
  std::string summary, pods;  // of /stats/summary and /pods; pods may be empty
  const Claims* claims = nullptr;  // volumes of other claims are left out; null: claims are not looked up
  UnixNanos now = 0, began = 0;
  double node_cpus = 0, node_memory = 0;  // 0: not known
};

// Claims of the pods, each once. `pods`: as in Look.
std::vector<std::string> claims_in(const std::string& pods);
// The type of a PersistentVolume, from its JSON.
std::string type_of_volume(const std::string& volume);

// Errc::invalid when the summary is none.
Result<otlp::Batch> metrics_of(const Look& look, const Config& config);

}  // namespace weir::receivers::kubeletstats

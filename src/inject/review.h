#pragma once
// AdmissionReview documents (admission.k8s.io/v1): a pod or an Instrumentation comes, the answer goes back.
#include "inject/inject.h"

namespace weir::inject {

struct Reviewed {
  std::string answer;  // JSON
  // For pods: whose, and what happened.
  std::string name_space, pod;
  std::vector<std::string> injected, problems;
};

// `find_namespace` gives the Namespace object or null. What goes wrong here lets the pod pass as it came.
Reviewed review_pod(std::string_view body, const std::function<const Value*(const std::string&)>& find_namespace, const Cluster& cluster, const Options& options);
// Fills in what was left out.
Result<std::string> review_defaults(std::string_view body);
// Refuses what is wrong.
Result<std::string> review_check(std::string_view body);

}  // namespace weir::inject

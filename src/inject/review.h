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

// Something else that a pod may get; returns why it did not.
using Addition = std::function<std::vector<std::string>(Value& pod, const Value& name_space)>;
// `find_namespace` gives the Namespace object or null. What goes wrong here lets the pod pass as it came.
Reviewed review_pod(std::string_view body, const std::function<const Value*(const std::string&)>& find_namespace, const Cluster& cluster, const Options& options,
                    const Addition& addition = {});
// Fills in what was left out.
Result<std::string> review_defaults(std::string_view body);
// Refuses what is wrong.
Result<std::string> review_check(std::string_view body);
// Both in one, for any resource: refuses what is wrong, fills in the rest. `before` is null for a new one.
Result<std::string> review_resource(std::string_view body, const std::function<void(Value& object)>& fill, const std::function<Verdict(const Value& object, const Value* before)>& check);

}  // namespace weir::inject

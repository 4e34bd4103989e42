#pragma once
// A pod as it was asked for, to a pod that is instrumented.
#include "inject/selection.h"

namespace weir::inject {

struct Outcome {
  Value pod;
  bool changed = false;
  // Languages, and why something that was asked for did not happen.
  std::vector<std::string> injected, problems;
};

// The pod has what an injection makes, whoever did it.
bool is_injected(const Value& pod);

// `name_space` is the Namespace object; the pod may have no namespace of its own.
Outcome inject(const Value& pod, const Value& name_space, const Cluster& cluster, const Options& options);

}  // namespace weir::inject

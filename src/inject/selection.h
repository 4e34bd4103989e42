#pragma once
// Which Instrumentation is for which containers of a pod, by the annotations of pod and namespace.
#include <functional>

#include "inject/instrumentation.h"

namespace weir::inject {

struct Options {
  // Languages that may be injected; Go and nginx only when somebody says so.
  std::array<bool, language_count> enabled = {true, true, true, true, false, true, false, true};
  bool several_languages = true;
};

// What the cluster has. References stay valid during one injection.
struct Cluster {
  // Of a namespace, or all with "".
  std::function<std::vector<const Instrumentation*>(const std::string& name_space)> instrumentations;
  // Owners of a replica set or a job; null when it is not known.
  std::function<const Value*(const std::string& kind, const std::string& name_space, const std::string& name)> owners;
  // Of a "secret" or "configmap": false when it is known that there is none. Not set: all are there.
  std::function<bool(const std::string& kind, const std::string& name_space, const std::string& name)> exists = {};
};

struct Choice {
  Language language;
  const Instrumentation* instrumentation;
  std::vector<std::string> containers;  // none: the first of the pod
};

struct Selection {
  std::vector<Choice> choices;
  // What was asked for and will not be, as events say it. With choices: languages that are not enabled.
  std::vector<std::string> problems;
};

// The value that counts: the pod's, the namespace's, or what both together mean.
std::string annotation_of(const Value& pod, const Value& name_space, const std::string& key);
Selection select(const Value& pod, const Value& name_space, const std::string& name_space_name, const Cluster& cluster, const Options& options);

}  // namespace weir::inject

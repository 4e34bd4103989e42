#pragma once
// Events of Kubernetes as log records.
#include "components/shared/kubernetes_logs/feed.h"

namespace weir::receivers::k8s_events {

struct Config {
  kubernetes::ApiConfig api;
  std::vector<std::string> namespaces;
  static std::span<const config::FieldInfo> fields();
};

// What an event becomes. False when it is none, or from before `since`.
bool fill(std::string_view event_json, UnixNanos since, stanza::Entry& entry, Arena& arena);

}  // namespace weir::receivers::k8s_events

#pragma once
#include "components/shared/kubernetes_logs/feed.h"

namespace weir::receivers::k8sobjects {

enum class Mode : std::uint8_t { pull, watch };

struct Objects {
  std::string name, group, version;
  Mode mode = Mode::pull;
  std::string label_selector, field_selector, resource_version;
  Duration interval = 1h;
  std::vector<std::string> namespaces, exclude_watch_type;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  kubernetes::ApiConfig api;
  std::vector<Objects> objects;
  bool include_initial_state = false;
  static std::span<const config::FieldInfo> fields();
};

// Where the API server has them. Errc::config for a name without a group that is not built in.
Result<kube::Resource> resource_of(const Objects& objects);
// The record of one object or of one change.
bool fill(const Objects& objects, const kubernetes::Feed::Change& change, stanza::Entry& entry, Arena& arena);

}  // namespace weir::receivers::k8sobjects

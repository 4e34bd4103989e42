#pragma once
#include "components/shared/kubernetes/kubernetes.h"

namespace weir::processors::k8sattributes {

// The object that labels and annotations are taken from.
enum class From : std::uint8_t { pod, name_space, node, deployment, stateful_set, daemon_set, job };
inline constexpr std::size_t from_count = 7;

struct FieldRule {
  std::string tag_name, key, key_regex, regex;
  From from = From::pod;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Extract {
  Extract();
  std::vector<std::string> metadata;
  std::vector<FieldRule> labels, annotations;
  bool otel_annotations = false;
  bool deployment_name_from_replicaset = true;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

enum class Operator : std::uint8_t { equals, not_equals, exists, does_not_exist };

struct LabelFilter {
  std::string key, value;
  Operator op = Operator::equals;
  static std::span<const config::FieldInfo> fields();
};

struct Filter {
  std::string node, node_from_env_var, name_space;
  std::vector<LabelFilter> fields_, labels;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
  // The node that pods must run on; "" for any.
  std::string node_name() const;
};

enum class Source : std::uint8_t { resource_attribute, connection };

struct AssociationSource {
  Source from = Source::resource_attribute;
  std::string name;
  static std::span<const config::FieldInfo> fields();
};

struct Association {
  std::vector<AssociationSource> sources;
  static std::span<const config::FieldInfo> fields();
};

struct ExcludedPod {
  std::string name;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Exclude {
  std::vector<ExcludedPod> pods{{"jaeger-agent"}, {"jaeger-collector"}};
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  kubernetes::ApiConfig api;
  bool passthrough = false;
  bool connection_ip = false;
  Extract extract;
  Filter filter;
  std::vector<Association> pod_association;
  Exclude exclude;
  bool wait_for_metadata = false;
  Duration wait_for_metadata_timeout = 10s;
  Duration watch_sync_period = 5min;
  Duration pod_delete_grace_period = 2min;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

// Attribute names: those of old releases, those of the semantic conventions, or both, by two feature gates.
struct Names {
  bool old_ones = true, new_ones = false;
  static Names by_gates();
};

inline constexpr std::size_t max_sources = 4;

}  // namespace weir::processors::k8sattributes

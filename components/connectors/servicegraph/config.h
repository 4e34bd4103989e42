#pragma once
#include "config/field.h"

namespace weir::connectors::servicegraph {

struct Store {
  Duration ttl = 2s;
  std::int64_t max_items = 1000;

  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::optional<std::vector<Duration>> latency_histogram_buckets;
  std::int32_t exponential_histogram_max_size = 0;
  std::vector<std::string> dimensions;
  Store store;
  Duration cache_loop = 1min;
  Duration store_expiration_loop = 2s;
  std::vector<std::string> virtual_node_peer_attributes = {"peer.service", "db.name", "db.system"};
  bool virtual_node_extra_label = false;
  Duration metrics_flush_interval = 60s;
  std::vector<std::string> database_name_attributes = {"db.name"};
  Duration metrics_timestamp_offset = 0s;
  std::uint64_t aggregation_cardinality_limit = 100'000;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;

  // In seconds, sorted as given. Empty optional: exponential histograms.
  std::optional<std::vector<double>> bounds() const;
};

}  // namespace weir::connectors::servicegraph

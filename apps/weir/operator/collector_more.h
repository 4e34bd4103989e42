#pragma once
// What a collector has only when its resource asks for it: an ingress, a network policy, a target allocator. Pure.
#include <functional>

#include "inject/instrumentation.h"
#include "weir/operator/collector_ports.h"

namespace weir::app {

struct CollectorView {
  const config::Value& spec;
  std::string name, name_space;
  config::Value selector;  // labels of the collector's pods
  const std::vector<CollectorPort>& ports;
  // An object that goes with the collector: version, kind, name.
  std::function<config::Value(std::string_view, std::string_view, const std::string&)> object;
};

std::optional<config::Value> ingress_of(const CollectorView& collector);
std::optional<config::Value> network_policy_of(const CollectorView& collector);

bool has_allocator(const config::Value& spec);
// Lets the receiver `prometheus` ask the allocator for its jobs. Returns those that it had: "global" and "scrape_configs".
// Errc::config when there is no such receiver.
Result<config::Value> hand_over_jobs(config::Value& configuration, const std::string& collector);
// `image`: of weir.
std::vector<config::Value> allocator_of(const CollectorView& collector, const config::Value& jobs, const std::string& image);

std::string hash_of(std::string_view text);
// At most 63 characters, as names may have.
std::string short_name(std::string name);

}  // namespace weir::app

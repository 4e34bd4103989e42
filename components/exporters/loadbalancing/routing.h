#pragma once
// From items to routing keys, as the Go exporter makes them, and from a batch to its parts.
#include "components/exporters/loadbalancing/config.h"
#include "otlp/batch.h"

namespace weir::exporters::loadbalancing {

class Router {
 public:
  // `key` is one that the signal has; see routing_key_for().
  Router(const Config& config, RoutingKey key, otlp::Signal signal);

  // One batch for each endpoint of the ring, in its order; empty ones are without receipts.
  std::vector<otlp::Batch> split(otlp::Batch batch, const HashRing& ring, Rng& rng);

  // Items of metrics without service.name since the last call; they go where the empty key goes.
  std::size_t take_nameless() { return std::exchange(nameless_, 0); }

 private:
  using Owner = std::uint32_t;
  struct Place {
    otlp::ResourceGroup& group;
    otlp::ScopeGroup& scope;
    Arena& arena;
    const HashRing& ring;
  };

  void route(otlp::Batch& batch, const HashRing& ring, Rng& rng);
  void route_traces(Place place);
  void route_by_trace(Place place, Rng& rng);
  void route_whole(Place place, const std::string& key);
  void route_metric_names(Place place);
  void route_logs_by_attributes(Place place, std::string key, std::span<const std::string> left);
  // Points of one metric may go to several owners: it is cut, so that each item has one.
  void route_points(Place place, const std::function<std::string(const otlp::Metric&, otlp::DataPoint&)>& key_of);
  void cut_metric(Place place, otlp::Item item, const std::vector<Owner>& owners, std::vector<otlp::Item>& out);

  // The key of what the resource and the scope say; `left` gets the names they do not have.
  std::string outer_key(Place place, std::vector<std::string>& left) const;
  std::string span_key(Place place, otlp::Item& item) const;
  std::string service_key(Place place);

  RoutingKey key_;
  otlp::Signal signal_;
  std::vector<std::string> attributes_;
  bool bare_service_;  // traces by service: "shop" rather than "service.name=shop|"
  std::vector<Owner> owners_;  // of every item, in order
  std::size_t nameless_ = 0;
};

}  // namespace weir::exporters::loadbalancing

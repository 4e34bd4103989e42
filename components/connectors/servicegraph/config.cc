#include "components/connectors/servicegraph/config.h"

#include "components/connectors/servicegraph/servicegraph.h"
#include "components/shared/histograms/bounds.h"
#include "engine/decode.h"

namespace weir::connectors::servicegraph {

std::span<const config::FieldInfo> Store::fields() {
  using config::field;
  static const std::array rows{
      field<&Store::ttl>("ttl", "How long a span waits for the span at the other end of its request."),
      field<&Store::max_items>("max_items", "Spans waiting in the process; past this further ones are dropped and counted."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::latency_histogram_buckets>("latency_histogram_buckets",
                                                "Upper bounds of the latency buckets. When absent: 2ms 4ms 6ms 8ms 10ms 50ms 100ms 200ms 400ms 800ms 1s "
                                                "1.4s 2s 5s 10s 15s."),
      field<&Config::exponential_histogram_max_size>("exponential_histogram_max_size",
                                                     "Exponential histograms with so many buckets instead; 0 is explicit buckets.", {.min = 0}),
      field<&Config::dimensions>("dimensions", "Attributes, of the resource or else of the span, that become labels client_NAME and server_NAME."),
      field<&Config::store>("store", "Where spans wait for the other end."),
      field<&Config::cache_loop>("cache_loop", "How often series that had no request for 15 minutes are looked for and forgotten."),
      field<&Config::store_expiration_loop>("store_expiration_loop", "How often spans that waited longer than ttl are looked for."),
      field<&Config::virtual_node_peer_attributes>("virtual_node_peer_attributes",
                                                   "Span attributes that name a peer that sent no span, the first one present counts. Empty: no virtual nodes."),
      field<&Config::virtual_node_extra_label>("virtual_node_extra_label", "Adds a label virtual_node: which end was not seen, client or server."),
      field<&Config::metrics_flush_interval>("metrics_flush_interval", "How often metrics leave; 0 is after each batch of spans."),
      field<&Config::database_name_attributes>("database_name_attributes",
                                               "Attributes of the resource or of a client span that make its peer a database of that name."),
      field<&Config::metrics_timestamp_offset>("metrics_timestamp_offset", "Taken from the times of all points."),
      field<&Config::aggregation_cardinality_limit>("aggregation_cardinality_limit",
                                                    "Series held; requests of further ones are counted in one with otel.metric.overflow=true. 0 is no limit."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (latency_histogram_buckets && exponential_histogram_max_size > 0)
    context.error_at("exponential_histogram_max_size", "use either latency_histogram_buckets or exponential_histogram_max_size");
  if (latency_histogram_buckets)
    if (auto wrong = histograms::wrong_bound(*latency_histogram_buckets)) context.error_at("latency_histogram_buckets", *wrong);
}

std::optional<std::vector<double>> Config::bounds() const {
  if (exponential_histogram_max_size > 0) return {};
  if (!latency_histogram_buckets) return {{0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15}};
  std::vector<double> out;
  for (Duration bound : *latency_histogram_buckets) out.push_back(std::chrono::duration<double>(bound).count());
  return out;
}

engine::Factory factory() {
  return {.kind = engine::Kind::connector,
          .type = "servicegraph",
          .aliases = {"service_graph"},
          .summary = "Makes metrics of the requests between services out of the spans at both ends.",
          .conversions = {{otlp::Signal::traces, otlp::Signal::metrics}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::trace_id; },
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },  // what it holds is in memory
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::connectors::servicegraph

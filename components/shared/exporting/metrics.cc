#include "components/shared/exporting/metrics.h"

#include "telemetry/detail.h"

namespace weir::exporting {

Metrics Metrics::of(const engine::StageContext& context) {
  auto& registry = context.host.metrics();
  std::string items(otlp::items_name(context.signal));
  telemetry::Labels labels = {{"exporter", context.id.to_string()}};
  telemetry::Labels with_signal = {{"exporter", context.id.to_string()}, {"data_type", std::string(to_string(context.signal))}};
  Metrics out{SentCounters::of(context),
              registry.counter("otelcol_exporter_enqueue_failed_" + items, "Items that found no room in the queue.", labels),
              registry.counter("weir_exporter_rejected_" + items, "Items that a backend threw away though it answered OK.", labels),
              telemetry::OwnedGauge(registry, "otelcol_exporter_in_flight_requests", "Requests being sent.", with_signal), {}, {}};
  if (!telemetry::detailed()) return out;
  auto sizes = [&](const std::string& name, std::string_view which, const telemetry::Labels& of) {
    return Sizes{&registry.histogram(name, fmt::format("Items in a batch that {}.", which), telemetry::batch_items, of),
                 &registry.histogram(name + "_bytes", fmt::format("Bytes in a batch that {}.", which), telemetry::batch_bytes, of)};
  };
  out.enqueued = sizes("otelcol_exporter_enqueue_size", "came into the queue", with_signal);
  out.sent_batches = sizes("otelcol_exporter_queue_batch_send_size", "was sent", labels);
  return out;
}

void Metrics::Sizes::observe(const otlp::Batch& batch) const {
  if (items) items->observe(static_cast<double>(batch.items()));
  if (bytes) bytes->observe(static_cast<double>(batch.bytes()));
}

SentCounters SentCounters::of(const engine::StageContext& context) {
  auto& registry = context.host.metrics();
  std::string items(otlp::items_name(context.signal));
  telemetry::Labels labels = {{"exporter", context.id.to_string()}};
  return {registry.counter("otelcol_exporter_sent_" + items, "Items that a backend took.", labels),
          registry.counter("otelcol_exporter_send_failed_" + items, "Items that were given up on.", labels)};
}

std::shared_ptr<void> export_fill(const engine::StageContext& context, const std::string& endpoint, std::shared_ptr<Fill> fill, std::uint64_t capacity) {
  telemetry::Labels labels = {{"exporter", context.id.to_string()}, {"data_type", std::string(to_string(context.signal))}};
  if (!endpoint.empty()) labels.emplace_back("endpoint", endpoint);
  return context.host.metrics().add_source([labels, capacity, fill = std::move(fill)](std::vector<telemetry::Family>& out) {
    auto gauge = [&](std::string name, std::string help, double value) {
      out.push_back({std::move(name), std::move(help), "", telemetry::Type::gauge, {{.labels = labels, .value = value}}});
    };
    gauge("otelcol_exporter_queue_size", "Fill of the sending queue, in units of its sizer.", static_cast<double>(fill->value()));
    if (capacity) gauge("otelcol_exporter_queue_capacity", "Room of the sending queue, in units of its sizer.", static_cast<double>(capacity));
  });
}

}  // namespace weir::exporting

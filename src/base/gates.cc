#include "base/gates.h"

#include "base/text.h"

namespace weir::gates {
namespace {

std::map<std::string, bool, std::less<>>& table() {
  static std::map<std::string, bool, std::less<>> gates;
  return gates;
}

constexpr std::string_view instance_id = "connector.spanmetrics.includeCollectorInstanceID",
                           suffixes_always = "exporter.prometheusexporter.DisableAddMetricSuffixes",
                           mem_available = "receiver.hostmetricsreceiver.UseLinuxMemAvailable", zipkin_new_names = "pkg.translator.zipkin.EmitV1NetworkConventions",
                           zipkin_no_old_names = "pkg.translator.zipkin.DontEmitV0NetworkConventions";
bool on_by_default(std::string_view name) {
  return name == instance_id || name == suffixes_always || name == mem_available || name == zipkin_new_names || name == zipkin_no_old_names;
}

}  // namespace

void set(const std::vector<std::string>& lists) {
  table().clear();
  for (auto& list : lists)
    for (std::string_view entry : split(list, ',')) {
      entry = trim(entry);
      bool off = entry.starts_with('-');
      if (off || entry.starts_with('+')) entry.remove_prefix(1);
      if (!entry.empty()) table()[std::string(entry)] = !off;
    }
}

bool enabled(std::string_view name, bool standard) {
  auto found = table().find(name);
  return found == table().end() ? standard || on_by_default(name) : found->second;
}

std::span<const Known> known() {
  static constexpr std::array rows{
      Known{"confmap.enableMergeAppendOption", "Lists of several configurations are joined instead of replaced."},
      Known{"connector.routing.defaultErrorModeIgnore", "routing's error_mode is ignore by default."},
      Known{instance_id, "spanmetrics puts collector.instance.id on its resources (on by default)."},
      Known{"connector.spanmetrics.excludeResourceMetrics", "spanmetrics keeps resource attributes off its own resources unless add_resource_attributes is set."},
      Known{"connector.spanmetrics.legacyMetricNames", "spanmetrics uses the names of old releases."},
      Known{"connector.spanmetrics.useSecondAsDefaultMetricsUnit", "spanmetrics measures in seconds by default."},
      Known{"spanmetrics.statusCodeConvention.useOtelPrefix", "spanmetrics says otel.status_code."},
      Known{"processor.k8sattributes.EmitV1K8sConventions", "k8sattributes names attributes as the semantic conventions do (k8s.pod.label.KEY)."},
      Known{"processor.k8sattributes.DontEmitV0K8sConventions", "k8sattributes leaves out the names of old releases; only with the one above."},
      Known{"processor.tailsamplingprocessor.metricstatcountspanssampled", "tail_sampling counts sampled spans for each policy."},
      Known{"processor.tailsamplingprocessor.metricstatcountbytessampled", "tail_sampling counts the bytes of sampled spans for each policy."},
      Known{suffixes_always, "prometheus exporter ignores add_metric_suffixes (on by default)."},
      Known{"pkg.translator.prometheus.PermissiveLabelSanitization", "Labels may begin with one underscore; the prometheus exporter joins repeated ones."},
      Known{zipkin_new_names, "Endpoints of Zipkin's spans become network.local.address, network.peer.address and service.peer.name (on by default)."},
      Known{zipkin_no_old_names, "Endpoints of Zipkin's spans do not become net.host.ip, net.peer.ip and peer.service (on by default)."},
      Known{mem_available, "hostmetrics' used memory is what is not available (on by default)."},
      Known{"receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion", "prometheus takes start times from created timestamps as they are read, with less work for those that are read later."},
      Known{"metricsgeneration.MatchAttributes", "metricsgeneration calculates with points whose attributes match."},
  };
  return rows;
}

std::vector<std::string> unknown() {
  std::vector<std::string> out;
  for (auto& [name, on] : table())
    if (std::none_of(known().begin(), known().end(), [&](auto& gate) { return gate.name == name; })) out.push_back(name);
  return out;
}

}  // namespace weir::gates

#include "weir/allocator/settings.h"

#include "config/yaml.h"

namespace weir::app {

using config::field;
using config::FieldInfo;
using config::Value;

std::span<const FieldInfo> MonitorSettings::fields() {
  using T = MonitorSettings;
  static const std::array rows{
      field<&T::enabled>("enabled", "Make jobs of ServiceMonitor, PodMonitor, Probe and ScrapeConfig resources."),
      field<&T::allow_namespaces>("allow_namespaces", "Only monitors of these namespaces."),
      field<&T::deny_namespaces>("deny_namespaces", "No monitors of these namespaces."),
      field<&T::secret_namespaces>("secret_namespaces", "Only monitors of these namespaces may name Secrets. Empty: of all namespaces in which we may read them."),
      field<&T::pod_monitor_selector>("pod_monitor_selector", "Label selector: which PodMonitors. Not set: none; {}: all."),
      field<&T::pod_monitor_namespace_selector>("pod_monitor_namespace_selector", "Label selector of their namespaces."),
      field<&T::service_monitor_selector>("service_monitor_selector", "Which ServiceMonitors."),
      field<&T::service_monitor_namespace_selector>("service_monitor_namespace_selector", "Label selector of their namespaces."),
      field<&T::scrape_config_selector>("scrape_config_selector", "Which ScrapeConfigs."),
      field<&T::scrape_config_namespace_selector>("scrape_config_namespace_selector", "Label selector of their namespaces."),
      field<&T::probe_selector>("probe_selector", "Which Probes."),
      field<&T::probe_namespace_selector>("probe_namespace_selector", "Label selector of their namespaces."),
      field<&T::scrape_interval>("scrape_interval", "Of monitors that do not say.", {.min = 1ms}),
      field<&T::scrape_protocols>("scrape_protocols", "Of monitors that do not say."),
      field<&T::scrape_classes>("scrape_classes", "Settings that monitors take by name, and the default ones."),
      field<&T::deny_fs_access_through_sms>("deny_fs_access_through_sms", "Leave endpoints out that name files."),
      config::ignored("evaluation_interval", "there are no rules"),
  };
  return rows;
}

Result<> MonitorSettings::validate() const {
  if (!allow_namespaces.empty() && !deny_namespaces.empty()) return fail(Errc::config, "only one of allow_namespaces and deny_namespaces can be set");
  for (auto* selector : {&pod_monitor_selector, &service_monitor_selector, &scrape_config_selector, &probe_selector, &pod_monitor_namespace_selector,
                         &service_monitor_namespace_selector, &scrape_config_namespace_selector, &probe_namespace_selector})
    WEIR_TRY(monitors::Selector::make(*selector));
  return {};
}

std::span<const FieldInfo> HttpsSettings::fields() {
  using T = HttpsSettings;
  static const std::array rows{
      field<&T::enabled>("enabled", "Also listen with TLS, for collectors that show a certificate. They get secrets."),
      field<&T::listen_addr>("listen_addr", "Where."),
      field<&T::ca_file_path>("ca_file_path", "Who signs the collectors' certificates."),
      field<&T::tls_cert_file_path>("tls_cert_file_path", "Our certificate."),
      field<&T::tls_key_file_path>("tls_key_file_path", "Its key."),
  };
  return rows;
}

std::span<const FieldInfo> AllocatorSettings::fields() {
  using T = AllocatorSettings;
  static const std::array rows{
      field<&T::listen_addr>("listen_addr", "Where collectors ask."),
      field<&T::kube_config_file_path>("kube_config_file_path", "How to reach the API server. Empty: the pod's own account, or KUBECONFIG."),
      field<&T::collector_selector>("collector_selector", "Label selector of the collectors' pods."),
      field<&T::collector_namespace>("collector_namespace", "Where the collectors are. Not set: OTELCOL_NAMESPACE, or our own namespace."),
      field<&T::config>("config", "A Prometheus configuration with scrape_configs."),
      field<&T::allocation_strategy>("allocation_strategy", "least-weighted, consistent-hashing or per-node."),
      field<&T::allocation_fallback_strategy>("allocation_fallback_strategy", "per-node: for targets that are on no node."),
      field<&T::filter_strategy>("filter_strategy", "relabel-config: targets that the job's rules drop are given to nobody.", {.choices = "|relabel-config"}),
      field<&T::prometheus_cr>("prometheus_cr", "Jobs from resources of the cluster."),
      field<&T::https>("https", "A second server, with TLS."),
      config::ignored("telemetry", "metrics are at /metrics"),
      field<&T::collector_not_ready_grace_period>("collector_not_ready_grace_period", "A collector that has not been ready for so long gets no targets. 0: it keeps them.", {.min = 0s}),
      field<&T::handover>("handover", "A target that moves stays with its old collector until the new one has it, at most so long. 0: it is taken away at once.", {.min = 0s}),
      field<&T::allow_insecure_auth_secrets>("allow_insecure_auth_secrets", "Show secrets of jobs without TLS, too."),
  };
  return rows;
}

void AllocatorSettings::validate(config::Context& context) const {
  if (!prometheus_cr.enabled && config.scrape_configs.empty() && config.scrape_config_files.empty())
    context.error_at("", "at least one scrape config must be defined, or prometheus_cr must be enabled");
  if (auto selector = monitors::Selector::make(collector_selector); !selector) context.error_at("collector_selector", selector.error().what);
  if (https.enabled && (https.ca_file_path.empty() || https.tls_cert_file_path.empty() || https.tls_key_file_path.empty()))
    context.error_at("https", "ca_file_path, tls_cert_file_path and tls_key_file_path are needed");
}

Result<AllocatorSettings> parse_allocator_settings(std::string_view text, std::string_view name, bool monitors) {
  WEIR_ASSIGN(Value tree, config::parse_yaml(text, name));
  if (monitors) {
    if (Value* section = tree.get("prometheus_cr"); section == nullptr || section->is_null()) tree.set("prometheus_cr", Value::map());
    tree.get("prometheus_cr")->set("enabled", Value::of(true));
  }
  // Files of jobs are where they are scraped.
  config::Problems problems(config::Problems::Purpose::check);
  auto out = config::decode<AllocatorSettings>(&tree, problems);
  WEIR_TRY(problems.result());
  if (const Value* written = tree.get("config")) out->written = *written;
  return std::move(*out);
}

}  // namespace weir::app

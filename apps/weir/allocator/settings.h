#pragma once
// The file that the allocator reads, under the names that the operator's target allocator has.
#include "components/shared/allocation/allocation.h"
#include "components/shared/monitors/monitor.h"

namespace weir::app {

struct MonitorSettings {
  bool enabled = false;
  std::vector<std::string> allow_namespaces, deny_namespaces, secret_namespaces;
  config::Value pod_monitor_selector, service_monitor_selector, scrape_config_selector, probe_selector;
  config::Value pod_monitor_namespace_selector = config::Value::map(), service_monitor_namespace_selector = config::Value::map(),
                scrape_config_namespace_selector = config::Value::map(), probe_namespace_selector = config::Value::map();
  Duration scrape_interval = 30s, evaluation_interval{0};
  std::vector<scrape::Protocol> scrape_protocols;
  std::vector<config::Value> scrape_classes;
  bool deny_fs_access_through_sms = false;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct HttpsSettings {
  bool enabled = false;
  std::string listen_addr = ":8443", ca_file_path, tls_cert_file_path, tls_key_file_path;
  static std::span<const config::FieldInfo> fields();
};

struct AllocatorSettings {
  std::string listen_addr = ":8080", kube_config_file_path;
  config::Value collector_selector;
  std::string collector_namespace;
  scrape::PrometheusConfig config;
  config::Value written;  // not a setting: `config` as it was written
  allocation::Strategy allocation_strategy = allocation::Strategy::consistent_hashing;
  std::optional<allocation::Strategy> allocation_fallback_strategy;
  std::string filter_strategy = "relabel-config";
  MonitorSettings prometheus_cr;
  HttpsSettings https;
  config::Value telemetry;
  Duration collector_not_ready_grace_period = 30s, handover = 5min;
  bool allow_insecure_auth_secrets = false;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

// All errors in one. `text`: YAML. `monitors`: as if prometheus_cr were enabled in it.
Result<AllocatorSettings> parse_allocator_settings(std::string_view text, std::string_view name, bool monitors = false);

}  // namespace weir::app

#include "weir/upstream_types.h"

#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::string_view receivers =
    "active_directory_ds activedirectoryds aerospike apache apachespark awscloudwatch awscontainerinsightreceiver awsecscontainermetrics "
    "awsfirehose awslambda awss3 awsxray azureblob azureeventhub azuremonitor azure_event_hub azure_blob azure_monitor bigip carbon chrony ciscoos "
    "cloudflare cloudfoundry collectd couchdb couchbase datadog docker_stats dockerstats elasticsearch envoyals expvar faro filelog file_log filestats "
    "flinkmetrics fluentforward fluent_forward github gitlab gitproviderreceiver googlecloudmonitoring googlecloudpubsub googlecloudpubsubpush "
    "googlecloudspanner haproxy host_metrics hostmetrics httpcheck http_check huaweicloudces huaweicloudcesreceiver icmpcheck icmpcheckreceiver iis "
    "influxdb jaeger jmx journald k8s_cluster k8s_events k8slog k8sobjects kafka kafkametrics kubeletstats kubelet_stats libhoney loki memcached "
    "mongodb mongodbatlas mysql namedpipe netflow netscaler nginx nop nsxt ntp opencensus oracledb osquery otelarrow otlp otlpjsonfile "
    "otlp_json_file podman_stats podman postgresql pprof prometheus prometheus_simple prometheusremotewrite prometheus_remote_write pulsar "
    "purefa purefb rabbitmq receiver_creator redfish redis riak saphana sapm signalfx simpleprometheus skywalking snmp snowflake solace splunkenterprise "
    "splunk_hec splunkhec sqlquery sqlserver sshcheck statsd stef syslog systemd tcpcheck tcplog tls_check tlscheck udplog vcenter vcr vcrreceiver "
    "wavefront webhookevent windowseventlog windowsperfcounters windowsservice yanggrpc zipkin zookeeper";
constexpr std::string_view processors =
    "attributes batch coralogix cumulativetodelta datadog deltatocumulative deltatorate dnslookup filter geoip groupbyattrs groupbytrace "
    "interval isolationforest k8sattributes k8s_attributes logdedup logstransform log_dedup lookup memory_limiter metricsgeneration metricstarttime "
    "metricstransform metric_start_time metrics_generation metrics_transform probabilistic_sampler redaction remotetap resource resourcedetection "
    "resource_detection routing schema span spanmetrics servicegraph spanpruning sumologic tail_sampling transform unroll experimental_metricsgeneration "
    "cumulative_to_delta delta_to_cumulative delta_to_rate group_by_attrs group_by_trace";
constexpr std::string_view exporters =
    "alertmanager alibabacloud_logservice awscloudwatchlogs awsemf awskinesis awss3 awsxray azureblob azuredataexplorer azuremonitor "
    "bmchelix carbon cassandra clickhouse coralogix datadog dataset debug doris elasticsearch faro file googlecloud googlecloudpubsub "
    "googlecloudstorage googlemanagedprometheus honeycombmarker influxdb instana jaeger jaeger_thrift kafka load_balancing loadbalancing logging "
    "logicmonitor logzio loki mezmo nop opencensus opensearch otelarrow otlp otlp_grpc otlphttp otlp_http parquet prometheus prometheusremotewrite "
    "prometheus_remote_write pulsar rabbitmq sapm sematext sentry signalfx skywalking splunk_hec stef sumologic syslog tencentcloud_logservice tinybird "
    "topicmetrics wavefront zipkin";
constexpr std::string_view connectors =
    "count datadog exceptions failover forward grafanacloud metricsaslogs otlpjson roundrobin routing servicegraph service_graph signaltometrics "
    "signal_to_metrics slowsql span_metrics spanmetrics spaneventtolog spantometrics sum";
constexpr std::string_view extensions =
    "ack asapclient avrolog_encoding awslogs_encoding aws_logs_encoding awsproxy azure_encoding azure_auth azureauth basicauth basic_auth bearertokenauth "
    "bearer_token_auth cfgardenobserver cgroupruntime cgroup_runtime datadog db_storage docker_observer dockerobserver ecs_observer ecs_task_observer file_storage "
    "filestorage googleclientauth googlecloudlogentry_encoding google_cloud_logentry_encoding headers_setter healthcheckv2 health_check "
    "host_observer http_forwarder jaegerencoding jaeger_encoding jaegerremotesampling jaeger_remote_sampling json_log_encoding k8s_leader_elector k8s_observer "
    "kafkatopics_observer memory_ballast memory_limiter oauth2client oidc opamp opampcustommessages otlp_encoding pprof redis_storage "
    "remotetap sigv4auth skywalking_encoding solarwindsapmsettings sumologic text_encoding zipkin_encoding zpages";

}  // namespace

bool is_upstream_type(engine::Kind kind, std::string_view type) {
  constexpr std::array lists{receivers, processors, exporters, connectors, extensions};
  auto words = split(lists[static_cast<std::size_t>(kind)], ' ');
  return std::find(words.begin(), words.end(), type) != words.end();
}

namespace {

// "tailsamplingprocessor" and "tail_sampling" are one.
std::string bare(std::string_view type) {
  std::string out;
  for (char c : to_lower(type))
    if (c != '_') out += c;
  for (std::string_view ending : {"receiver", "processor", "exporter", "connector", "extension"})
    if (out.size() > ending.size() && out.ends_with(ending)) out.resize(out.size() - ending.size());
  return out;
}

bool names_a_component(std::string_view word) {
  if (bare(word) == "prometheusremotewrit") return true;  // as gates there spell it
  for (auto list : {receivers, processors, exporters, connectors, extensions})
    for (auto type : split(list, ' '))
      if (bare(type) == bare(word)) return true;
  return false;
}

}  // namespace

bool is_upstream_gate(std::string_view name) {
  auto steps = split(name, '.');
  if (steps.size() < 2 || std::any_of(steps.begin(), steps.end(), [](auto step) { return step.empty(); })) return false;
  constexpr std::array<std::string_view, 20> own{"component", "confmap",    "service", "telemetry",      "otelcol",   "pkg",        "configgrpc", "confighttp",
                                                 "pdata",     "coreinternal", "ottl",   "exporterhelper", "filelog", "k8sattr", "semconv",    "scraper",
                                                 "logs",      "parser",     "stanza",  "receiverhelper"};
  if (std::find(own.begin(), own.end(), steps[0]) != own.end()) return true;
  constexpr std::array<std::string_view, 5> kinds{"receiver", "processor", "exporter", "connector", "extension"};
  bool kind = std::find(kinds.begin(), kinds.end(), steps[0]) != kinds.end();
  return names_a_component(kind ? steps[1] : steps[0]);
}

}  // namespace weir::app

#include "components/processors/resourcedetection/detector.h"

#include <re2/re2.h>

namespace weir::processors::resourcedetection {

Result<std::string> Surroundings::get(std::string url, net::HeaderList headers) {
  std::string asked = url;
  WEIR_ASSIGN(auto response, fetch({.method = "GET", .url = std::move(url), .headers = std::move(headers)}));
  if (response.status != 200) return fail(Errc::retryable, "{} answers {}", asked, response.status);
  return std::move(response.body);
}

std::string Surroundings::env_or(const std::string& name, std::string_view otherwise) {
  return env(name).value_or(std::string(otherwise));
}

const std::vector<Detector>& all_detectors() {
  static const std::vector<AttributeRow> k8s_node = {{"k8s.node.name"}, {"k8s.node.uid"}, {"k8s.cluster.uid"}};
  static const std::vector<AttributeRow> of_host = {{"cloud.provider"}, {"cloud.region"}, {"host.id"}, {"host.name"}};
  static const std::vector<AttributeRow> of_instance = {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone"}, {"host.id"},
                                                        {"host.image.id"}, {"host.name"}, {"host.type"}};
  static const std::vector<Detector> detectors = {
      {"env", {}, detect_env},
      {"system",
       {{"host.name"}, {"os.type"}, {"host.id", false}, {"host.arch", false}, {"host.ip", false}, {"host.mac", false},
        {"host.interface", false}, {"os.description", false}, {"os.name", false}, {"os.version", false}, {"os.build.id", false},
        {"host.cpu.vendor.id", false}, {"host.cpu.family", false}, {"host.cpu.model.id", false}, {"host.cpu.model.name", false},
        {"host.cpu.stepping", false}, {"host.cpu.cache.l2.size", false}},
       detect_system},
      {"docker", {{"host.name"}, {"os.type"}, {"container.name", false}, {"container.image.name", false}}, detect_docker},
      {"ec2",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone"}, {"host.id"},
        {"host.image.id"}, {"host.name"}, {"host.type"}},
       detect_ec2},
      {"ecs",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone"},
        {"aws.ecs.cluster.arn"}, {"aws.ecs.launchtype"}, {"aws.ecs.task.arn"}, {"aws.ecs.task.family"}, {"aws.ecs.task.id"},
        {"aws.ecs.task.revision"}, {"aws.log.group.arns"}, {"aws.log.group.names"}, {"aws.log.stream.arns"},
        {"aws.log.stream.names"}},
       detect_ecs},
      {"eks",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id", false}, {"cloud.region", false},
        {"cloud.availability_zone", false}, {"host.id", false}, {"host.image.id", false}, {"host.name", false},
        {"host.type", false}, {"k8s.cluster.name", false}},
       detect_eks},
      {"lambda",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.region"}, {"faas.name"}, {"faas.version"}, {"faas.instance"},
        {"faas.max_memory"}, {"aws.log.group.names"}, {"aws.log.stream.names"}},
       detect_lambda},
      {"elastic_beanstalk",
       {{"cloud.provider"}, {"cloud.platform"}, {"service.instance.id"}, {"deployment.environment"}, {"service.version"}},
       detect_elasticbeanstalk},
      {"azure",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone", false},
        {"host.id"}, {"host.name"}, {"azure.vm.name"}, {"azure.vm.size"}, {"azure.vm.scaleset.name"},
        {"azure.resourcegroup.name"}},
       detect_azure},
      {"aks", {{"cloud.provider"}, {"cloud.platform"}, {"k8s.cluster.name", false}}, detect_aks},
      {"gcp",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone"},
        {"k8s.cluster.name"}, {"host.id"}, {"host.name"}, {"host.type"}, {"faas.name"}, {"faas.version"}, {"faas.instance"},
        {"gcp.cloud_run.job.execution"}, {"gcp.cloud_run.job.task_index"}, {"gcp.gce.instance.hostname", false},
        {"gcp.gce.instance.name", false}, {"gcp.gce.instance_group_manager.name"}, {"gcp.gce.instance_group_manager.region"},
        {"gcp.gce.instance_group_manager.zone"}},
       detect_gcp},
      {"heroku",
       {{"cloud.provider"}, {"heroku.app.id"}, {"heroku.dyno.id"}, {"heroku.release.commit"},
        {"heroku.release.creation_timestamp"}, {"service.instance.id"}, {"service.name"}, {"service.version"}},
       detect_heroku},
      {"consul", {{"cloud.region"}, {"host.id"}, {"host.name"}}, detect_consul},
      {"k8snode", k8s_node, detect_k8snode},
      {"k8s_api", k8s_node, detect_k8snode},
      {"openshift", {{"cloud.provider"}, {"cloud.platform"}, {"cloud.region"}, {"k8s.cluster.name"}}, detect_openshift},
      {"kubeadm", {{"k8s.cluster.name"}, {"k8s.cluster.uid"}}, detect_kubeadm},
      {"akamai",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"host.id"}, {"host.image.id"}, {"host.image.name"}, {"host.name"}, {"host.type"}},
       detect_akamai},
      {"alibaba_ecs", of_instance, detect_alibaba_ecs},
      {"digitalocean", of_host, detect_digitalocean},
      {"dynatrace", {}, detect_dynatrace},
      {"hetzner",
       {{"cloud.provider"}, {"cloud.platform", false}, {"cloud.region"}, {"cloud.availability_zone"}, {"host.id"}, {"host.name"}},
       detect_hetzner},
      {"nova",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.availability_zone"}, {"host.id"}, {"host.name"}, {"host.type"}},
       detect_nova},
      {"oraclecloud",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.region"}, {"cloud.resource_id", false}, {"cloud.availability_zone"}, {"host.id"}, {"host.name"}, {"host.type"}, {"k8s.cluster.name"}, {"oracle_cloud.realm"}},
       detect_oraclecloud},
      {"scaleway",
       {{"cloud.provider"}, {"cloud.platform"}, {"cloud.account.id"}, {"cloud.region"}, {"cloud.availability_zone"}, {"host.id"}, {"host.image.id"}, {"host.image.name"}, {"host.name"}, {"host.type"}},
       detect_scaleway},
      {"tencent_cvm", of_instance, detect_tencent_cvm},
      {"upcloud", of_host, detect_upcloud},
      {"vultr",
       {{"cloud.provider"}, {"cloud.platform", false}, {"cloud.region"}, {"host.id"}, {"host.name"}},
       detect_vultr},
  };
  return detectors;
}

const Detector* find_detector(std::string_view name) {
  if (name == "elasticbeanstalk") name = "elastic_beanstalk";  // older spelling
  for (auto& detector : all_detectors())
    if (detector.name == name) return &detector;
  return nullptr;
}

void keep_enabled(Finding& finding, const Detector& detector, const Config& config) {
  auto& switches = config.block(detector.name).resource_attributes;
  std::erase_if(finding.attributes, [&](const Attribute& attribute) {
    if (!config.attributes.empty() && std::ranges::find(config.attributes, attribute.key) == config.attributes.end()) return true;
    if (auto at = switches.find(attribute.key); at != switches.end()) return !at->second.enabled;
    auto row = std::ranges::find(detector.attributes, std::string_view(attribute.key), &AttributeRow::name);
    return row != detector.attributes.end() && !row->on;
  });
}

bool must_answer(const Config& config, std::string_view detector) {
  return config.fail_on_missing_metadata || config.block(detector).fail_on_missing_metadata;
}

std::string base_address(const Config& config, std::string_view own) {
  std::string base = config.client.endpoint.empty() ? std::string(own) : config.client.endpoint;
  while (base.ends_with('/')) base.pop_back();
  return base;
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& text) {
  return std::ranges::any_of(patterns, [&](auto& pattern) { return RE2::PartialMatch(text, RE2(pattern, RE2::Quiet)); });
}

}  // namespace weir::processors::resourcedetection

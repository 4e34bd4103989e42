#include "components/processors/resourcedetection/config.h"

#include <re2/re2.h>

#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/resourcedetection.h"
#include "engine/decode.h"

namespace weir::processors::resourcedetection {

using config::embedded;
using config::field;

namespace {

void check_patterns(config::Context& context, std::string_view key, const std::vector<std::string>& patterns) {
  for (auto& pattern : patterns)
    if (RE2 regex(pattern, RE2::Quiet); !regex.ok()) context.error_at(key, fmt::format("'{}': {}", pattern, regex.error()));
}

std::string known_detectors() {
  std::string out;
  for (auto& detector : all_detectors()) out += fmt::format("{}{}", out.empty() ? "" : ", ", detector.name);
  return out;
}

void check_switches(config::Context& context, const Config& config, const Detector& detector) {
  for (auto& [name, unused] : config.block(detector.name).resource_attributes)
    if (std::ranges::find(detector.attributes, std::string_view(name), &AttributeRow::name) == detector.attributes.end())
      context.error_at(fmt::format("{}::resource_attributes", detector.name),
                       fmt::format("the detector {} has no attribute '{}'", detector.name, name));
}

}  // namespace

std::span<const config::FieldInfo> AttributeSwitch::fields() {
  static const std::array rows{field<&AttributeSwitch::enabled>("enabled", "Whether the attribute is set.")};
  return rows;
}

std::span<const config::FieldInfo> Block::fields() {
  static const std::array rows{
      field<&Block::resource_attributes>("resource_attributes", "Switches this detector's attributes on or off, by name."),
      field<&Block::fail_on_missing_metadata>("fail_on_missing_metadata", "A missing service is an error and asked again, for this detector."),
  };
  return rows;
}

std::span<const config::FieldInfo> System::fields() {
  static const std::array rows{
      field<&System::hostname_sources>("hostname_sources", "Where host.name comes from; the first that knows it: dns (the canonical name), os, cname, lookup (of the host's address)."),
      embedded<&System::block>(),
  };
  return rows;
}

void System::validate(config::Context& context) const {
  for (auto& source : hostname_sources)
    if (source != "dns" && source != "os" && source != "cname" && source != "lookup")
      context.error_at("hostname_sources", fmt::format("'{}' is none of dns, os, cname, lookup", source));
}

std::span<const config::FieldInfo> Azure::fields() {
  static const std::array rows{
      field<&Azure::tags>("tags", "Tags of the machine whose name matches one of these regular expressions become azure.tag.NAME."),
      embedded<&Azure::block>(),
  };
  return rows;
}

void Azure::validate(config::Context& context) const { check_patterns(context, "tags", tags); }

std::span<const config::FieldInfo> Ec2::fields() {
  static const std::array rows{
      field<&Ec2::tags>("tags", "Tags of the instance whose key matches one of these regular expressions become ec2.tag.KEY; the instance has to allow tags in its metadata."),
      field<&Ec2::tags_from_imds>("tags_from_imds", "Accepted: weir reads tags from the instance metadata always."),
      field<&Ec2::max_attempts>("max_attempts", "Accepted: an attempt is repeated until `timeout` is over."),
      field<&Ec2::max_backoff>("max_backoff", "Accepted, like max_attempts."),
      embedded<&Ec2::block>(),
  };
  return rows;
}

void Ec2::validate(config::Context& context) const {
  check_patterns(context, "tags", tags);
  if (!tags.empty() && !tags_from_imds)
    context.warning_at("tags", "weir reads tags from the instance metadata, not from the EC2 API: switch on InstanceMetadataTags");
}

std::span<const config::FieldInfo> Nova::fields() {
  static const std::array rows{
      field<&Nova::labels>("labels", "Metadata of the machine whose key matches one of these regular expressions become openstack.nova.meta.KEY."),
      embedded<&Nova::block>(),
  };
  return rows;
}

void Nova::validate(config::Context& context) const { check_patterns(context, "labels", labels); }

std::span<const config::FieldInfo> Consul::fields() {
  static const std::array rows{
      field<&Consul::address>("address", "Of the Consul agent."),
      field<&Consul::datacenter>("datacenter", "Sent with the question."),
      field<&Consul::token>("token", "Sent as X-Consul-Token."),
      field<&Consul::token_file>("token_file", "A file with the token."),
      field<&Consul::name_space>("namespace", "Sent with the question."),
      field<&Consul::meta>("meta", "Keys of the node's metadata that become attributes; the values are not looked at."),
      embedded<&Consul::block>(),
  };
  return rows;
}

std::span<const config::FieldInfo> K8sNode::fields() {
  static const std::array rows{
      field<&K8sNode::auth_type>("auth_type", "How to talk to the API server: the pod's service account.", {.choices = "serviceAccount"}),
      field<&K8sNode::node_from_env_var>("node_from_env_var", "The environment variable with the node's name."),
      embedded<&K8sNode::block>(),
  };
  return rows;
}

std::span<const config::FieldInfo> OpenShift::fields() {
  static const std::array rows{
      field<&OpenShift::address>("address", "Base URL of the API server; empty: the one that a pod is told of."),
      field<&OpenShift::token>("token", "Shown to it; empty: the pod's service account."),
      field<&OpenShift::tls>("tls", "For https; without ca_file the pod's authority counts."),
      embedded<&OpenShift::block>(),
  };
  return rows;
}

std::span<const config::FieldInfo> Kubeadm::fields() {
  static const std::array rows{
      field<&Kubeadm::auth_type>("auth_type", "How to talk to the API server: the pod's service account.", {.choices = "serviceAccount"}),
      embedded<&Kubeadm::block>(),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::detectors>("detectors", "Who is asked: env, system, docker, ec2, ecs, eks, lambda, elastic_beanstalk, azure, aks, gcp, heroku, consul, k8snode (or k8s_api), openshift, kubeadm, akamai, alibaba_ecs, digitalocean, dynatrace, hetzner, nova, oraclecloud, scaleway, tencent_cvm, upcloud, vultr. Where two know an attribute, the first one's value counts."),
      field<&Config::override_existing>("override", "Detected values replace what a resource has already."),
      field<&Config::timeout>("timeout", "For all detectors together; data waits so long at most.", {.min = 1ms}),
      field<&Config::refresh_interval>("refresh_interval", "Detect again after this time; 0: never."),
      field<&Config::fail_on_missing_metadata>("fail_on_missing_metadata", "A detector that finds no service asks again until `timeout`, for machines that start faster than their metadata."),
      field<&Config::attributes>("attributes", "When given: of all that is found, only these attributes.", {.deprecated = "use resource_attributes of the detectors"}),
      embedded<&Config::client>(),
      field<&Config::system>("system", "Of the detector `system`."),
      field<&Config::ec2>("ec2", "Of the detector `ec2`."),
      field<&Config::ecs>("ecs", "Of the detector `ecs`."),
      field<&Config::eks>("eks", "Of the detector `eks`."),
      field<&Config::lambda>("lambda", "Of the detector `lambda`."),
      field<&Config::elasticbeanstalk>("elasticbeanstalk", "Of the detector `elastic_beanstalk`."),
      field<&Config::azure>("azure", "Of the detector `azure`."),
      field<&Config::aks>("aks", "Of the detector `aks`."),
      field<&Config::gcp>("gcp", "Of the detector `gcp`."),
      field<&Config::docker>("docker", "Of the detector `docker`; the engine is asked at $DOCKER_HOST."),
      field<&Config::heroku>("heroku", "Of the detector `heroku`."),
      field<&Config::consul>("consul", "Of the detector `consul`."),
      field<&Config::k8snode>("k8snode", "Of the detector `k8snode`."),
      field<&Config::k8s_api>("k8s_api", "Of the detector `k8s_api`."),
      field<&Config::openshift>("openshift", "Of the detector `openshift`."),
      field<&Config::kubeadm>("kubeadm", "Of the detector `kubeadm`."),
      field<&Config::akamai>("akamai", "Of the detector `akamai`."),
      field<&Config::alibaba_ecs>("alibaba_ecs", "Of the detector `alibaba_ecs`."),
      field<&Config::digitalocean>("digitalocean", "Of the detector `digitalocean`."),
      field<&Config::hetzner>("hetzner", "Of the detector `hetzner`."),
      field<&Config::nova>("nova", "Of the detector `nova`."),
      field<&Config::oraclecloud>("oraclecloud", "Of the detector `oraclecloud`."),
      field<&Config::scaleway>("scaleway", "Of the detector `scaleway`."),
      field<&Config::tencent_cvm>("tencent_cvm", "Of the detector `tencent_cvm`."),
      field<&Config::upcloud>("upcloud", "Of the detector `upcloud`."),
      field<&Config::vultr>("vultr", "Of the detector `vultr`."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  for (auto& name : detectors) {
    if (find_detector(name) == nullptr)
      context.error_at("detectors", fmt::format("'{}' is no detector of this build, which has {}", name, known_detectors()));
    if (name == "k8snode" && std::ranges::find(detectors, "k8s_api") != detectors.end())
      context.error_at("detectors", "k8snode and k8s_api are one detector under two names");
  }
  for (auto& detector : all_detectors())
    if (!detector.attributes.empty()) check_switches(context, *this, detector);
}

const Block& Config::block(std::string_view detector) const {
  static const Block none;
  const std::pair<std::string_view, const Block&> blocks[] = {
      {"system", system.block}, {"ec2", ec2.block}, {"ecs", ecs}, {"eks", eks}, {"lambda", lambda}, {"elastic_beanstalk", elasticbeanstalk},
      {"azure", azure.block}, {"aks", aks}, {"gcp", gcp}, {"docker", docker}, {"heroku", heroku}, {"consul", consul.block},
      {"k8snode", k8snode.block}, {"k8s_api", k8s_api.block},
      {"openshift", openshift.block}, {"kubeadm", kubeadm.block}, {"akamai", akamai}, {"alibaba_ecs", alibaba_ecs}, {"digitalocean", digitalocean},
      {"hetzner", hetzner}, {"nova", nova.block}, {"oraclecloud", oraclecloud}, {"scaleway", scaleway}, {"tencent_cvm", tencent_cvm}, {"upcloud", upcloud},
      {"vultr", vultr}};
  for (auto& [name, block] : blocks)
    if (name == detector) return block;
  return none;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "resourcedetection",
          .aliases = {"resource_detection"},
          .summary = "Adds what host, container and cloud this process runs on.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context, nullptr);
          }};
}

}  // namespace weir::processors::resourcedetection

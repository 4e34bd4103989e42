#pragma once
#include "components/shared/net_config/client.h"

namespace weir::processors::resourcedetection {

struct AttributeSwitch {
  bool enabled = true;
  static std::span<const config::FieldInfo> fields();
};
using Switches = std::map<std::string, AttributeSwitch>;

// What the block of every detector may have.
struct Block {
  Switches resource_attributes;
  bool fail_on_missing_metadata = false;
  static std::span<const config::FieldInfo> fields();
};

struct System {
  Block block;
  std::vector<std::string> hostname_sources = {"dns", "os"};
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Azure {
  Block block;
  std::vector<std::string> tags;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Ec2 {
  Block block;
  std::vector<std::string> tags;
  bool tags_from_imds = false;
  std::uint64_t max_attempts = 3;
  Duration max_backoff = 20s;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Consul {
  Block block;
  std::string address = "127.0.0.1:8500", datacenter, token_file;
  config::Secret token;
  std::string name_space;
  std::map<std::string, config::Value> meta;  // the keys of a node's metadata that become attributes
  static std::span<const config::FieldInfo> fields();
};

struct K8sNode {
  Block block;
  std::string auth_type = "serviceAccount";
  std::string node_from_env_var = "K8S_NODE_NAME";
  static std::span<const config::FieldInfo> fields();
};

struct OpenShift {
  Block block;
  std::string address;
  config::Secret token;
  net_config::ClientTls tls;
  static std::span<const config::FieldInfo> fields();
};

struct Kubeadm {
  Block block;
  std::string auth_type = "serviceAccount";
  static std::span<const config::FieldInfo> fields();
};

struct Nova {
  Block block;
  std::vector<std::string> labels;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Config {
  std::vector<std::string> detectors = {"env"};
  bool override_existing = true;
  Duration timeout = 5s;
  Duration refresh_interval{0};
  bool fail_on_missing_metadata = false;
  std::vector<std::string> attributes;
  net_config::HttpClient client;  // its endpoint: where metadata services are asked instead of their own address
  System system;
  Ec2 ec2;
  Azure azure;
  Block ecs, eks, aks, docker, gcp, heroku, lambda, elasticbeanstalk;
  Block akamai, alibaba_ecs, digitalocean, hetzner, oraclecloud, scaleway, tencent_cvm, upcloud, vultr;
  Nova nova;
  Consul consul;
  K8sNode k8snode, k8s_api;
  OpenShift openshift;
  Kubeadm kubeadm;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;

  // The block of a detector; a block without settings for `env`.
  const Block& block(std::string_view detector) const;
};

}  // namespace weir::processors::resourcedetection

#pragma once
// The detectors: each is one function that asks its surroundings and says what it found. They run on worker threads,
// so they may wait for answers.
#include <optional>

#include "components/processors/resourcedetection/config.h"
#include "components/processors/resourcedetection/finding.h"
#include "net/client.h"

namespace weir::processors::resourcedetection {

// What a detector may look at. Replaced by a stand-in in tests.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual std::optional<std::string> env(const std::string& name) = 0;
  // At most 1 MiB.
  virtual Result<std::string> read_file(const std::string& path) = 0;
  // Waits for the answer, at most for the configured time. Every status is a response.
  virtual Result<net::HttpResponse> fetch(net::HttpRequest request) = 0;
  // The same with other TLS settings than the configured ones.
  virtual Result<net::HttpResponse> fetch(net::HttpRequest request, const net::TlsClientSettings& tls) = 0;
  // The body that an HTTP server behind a unix socket gives for a path.
  virtual Result<std::string> fetch_unix(const std::string& socket, const std::string& path) = 0;

  // Shorthands over the above. `get`: the body of a 200.
  Result<std::string> get(std::string url, net::HeaderList headers = {});
  std::string env_or(const std::string& name, std::string_view otherwise);
};

// Resource attributes that a detector knows, and whether they are on by default.
struct AttributeRow {
  std::string_view name;
  bool on = true;
};

struct Detector {
  std::string_view name;
  std::vector<AttributeRow> attributes;  // empty: whatever it finds
  // Nothing found and no error: this process does not run there.
  Result<Finding> (*detect)(const Config& config, Surroundings& around);
};

const std::vector<Detector>& all_detectors();
const Detector* find_detector(std::string_view name);

// Drops what is switched off, and with a list of wanted attributes all others.
void keep_enabled(Finding& finding, const Detector& detector, const Config& config);
// True when a missing metadata service of this detector is an error.
bool must_answer(const Config& config, std::string_view detector);

// "" or the configured base address, without a slash at its end; `own` is the service's.
std::string base_address(const Config& config, std::string_view own);
// True when one of the patterns matches somewhere in `text`.
bool matches_any(const std::vector<std::string>& patterns, const std::string& text);

// The body that the API server of the cluster gives this pod for a path.
Result<std::string> ask_kubernetes(Surroundings& around, const std::string& path);

inline constexpr std::string_view schema_url = "https://opentelemetry.io/schemas/1.40.0";

// local.cc, system.cc, aws.cc, azure.cc, gcp.cc, cluster.cc, clouds.cc
Result<Finding> detect_env(const Config&, Surroundings&);
Result<Finding> detect_heroku(const Config&, Surroundings&);
Result<Finding> detect_lambda(const Config&, Surroundings&);
Result<Finding> detect_elasticbeanstalk(const Config&, Surroundings&);
Result<Finding> detect_docker(const Config&, Surroundings&);
Result<Finding> detect_system(const Config&, Surroundings&);
Result<Finding> detect_ec2(const Config&, Surroundings&);
Result<Finding> detect_ecs(const Config&, Surroundings&);
Result<Finding> detect_eks(const Config&, Surroundings&);
Result<Finding> detect_azure(const Config&, Surroundings&);
Result<Finding> detect_aks(const Config&, Surroundings&);
Result<Finding> detect_gcp(const Config&, Surroundings&);
Result<Finding> detect_consul(const Config&, Surroundings&);
Result<Finding> detect_k8snode(const Config&, Surroundings&);
Result<Finding> detect_openshift(const Config&, Surroundings&);
Result<Finding> detect_kubeadm(const Config&, Surroundings&);
Result<Finding> detect_akamai(const Config&, Surroundings&);
Result<Finding> detect_alibaba_ecs(const Config&, Surroundings&);
Result<Finding> detect_digitalocean(const Config&, Surroundings&);
Result<Finding> detect_dynatrace(const Config&, Surroundings&);
Result<Finding> detect_hetzner(const Config&, Surroundings&);
Result<Finding> detect_nova(const Config&, Surroundings&);
Result<Finding> detect_oraclecloud(const Config&, Surroundings&);
Result<Finding> detect_scaleway(const Config&, Surroundings&);
Result<Finding> detect_tencent_cvm(const Config&, Surroundings&);
Result<Finding> detect_upcloud(const Config&, Surroundings&);
Result<Finding> detect_vultr(const Config&, Surroundings&);

}  // namespace weir::processors::resourcedetection

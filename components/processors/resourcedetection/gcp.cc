// The detector for Google's services.
#include "components/processors/resourcedetection/detector.h"

namespace weir::processors::resourcedetection {
namespace {

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class Gcp {
 public:
  Gcp(const Config& config, Surroundings& around) : around_(around) {
    std::string host = around.env_or("GCE_METADATA_HOST", "169.254.169.254");
    base_ = base_address(config, "http://" + host) + "/computeMetadata/v1/";
  }

  Result<Finding> detect() {
    out_.set("cloud.provider", "gcp");
    ask("cloud.account.id", "project/project-id");
    if (around_.env("KUBERNETES_SERVICE_HOST") && get("instance/attributes/cluster-location")) gke();
    else if (around_.env("FUNCTION_TARGET")) serverless("gcp_cloud_functions");
    else if (around_.env("K_CONFIGURATION") || around_.env("CLOUD_RUN_WORKER_POOL")) serverless("gcp_cloud_run");
    else if (around_.env("CLOUD_RUN_JOB")) job();
    else if (around_.env("GAE_SERVICE")) app_engine();
    else machine();
    if (failed_) return fail(std::move(*failed_));
    return std::move(out_);
  }

  Result<std::string> get(const std::string& path) { return around_.get(base_ + path, {{"metadata-flavor", "Google"}}); }

 private:
  // Sets `key` to what `edit` makes of the answer.
  template <class Edit = std::identity>
  void ask(const char* key, const std::string& path, Edit edit = {}) {
    if (auto answer = get(path)) out_.set(key, edit(*answer));
    else if (!failed_) failed_ = answer.error();
  }
  void set_from(const char* key, std::initializer_list<const char*> variables) {
    for (const char* variable : variables)
      if (auto value = around_.env(variable)) return out_.set(key, *value);
  }

  void set_zone_and_region() {
    auto answer = get("instance/zone");
    if (!answer) return;
    std::string zone = last_part(*answer);
    out_.set("cloud.availability_zone", zone);
    if (auto dash = zone.rfind('-'); dash != zone.npos) out_.set("cloud.region", zone.substr(0, dash));
  }

  void gke() {
    out_.set("cloud.platform", "gcp_kubernetes_engine");
    if (auto place = get("instance/attributes/cluster-location"))
      out_.set(std::ranges::count(*place, '-') == 2 ? "cloud.availability_zone" : "cloud.region", *place);
    ask("k8s.cluster.name", "instance/attributes/cluster-name");
    ask("host.id", "instance/id");
    if (auto name = get("instance/name")) out_.set("host.name", *name);  // not with workload identity
  }

  void serverless(const char* platform) {
    out_.set("cloud.platform", platform);
    set_from("faas.name", {"K_SERVICE", "CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL"});
    set_from("faas.version", {"CLOUD_RUN_REVISION", "K_REVISION"});
    ask("faas.instance", "instance/id");
    ask("cloud.region", "instance/region", last_part);
  }

  void job() {
    out_.set("cloud.platform", "gcp_cloud_run");
    set_from("faas.name", {"CLOUD_RUN_JOB"});
    ask("cloud.region", "instance/region", last_part);
    ask("faas.instance", "instance/id");
    set_from("gcp.cloud_run.job.execution", {"CLOUD_RUN_EXECUTION"});
    set_from("gcp.cloud_run.job.task_index", {"CLOUD_RUN_TASK_INDEX"});
  }

  void app_engine() {
    out_.set("cloud.platform", "gcp_app_engine");
    set_from("faas.name", {"GAE_SERVICE"});
    set_from("faas.version", {"GAE_VERSION"});
    set_from("faas.instance", {"GAE_INSTANCE"});
    if (around_.env_or("GAE_ENV", "") != "standard") return set_zone_and_region();
    ask("cloud.availability_zone", "instance/zone", last_part);
    ask("cloud.region", "instance/region", last_part);
  }

  void machine() {
    out_.set("cloud.platform", "gcp_compute_engine");
    set_zone_and_region();
    ask("host.type", "instance/machine-type");
    ask("host.id", "instance/id");
    ask("host.name", "instance/name");
    ask("gcp.gce.instance.hostname", "instance/hostname");
    ask("gcp.gce.instance.name", "instance/name");
    add_group();
  }

  // created-by: projects/ID/zones/ZONE/instanceGroupManagers/NAME, or regions/REGION.
  void add_group() {
    auto created = get("instance/attributes/created-by");
    if (!created) return;
    auto managers = created->find("/instanceGroupManagers/");
    if (!created->starts_with("projects/") || managers == created->npos) return;
    std::string before = created->substr(0, managers);
    out_.set("gcp.gce.instance_group_manager.name", last_part(*created));
    bool zonal = before.contains("/zones/");
    out_.set(zonal ? "gcp.gce.instance_group_manager.zone" : "gcp.gce.instance_group_manager.region", last_part(before));
  }

  Surroundings& around_;
  std::string base_;
  Finding out_{.schema_url = std::string(schema_url)};
  std::optional<Error> failed_;
};

}  // namespace

Result<Finding> detect_gcp(const Config& config, Surroundings& around) {
  Gcp gcp(config, around);
  if (auto id = gcp.get("instance/id"); !id) {
    if (must_answer(config, "gcp")) return fail(std::move(id).error());
    return Finding{};
  }
  return gcp.detect();
}

}  // namespace weir::processors::resourcedetection

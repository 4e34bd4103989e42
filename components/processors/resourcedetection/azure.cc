// Detectors for Azure's virtual machines and Kubernetes service.
#include "base/text.h"
#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {
namespace {

Result<Json> compute(const Config& config, Surroundings& around) {
  std::string url = base_address(config, "http://169.254.169.254") + "/metadata/instance/compute?api-version=2020-09-01&format=json";
  WEIR_ASSIGN(auto body, around.get(std::move(url), {{"metadata", "true"}}));
  return Json::parse(body);
}

// "MC_<group>_<cluster>_<location>" is how AKS names the group of a cluster's machines.
std::string cluster_name(const std::string& group) {
  auto first = group.find('_');
  bool four = std::ranges::count(group, '_') == 3;
  if (!four || to_lower(group.substr(0, first)) != "mc") return group;
  auto last = group.rfind('_'), before = group.rfind('_', last - 1);
  return group.substr(before + 1, last - before - 1);
}

}  // namespace

Result<Finding> detect_azure(const Config& config, Surroundings& around) {
  auto machine = compute(config, around);
  if (!machine) {
    if (must_answer(config, "azure")) return fail(std::move(machine).error());
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "azure");
  out.set("cloud.platform", "azure.vm");
  std::string computer = machine->text("/osProfile/computerName"), name = machine->text("/name");
  if (!computer.empty() || !name.empty()) out.set("host.name", computer.empty() ? name : computer);
  out.set("cloud.region", machine->text("/location"));
  out.set("host.id", machine->text("/vmId"));
  out.set("cloud.account.id", machine->text("/subscriptionId"));
  if (auto zone = machine->text("/zone"); !zone.empty()) out.set("cloud.availability_zone", zone);
  out.set("azure.vm.name", name);
  out.set("azure.vm.size", machine->text("/vmSize"));
  if (auto set = machine->text("/vmScaleSetName"); !set.empty()) out.set("azure.vm.scaleset.name", set);
  out.set("azure.resourcegroup.name", machine->text("/resourceGroupName"));
  simdjson::dom::array tags;
  if (!config.azure.tags.empty() && !machine->root()["tagsList"].get(tags))
    for (auto tag : tags)
      if (std::string key = Json::text_of(tag["name"]); matches_any(config.azure.tags, key))
        out.set("azure.tag." + key, Json::text_of(tag["value"]));
  return out;
}

Result<Finding> detect_aks(const Config& config, Surroundings& around) {
  if (around.env_or("KUBERNETES_SERVICE_HOST", "").empty()) return Finding{};
  auto machine = compute(config, around);
  if (!machine) {
    if (must_answer(config, "aks")) return fail(std::move(machine).error());
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "azure");
  out.set("cloud.platform", "azure.aks");
  out.set("k8s.cluster.name", cluster_name(machine->text("/resourceGroupName")));
  return out;
}

}  // namespace weir::processors::resourcedetection

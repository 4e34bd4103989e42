// What an OpenTelemetryCollector cannot be. Messages begin as the OpenTelemetry operator's do: scripts look for them.
#include <algorithm>

#include "weir/operator/collector.h"

namespace weir::app {

using config::Value;
using inject::text_at;

namespace {

class Checking {
 public:
  explicit Checking(const Value& spec) : spec_(spec), mode_(text_at(spec, "mode").empty() ? "deployment" : text_at(spec, "mode")) {}

  inject::Verdict run(const Value* before) {
    bool known = mode_ == "deployment" || mode_ == "daemonset" || mode_ == "statefulset" || mode_ == "sidecar";
    error(!known, fmt::format("mode '{}' is none of deployment, daemonset, statefulset, sidecar", mode_.substr(0, 50)));
    attributes();
    allocator();
    ports();
    replicas();
    ingress();
    if (before != nullptr) {
      std::string old = text_at(*before, "spec::mode").empty() ? "deployment" : text_at(*before, "spec::mode");
      error(old != mode_, fmt::format("the OpenTelemetry Collector mode is set to {}, which does not support modification: it cannot be changed from {} to {}", old, old, mode_));
    }
    return std::move(out_);
  }

 private:
  bool has(std::string_view key) const {
    const Value* value = spec_.get(key);
    return value != nullptr && !value->is_null() && (value->is_scalar() ? !value->text().empty() : value->size() > 0);
  }
  void error(bool wrong, std::string text) {
    if (wrong) out_.errors.push_back(std::move(text));
  }
  std::optional<std::int64_t> number(std::string_view path) const {
    const Value* value = spec_.find(path);
    return value != nullptr && value->kind() == Value::Kind::integer ? std::optional(value->as_int()) : std::nullopt;
  }
  std::string unfit(std::string_view attribute) const { return fmt::format("the OpenTelemetry Collector mode is set to {}, which does not support the attribute '{}'", mode_, attribute); }

  void attributes() {
    for (std::string_view key : {"volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"}) error(mode_ != "statefulset" && has(key), unfit(key));
    for (std::string_view key : {"tolerations", "affinity", "priorityClassName"}) error(mode_ == "sidecar" && has(key), unfit(key));
    error(mode_ == "sidecar" && has("additionalContainers"), unfit("AdditionalContainers"));
    error(mode_ != "deployment" && mode_ != "statefulset" && has("autoscaler"), unfit("autoscaler"));
    error(mode_ != "daemonset" && !text_at(spec_, "daemonSetUpdateStrategy::type").empty(), unfit("updateStrategy"));
    error(mode_ != "deployment" && !text_at(spec_, "deploymentUpdateStrategy::type").empty(), unfit("deploymentUpdateStrategy"));
  }

  void allocator() {
    if (text_at(spec_, "targetAllocator::enabled") != "true") return;
    std::string strategy = text_at(spec_, "targetAllocator::allocationStrategy");
    error(mode_ != "statefulset" && mode_ != "daemonset", fmt::format("the OpenTelemetry Collector mode is set to {}, which does not support the target allocation deployment", mode_));
    error(mode_ == "daemonset" && strategy != "per-node", fmt::format("the OpenTelemetry Collector mode is set to {}, which must be used with target allocation strategy per-node", mode_));
    error(mode_ != "daemonset" && strategy == "per-node", "target allocation strategy per-node is only supported in OpenTelemetry Collector mode daemonset");
  }

  // Names are those of services: at most 15 letters, digits and dashes, with a letter.
  static bool is_port_name(std::string_view name) {
    auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !name.empty() && name.size() <= 15 && std::all_of(name.begin(), name.end(), good) && !name.starts_with('-') && !name.ends_with('-') && name.find("--") == name.npos &&
           std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  }

  void ports() {
    const Value* list = spec_.get("ports");
    for (std::size_t i = 0; list != nullptr && i < list->items().size(); ++i) {
      const Value& port = list->items()[i];
      const Value* value = port.get("port");
      std::int64_t at = value != nullptr && value->kind() == Value::Kind::integer ? value->as_int() : 0;
      std::string name = text_at(port, "name");
      error(!is_port_name(name) || at < 1 || at > 65535, fmt::format("the OpenTelemetry Spec Ports configuration is incorrect, port name '{}' num '{}'", name.substr(0, 50), at));
    }
  }

  void replicas() {
    constexpr std::string_view wrong = "the OpenTelemetry Spec autoscale configuration is incorrect, ";
    auto count = number("replicas"), least = number("autoscaler::minReplicas"), most = number("autoscaler::maxReplicas");
    error(count && *count < 0, "replicas is below 0");
    error((least && *least < 1) || (most && *most < 1), fmt::format("{}minReplicas and maxReplicas should be one or more", wrong));
    error(has("autoscaler") && least && !most, "spec.maxReplica must be set when spec.minReplica is set");
    error(count && most && *count > *most, fmt::format("{}replicas must not be greater than maxReplicas", wrong));
    error(least && most && *least > *most, fmt::format("{}minReplicas must not be greater than maxReplicas", wrong));
    for (auto way : {"scaleDown", "scaleUp"}) {
      auto seconds = number(fmt::format("autoscaler::behavior::{}::stabilizationWindowSeconds", way));
      error(seconds && (*seconds < 0 || *seconds > 3600), fmt::format("{}{}.stabilizationWindowSeconds should be >=0 and <=3600", wrong, way));
    }
    const Value* metrics = spec_.find("autoscaler::metrics");
    for (std::size_t i = 0; metrics != nullptr && i < metrics->items().size(); ++i)
      error(text_at(metrics->items()[i], "type") != "Pods", fmt::format("{}metric type unsupported. Expected metric of source type Pod", wrong));
  }

  void ingress() {
    std::string type = text_at(spec_, "ingress::type"), host = text_at(spec_, "ingress::hostname");
    error(mode_ == "sidecar" && !type.empty(),
          "the OpenTelemetry Spec Ingress configuration is incorrect. Ingress can only be used in combination with the modes: deployment, daemonset, statefulset");
    error(text_at(spec_, "ingress::ruleType") == "subdomain" && (host.empty() || host == "*"), "a valid Ingress hostname has to be defined for subdomain ruleType");
  }

  const Value& spec_;
  std::string mode_;
  inject::Verdict out_;
};

}  // namespace

inject::Verdict check_collector(const Value& collector, const Value* before) {
  const Value* spec = collector.get("spec");
  if (spec == nullptr || !spec->is_map()) return {.errors = {"spec is missing"}, .warnings = {}};
  inject::Verdict out = Checking(*spec).run(before);
  auto made = manifests_of(collector, {});
  if (!made) out.errors.push_back(made.error().what);
  else
    for (auto& what : made->unsupported) out.warnings.push_back("not supported: " + what);
  return out;
}

}  // namespace weir::app

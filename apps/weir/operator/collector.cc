#include "weir/operator/collector.h"

#include <algorithm>

#include "config/yaml.h"
#include "weir/operator/collector_more.h"

namespace weir::app {

using config::Value;
using inject::list_in;
using inject::map_of;
using inject::text_at;

namespace {

constexpr std::string_view container_name = "otc-container", sidecar_annotation = "sidecar.opentelemetry.io/inject", injected_label = "sidecar.opentelemetry.io/injected";

// A collector that is being read.
class Reading {
 public:
  Reading(const Value& object, const CollectorOptions& options) : object_(object), options_(options) {
    if (const Value* spec = object.get("spec"); spec != nullptr && spec->is_map()) spec_ = spec;
  }

  Result<Manifests> manifests();
  Result<Value> container();
  const Value* at(std::string_view key) const {
    const Value* value = spec_->get(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::string text(std::string_view key) const { return text_at(*spec_, key); }
  Result<> read_config();
  const std::string& config_text() const { return config_text_; }
  Value volumes();
  Value own_volumes() const;

 private:
  std::string base() const { return short_name(text_at(object_, "metadata::name") + "-collector"); }
  std::string name_space() const { return text_at(object_, "metadata::namespace"); }
  std::string mode() const { return text("mode").empty() ? "deployment" : text("mode"); }
  Value selector() const;
  Value labels(const std::string& name) const;
  Value annotations() const;
  Value meta(const std::string& name) const;
  Value object(std::string_view version, std::string_view kind, const std::string& name) const;
  Value pod_template();
  Value workload();
  Value service(const std::string& name, std::vector<CollectorPort> ports, bool headless) const;
  void copy(std::string_view from, Value& to, std::string_view key) const {
    if (const Value* value = at(from)) to.set(key, *value);
  }
  void add_probes(Value& container) const;
  void add_services(Manifests& out) const;
  void add_availability(Manifests& out) const;
  void name_unsupported(Manifests& out) const;

  const Value& object_;
  const CollectorOptions& options_;
  Value none_ = Value::map();
  const Value* spec_ = &none_;
  Value config_ = Value::map(), jobs_ = Value::map();  // jobs_: what the target allocator has of it
  std::string config_text_;
  std::vector<CollectorPort> ports_;
};

Result<> Reading::read_config() {
  const Value* config = at("config");
  if (config == nullptr) return fail(Errc::config, "spec.config is missing");
  if (config->is_map()) {
    config_ = *config;
  } else {
    // As v1alpha1 has it.
    WEIR_ASSIGN(config_, config::parse_yaml(config->text(), "spec.config"));
  }
  if (!config_.is_map()) return fail(Errc::config, "spec.config is no map");
  if (has_allocator(*spec_)) {
    WEIR_ASSIGN(jobs_, hand_over_jobs(config_, text_at(object_, "metadata::name")));
  }
  config_text_ = config::to_yaml(config_);
  ports_ = ports_of(config_, at("ports"));
  return {};
}

// As the OpenTelemetry operator has them: a workload that it made is taken over, and a workload's selector cannot change.
Value Reading::selector() const {
  return map_of({{"app.kubernetes.io/managed-by", "opentelemetry-operator"}, {"app.kubernetes.io/part-of", "opentelemetry"}, {"app.kubernetes.io/component", "opentelemetry-collector"},
                 {"app.kubernetes.io/instance", short_name(fmt::format("{}.{}", name_space(), text_at(object_, "metadata::name")))}});
}

// Those of the resource, and ours.
Value Reading::labels(const std::string& name) const {
  const Value* given = object_.find("metadata::labels");
  Value out = given != nullptr && given->is_map() ? *given : Value::map();
  const Value own = selector();
  for (auto& entry : own.entries()) out.set(entry.key, entry.value);
  out.set("app.kubernetes.io/name", Value::string(name));
  return out;
}

Value Reading::annotations() const {
  const Value* given = object_.find("metadata::annotations");
  Value out = given != nullptr && given->is_map() ? *given : Value::map();
  std::erase_if(out.entries(), [](auto& entry) { return entry.key == "kubectl.kubernetes.io/last-applied-configuration"; });
  return out;
}

Value Reading::meta(const std::string& name) const {
  Value out = map_of({{"name", name}, {"namespace", name_space()}}), notes = annotations();
  out.set("labels", labels(name));
  if (notes.size() > 0) out.set("annotations", std::move(notes));
  return out;
}

// Everything goes with the collector that it was made for.
Value Reading::object(std::string_view version, std::string_view kind, const std::string& name) const {
  Value out = map_of({{"apiVersion", version}, {"kind", kind}}), m = meta(name), owners = Value::list();
  Value owner = map_of({{"apiVersion", "opentelemetry.io/v1beta1"}, {"kind", "OpenTelemetryCollector"}, {"name", text_at(object_, "metadata::name")}, {"uid", text_at(object_, "metadata::uid")}});
  owner.set("controller", Value::of(true));
  owner.set("blockOwnerDeletion", Value::of(true));
  owners.push_back(std::move(owner));
  m.set("ownerReferences", std::move(owners));
  out.set("metadata", std::move(m));
  return out;
}

// The probes of the extension health_check, if it runs.
void Reading::add_probes(Value& container) const {
  const Value* running = config_.find("service::extensions");
  std::string id;
  for (std::size_t i = 0; running != nullptr && i < running->items().size(); ++i)
    if (auto& one = running->items()[i].text(); one == "health_check" || one.starts_with("health_check/")) id = one;
  if (id.empty()) return;
  const Value* extensions = config_.get("extensions");
  const Value* settings = extensions ? extensions->get(id) : nullptr;
  std::string endpoint = settings ? text_at(*settings, "endpoint") : "", path = settings ? text_at(*settings, "path") : "";
  int port = port_of(endpoint).value_or(13133);
  for (auto [key, probe] : {std::pair("livenessProbe", "livenessProbe"), std::pair("readinessProbe", "readinessProbe"), std::pair("startupProbe", "startupProbe")}) {
    const Value* wanted = at(key);
    if (std::string_view(key) == "startupProbe" && wanted == nullptr) continue;
    Value made = wanted ? *wanted : Value::map(), get = map_of({{"path", path.empty() ? "/" : path}});
    get.set("port", Value::of(std::int64_t{port}));
    made.set("httpGet", std::move(get));
    container.set(probe, std::move(made));
  }
}

Result<Value> Reading::container() {
  std::string image = text("image");
  Value out = map_of({{"name", container_name}, {"image", image.empty() ? options_.image : image}});
  copy("imagePullPolicy", out, "imagePullPolicy");
  Value args = inject::list_of({mode() == "sidecar" ? "--config=env:OTEL_CONFIG" : "--config=/conf/collector.yaml"});
  if (const Value* wanted = at("args"))
    for (auto& [key, mark, value] : wanted->entries()) args.push_back(Value::string(value.text().empty() ? "--" + key : fmt::format("--{}={}", key, value.text())));
  out.set("args", std::move(args));
  for (std::string_view key : {"env", "envFrom", "resources", "securityContext", "lifecycle", "volumeMounts"}) copy(key, out, key);
  inject::add_env_field(out, "POD_NAME", "metadata.name", true);
  inject::add_env_field(out, "MY_POD_IP", "status.podIP");
  inject::add_env_field(out, "K8S_NODE_NAME", "spec.nodeName");
  if (mode() == "sidecar") inject::add_env(out, "OTEL_CONFIG", config_text_);
  else inject::add_mount(out, "otc-internal", "/conf", true);
  if (const Value* maps = at("configmaps"))
    for (auto& map : maps->items()) inject::add_mount(out, "configmap-" + text_at(map, "name"), "/var/conf/" + text_at(map, "mountpath"), true);
  Value ports = Value::list();
  for (auto& port : ports_) {
    Value one = map_of({{"name", port.name}, {"protocol", port.protocol}});
    one.set("containerPort", Value::of(std::int64_t{port.target}));
    if (port.host > 0 && mode() == "daemonset") one.set("hostPort", Value::of(std::int64_t{port.host}));
    ports.push_back(std::move(one));
  }
  if (ports.size() > 0) out.set("ports", std::move(ports));
  add_probes(out);
  return out;
}

Value Reading::volumes() {
  Value out = Value::list(), own = map_of({{"name", "otc-internal"}}), source = map_of({{"name", base()}}), items = Value::list();
  items.push_back(map_of({{"key", "collector.yaml"}, {"path", "collector.yaml"}}));
  source.set("items", std::move(items));
  own.set("configMap", std::move(source));
  out.push_back(std::move(own));
  const Value more = own_volumes();
  for (auto& volume : more.items()) out.push_back(volume);
  return out;
}

// Those that the resource asks for.
Value Reading::own_volumes() const {
  Value out = Value::list();
  if (const Value* maps = at("configmaps"))
    for (auto& map : maps->items()) {
      Value one = map_of({{"name", "configmap-" + text_at(map, "name")}});
      one.set("configMap", map_of({{"name", text_at(map, "name")}}));
      out.push_back(std::move(one));
    }
  if (const Value* more = at("volumes"))
    for (auto& volume : more->items()) out.push_back(volume);
  return out;
}

Value Reading::pod_template() {
  Value spec = Value::map(), containers = Value::list();
  auto own = container();
  containers.push_back(own ? std::move(*own) : Value::map());
  if (const Value* more = at("additionalContainers"))
    for (auto& one : more->items()) containers.push_back(one);
  spec.set("serviceAccountName", Value::string(text("serviceAccount").empty() ? base() : text("serviceAccount")));
  spec.set("containers", std::move(containers));
  spec.set("volumes", volumes());
  for (auto [from, to] : {std::pair("podSecurityContext", "securityContext"), std::pair("nodeSelector", "nodeSelector"), std::pair("tolerations", "tolerations"), std::pair("affinity", "affinity"),
                          std::pair("topologySpreadConstraints", "topologySpreadConstraints"), std::pair("priorityClassName", "priorityClassName"), std::pair("hostNetwork", "hostNetwork"),
                          std::pair("hostPID", "hostPID"), std::pair("shareProcessNamespace", "shareProcessNamespace"), std::pair("terminationGracePeriodSeconds", "terminationGracePeriodSeconds"),
                          std::pair("initContainers", "initContainers"), std::pair("dnsPolicy", "dnsPolicy"), std::pair("podDnsConfig", "dnsConfig")})
    copy(from, spec, to);
  if (const Value* host = at("hostNetwork"); host != nullptr && host->kind() == Value::Kind::boolean && host->as_bool() && at("dnsPolicy") == nullptr)
    spec.set("dnsPolicy", Value::string("ClusterFirstWithHostNet"));
  Value notes = annotations();
  if (const Value* given = at("podAnnotations"))
    for (auto& entry : given->entries()) notes.set(entry.key, entry.value);
  // A change of the configuration makes new pods.
  notes.set("opentelemetry-operator-config/sha256", Value::string(hash_of(config_text_)));
  Value m = Value::map(), out = Value::map();
  m.set("labels", labels(base()));
  m.set("annotations", std::move(notes));
  out.set("metadata", std::move(m));
  out.set("spec", std::move(spec));
  return out;
}

Value Reading::workload() {
  std::string m = mode();
  Value out = object("apps/v1", m == "daemonset" ? "DaemonSet" : m == "statefulset" ? "StatefulSet" : "Deployment", base()), spec = Value::map(), match = Value::map();
  if (m != "daemonset" && at("autoscaler") == nullptr) spec.set("replicas", at("replicas") ? *at("replicas") : Value::of(std::int64_t{1}));
  match.set("matchLabels", selector());
  spec.set("selector", std::move(match));
  if (m == "deployment") copy("deploymentUpdateStrategy", spec, "strategy");
  if (m == "daemonset") copy("daemonSetUpdateStrategy", spec, "updateStrategy");
  if (m == "statefulset") {
    spec.set("serviceName", Value::string(text("serviceName").empty() ? base() + "-headless" : text("serviceName")));
    spec.set("podManagementPolicy", Value::string("Parallel"));
    copy("volumeClaimTemplates", spec, "volumeClaimTemplates");
    copy("persistentVolumeClaimRetentionPolicy", spec, "persistentVolumeClaimRetentionPolicy");
  }
  spec.set("template", pod_template());
  out.set("spec", std::move(spec));
  return out;
}

Value Reading::service(const std::string& name, std::vector<CollectorPort> ports, bool headless) const {
  Value out = object("v1", "Service", short_name(name)), spec = Value::map(), list = Value::list();
  for (auto& port : ports) {
    Value one = map_of({{"name", port.name}, {"protocol", port.protocol}});
    one.set("port", Value::of(std::int64_t{port.service}));
    one.set("targetPort", Value::of(std::int64_t{port.target}));
    if (!port.application.empty()) one.set("appProtocol", Value::string(port.application));
    list.push_back(std::move(one));
  }
  spec.set("ports", std::move(list));
  spec.set("selector", selector());
  if (headless) spec.set("clusterIP", Value::string("None"));
  spec.set("internalTrafficPolicy", Value::string(mode() == "daemonset" ? "Local" : "Cluster"));
  copy("ipFamilies", spec, "ipFamilies");
  copy("ipFamilyPolicy", spec, "ipFamilyPolicy");
  out.set("spec", std::move(spec));
  return out;
}

void Reading::add_services(Manifests& out) const {
  if (!ports_.empty()) {
    out.objects.push_back(service(base(), ports_, false));
    out.objects.push_back(service(base() + "-headless", ports_, true));
  }
  std::string address = text_at(config_, "service::telemetry::metrics::address");
  out.objects.push_back(service(base() + "-monitoring", {{.name = "monitoring", .service = port_of(address).value_or(8888), .target = port_of(address).value_or(8888)}}, false));
}

void Reading::add_availability(Manifests& out) const {
  std::string m = mode();
  if (const Value* wanted = at("podDisruptionBudget"); wanted != nullptr && m != "daemonset") {
    Value budget = object("policy/v1", "PodDisruptionBudget", base()), spec = *wanted, match = Value::map();
    // Both are there when somebody has added his to what was filled in before.
    if (spec.get("minAvailable") != nullptr) std::erase_if(spec.entries(), [](auto& entry) { return entry.key == "maxUnavailable"; });
    match.set("matchLabels", selector());
    spec.set("selector", std::move(match));
    budget.set("spec", std::move(spec));
    out.objects.push_back(std::move(budget));
  }
  const Value* wanted = at("autoscaler");
  if (wanted == nullptr || m == "daemonset") return;
  Value scaler = object("autoscaling/v2", "HorizontalPodAutoscaler", base()), spec = Value::map(), metrics = Value::list();
  spec.set("scaleTargetRef", map_of({{"apiVersion", "apps/v1"}, {"kind", m == "statefulset" ? "StatefulSet" : "Deployment"}, {"name", base()}}));
  for (std::string_view key : {"minReplicas", "maxReplicas", "behavior"})
    if (const Value* value = wanted->get(key); value != nullptr && !value->is_null()) spec.set(key, *value);
  for (auto [key, resource] : {std::pair("targetCPUUtilization", "cpu"), std::pair("targetMemoryUtilization", "memory")})
    if (const Value* value = wanted->get(key); value != nullptr && !value->is_null()) {
      Value target = map_of({{"type", "Utilization"}}), of = map_of({{"name", resource}}), metric = map_of({{"type", "Resource"}});
      target.set("averageUtilization", *value);
      of.set("target", std::move(target));
      metric.set("resource", std::move(of));
      metrics.push_back(std::move(metric));
    }
  if (const Value* more = wanted->get("metrics"))
    for (auto& metric : more->items()) metrics.push_back(metric);
  if (metrics.size() > 0) spec.set("metrics", std::move(metrics));
  scaler.set("spec", std::move(spec));
  out.objects.push_back(std::move(scaler));
}

void Reading::name_unsupported(Manifests& out) const {
  auto is_on = [&](std::string_view path) { return text_at(*spec_, path) == "true"; };
  auto say = [&](bool there, std::string what) {
    if (there) out.unsupported.push_back(std::move(what));
  };
  std::string ingress = text_at(*spec_, "ingress::type"), replicas = text_at(*spec_, "targetAllocator::replicas");
  say(!ingress.empty() && ingress != "ingress", fmt::format("ingress of type {}", ingress.substr(0, 50)));
  if (has_allocator(*spec_)) {
    say(!replicas.empty() && replicas != "1" && replicas != "0", "targetAllocator.replicas: one replica runs");
    say(text_at(*spec_, "targetAllocator::serviceAccount").empty(),
        "targetAllocator.serviceAccount: rights are not granted by the operator; name an account that has them (deploy/kubernetes/allocator.yaml)");
    say(is_on("targetAllocator::observability::metrics::enableMetrics"), "targetAllocator.observability.metrics.enableMetrics: no ServiceMonitor is made");
    say(is_on("targetAllocator::mtls::enabled"), "targetAllocator.mtls");
  }
  say(is_on("observability::metrics::enableMetrics"), "observability.metrics.enableMetrics: no ServiceMonitor is made");
  if (mode() != "sidecar" && text("serviceAccount").empty() && talks_to_the_api(config_))
    say(true, "serviceAccount: the configuration reads from the API server, and rights are not granted by the operator; name an account that has them");
}

Result<Manifests> Reading::manifests() {
  WEIR_TRY(read_config());
  Manifests out;
  name_unsupported(out);
  if (mode() == "sidecar") return out;
  if (text("serviceAccount").empty()) out.objects.push_back(object("v1", "ServiceAccount", base()));
  Value map = object("v1", "ConfigMap", base());
  map.set("data", map_of({{"collector.yaml", config_text_}}));
  out.objects.push_back(std::move(map));
  out.objects.push_back(workload());
  add_services(out);
  add_availability(out);
  CollectorView view{*spec_, text_at(object_, "metadata::name"), name_space(), selector(), ports_,
                     [this](std::string_view version, std::string_view kind, const std::string& name) { return object(version, kind, name); }};
  for (auto more : {ingress_of(view), network_policy_of(view)})
    if (more) out.objects.push_back(std::move(*more));
  if (has_allocator(*spec_))
    for (auto& one : allocator_of(view, jobs_, options_.image)) out.objects.push_back(std::move(one));
  return out;
}

// Fields of v1alpha1 under their names of today. What is there under both names stays.
void rename_old_fields(Value& spec) {
  Value* config = spec.get("config");
  if (config != nullptr && !config->is_map() && config->is_text())
    if (auto parsed = config::parse_yaml(config->text(), "spec.config"); parsed && parsed->is_map()) *config = std::move(*parsed);
  auto move = [&](std::string_view from, Value& to, std::string_view key) {
    const Value* value = spec.get(from);
    if (value == nullptr) return;
    if (to.get(key) == nullptr) to.set(key, Value(*value));
    std::erase_if(spec.entries(), [&](auto& entry) { return entry.key == from; });
  };
  for (std::string_view key : {"minReplicas", "maxReplicas"}) {
    if (spec.get(key) == nullptr) continue;
    Value scaler = spec.get("autoscaler") == nullptr ? Value::map() : *spec.get("autoscaler");
    move(key, scaler, key);
    spec.set("autoscaler", std::move(scaler));
  }
  move("updateStrategy", spec, "daemonSetUpdateStrategy");
}

}  // namespace

void apply_collector_defaults(Value& collector) {
  Value* spec = collector.get("spec");
  if (spec == nullptr || !spec->is_map()) return;
  rename_old_fields(*spec);
  auto add = [&](std::string_view key, Value value) {
    if (const Value* there = spec->get(key); there == nullptr || there->is_null()) spec->set(key, std::move(value));
  };
  add("mode", Value::string("deployment"));
  add("managementState", Value::string("managed"));
  add("upgradeStrategy", Value::string("automatic"));
  std::string mode = text_at(*spec, "mode");
  bool counted = mode == "deployment" || mode == "statefulset";
  if (counted && spec->get("autoscaler") == nullptr) add("replicas", Value::of(std::int64_t{1}));
  if (Value* scaler = spec->get("autoscaler"); scaler != nullptr && scaler->is_map()) {
    auto into = [&](std::string_view key, std::int64_t value) {
      if (const Value* there = scaler->get(key); there == nullptr || there->is_null()) scaler->set(key, Value::of(value));
    };
    into("minReplicas", 1);
    if (scaler->get("targetMemoryUtilization") == nullptr && scaler->get("metrics") == nullptr) into("targetCPUUtilization", 90);
  }
  if (counted && spec->get("podDisruptionBudget") == nullptr) {
    Value budget = Value::map();
    budget.set("maxUnavailable", Value::of(std::int64_t{1}));
    spec->set("podDisruptionBudget", std::move(budget));
  }
}

Result<Manifests> manifests_of(const Value& collector, const CollectorOptions& options) { return Reading(collector, options).manifests(); }

std::string wanted_sidecar(const Value& pod, const Value& name_space) {
  std::string of_pod = inject::entry_of(pod, "metadata::annotations", sidecar_annotation), of_space = inject::entry_of(name_space, "metadata::annotations", sidecar_annotation);
  // As for instrumentation: a name wins over true, false of the pod over everything.
  std::string out = of_pod.empty() || (of_pod == "true" && !of_space.empty() && of_space != "false") ? of_space : of_pod;
  return out == "false" ? "" : out;
}

bool add_sidecar(Value& pod, const Value& collector, const CollectorOptions& options) {
  Value* spec = pod.get("spec");
  if (spec == nullptr || spec->get("containers") == nullptr) return false;
  for (std::string_view list : {"containers", "initContainers"})
    if (inject::find_named(spec->get(list), container_name) != nullptr) return false;
  Reading reading(collector, options);
  if (!reading.read_config()) return false;
  auto container = reading.container();
  if (!container) return false;
  // An init container that goes on: it is there before the others begin, and after they have ended.
  container->set("restartPolicy", Value::string("Always"));
  list_in(*spec, "initContainers").items().insert(list_in(*spec, "initContainers").items().begin(), std::move(*container));
  const Value volumes = reading.own_volumes();
  for (auto& volume : volumes.items()) inject::add_volume(pod, volume);
  if (pod.get("metadata") == nullptr) pod.set("metadata", Value::map());
  Value* meta = pod.get("metadata");
  if (meta->get("labels") == nullptr) meta->set("labels", Value::map());
  meta->get("labels")->set(injected_label, Value::string(short_name(fmt::format("{}.{}", text_at(collector, "metadata::namespace"), text_at(collector, "metadata::name")))));
  return true;
}

std::string path_of(const Value& object) {
  static const std::map<std::string, std::string, std::less<>> plurals = {{"ConfigMap", "configmaps"}, {"Service", "services"}, {"ServiceAccount", "serviceaccounts"}, {"Deployment", "deployments"},
                                                                          {"DaemonSet", "daemonsets"}, {"StatefulSet", "statefulsets"}, {"PodDisruptionBudget", "poddisruptionbudgets"},
                                                                          {"HorizontalPodAutoscaler", "horizontalpodautoscalers"}, {"Ingress", "ingresses"}, {"NetworkPolicy", "networkpolicies"}};
  std::string version = text_at(object, "apiVersion");
  auto plural = plurals.find(text_at(object, "kind"));
  return fmt::format("{}/{}/namespaces/{}/{}/{}", version == "v1" ? "/api" : "/apis", version, text_at(object, "metadata::namespace"), plural == plurals.end() ? "" : plural->second,
                     text_at(object, "metadata::name"));
}

}  // namespace weir::app

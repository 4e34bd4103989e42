#include "inject/inject.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "inject/review.h"
#include "kube/json.h"

using namespace weir;
using namespace weir::inject;

namespace {

Value yaml(std::string_view text) {
  auto value = config::parse_yaml(text);
  REQUIRE_MESSAGE(value, (value ? "" : value.error().what));
  return std::move(*value);
}

struct Bench {
  std::vector<Instrumentation> known;
  std::map<std::string, Value> owners;
  Value name_space = yaml("{metadata: {name: shop}}");
  Options options;

  Bench() { add("shop", "mine", "{exporter: {endpoint: 'http://otel:4317'}}"); }
  void add(std::string where, std::string name, std::string_view spec) { known.push_back({std::move(where), std::move(name), yaml(spec)}); }
  Cluster cluster() {
    return {[this](const std::string& where) {
              std::vector<const Instrumentation*> out;
              for (auto& one : known)
                if (one.name_space == where) out.push_back(&one);
              return out;
            },
            [this](const std::string& kind, const std::string&, const std::string& name) -> const Value* {
              auto at = owners.find(kind + "/" + name);
              return at == owners.end() ? nullptr : &at->second;
            }};
  }
  Outcome run(std::string_view pod) { return inject::inject(yaml(pod), name_space, cluster(), options); }
};

// A=1 B<-status.podIP, in order.
std::string env_of(const Value& container) {
  std::string out;
  const Value* list = container.get("env");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const Value& e = list->items()[i];
    std::string field = text_at(e, "valueFrom::fieldRef::fieldPath");
    out += fmt::format("{}{}{}\n", text_at(e, "name"), field.empty() ? "=" : "<-", field.empty() ? text_at(e, "value") : field);
  }
  return out;
}

const Value& container(const Value& pod, std::size_t i, std::string_view list = "spec::containers") { return pod.find(list)->items().at(i); }

std::string pod_with(std::string_view annotations, std::string_view rest = "containers: [{name: app, image: 'reg/app:1.2'}]") {
  return fmt::format("metadata: {{generateName: web-, annotations: {{{}}}}}\nspec: {{{}}}", annotations, rest);
}

constexpr std::string_view prefix = "instrumentation.opentelemetry.io/";

std::string_view problem(const Outcome& outcome) { return outcome.problems.empty() ? std::string_view() : std::string_view(outcome.problems.front()); }

}  // namespace

TEST_CASE("inject: sdk only adds environment, in the order that precedence needs") {
  Bench bench;
  bench.known.clear();
  bench.add("shop", "mine", R"(
exporter: {endpoint: "http://otel:4317"}
propagators: [tracecontext, b3]
sampler: {type: parentbased_traceidratio, argument: "0.25"}
env: [{name: OTEL_TRACES_EXPORTER, value: otlp}, {name: A, value: no}]
resource: {resourceAttributes: {team: x, k8s.container.name: wrong}, addK8sUIDAttributes: true}
)");
  auto out = bench.run(pod_with("instrumentation.opentelemetry.io/inject-sdk: 'true', resource.opentelemetry.io/color: red",
                                "containers: [{name: app, image: 'reg/app:1.2', env: [{name: A, value: '1'}, {name: OTEL_RESOURCE_ATTRIBUTES, value: 'team=y'}]}]"));
  CHECK(out.changed);
  CHECK(out.problems.empty());
  CHECK(env_of(container(out.pod, 0)) == R"(OTEL_NODE_IP<-status.hostIP
OTEL_POD_IP<-status.podIP
A=1
OTEL_TRACES_EXPORTER=otlp
OTEL_SERVICE_NAME=app
OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4317
OTEL_RESOURCE_ATTRIBUTES_POD_NAME<-metadata.name
OTEL_RESOURCE_ATTRIBUTES_POD_UID<-metadata.uid
OTEL_RESOURCE_ATTRIBUTES_NODE_NAME<-spec.nodeName
OTEL_PROPAGATORS=tracecontext,b3
OTEL_TRACES_SAMPLER=parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG=0.25
OTEL_RESOURCE_ATTRIBUTES=team=y,color=red,k8s.container.name=app,k8s.namespace.name=shop,k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME),k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME),k8s.pod.uid=$(OTEL_RESOURCE_ATTRIBUTES_POD_UID),service.instance.id=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app,service.namespace=shop,service.version=1.2
)");
  CHECK(out.pod.find("spec::initContainers") == nullptr);
}

TEST_CASE("inject: java, with extensions, in two containers") {
  Bench bench;
  bench.known.clear();
  bench.add("shop", "mine", R"({imagePullPolicy: Always, java: {image: "java:1", env: [{name: J, value: k}], resources: {limits: {cpu: 1}}, extensions: [{image: "ext:1", dir: /ext}]}})");
  auto out = bench.run(pod_with(fmt::format("{0}inject-java: mine, {0}container-names: 'a,b'", prefix),
                                "containers: [{name: a, image: i, env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g}]}, {name: b, image: i}, {name: c, image: i}]"));
  REQUIRE(out.injected == std::vector<std::string>{"java"});
  CHECK(env_text(container(out.pod, 0), "JAVA_TOOL_OPTIONS") ==
        "-Xmx1g -javaagent:/otel-auto-instrumentation-java-a/javaagent.jar -Dotel.javaagent.extensions=/otel-auto-instrumentation-java-a/extensions");
  CHECK(env_text(container(out.pod, 1), "JAVA_TOOL_OPTIONS").starts_with(" -javaagent:/otel-auto-instrumentation-java-b/"));
  CHECK(env_text(container(out.pod, 1), "J") == "k");
  CHECK(container(out.pod, 2).get("env") == nullptr);
  CHECK(container(out.pod, 1).get("volumeMounts")->items()[0] == yaml("{name: opentelemetry-auto-instrumentation-java, mountPath: /otel-auto-instrumentation-java-b}"));
  REQUIRE(out.pod.find("spec::initContainers")->size() == 2);
  CHECK(container(out.pod, 0, "spec::initContainers") == yaml(R"({name: opentelemetry-auto-instrumentation-java, image: "java:1", command: [cp, /javaagent.jar, /otel-auto-instrumentation-java/javaagent.jar],
    resources: {limits: {cpu: 1}}, imagePullPolicy: Always, volumeMounts: [{name: opentelemetry-auto-instrumentation-java, mountPath: /otel-auto-instrumentation-java}]})"));
  CHECK(text_at(container(out.pod, 1, "spec::initContainers"), "imagePullPolicy") == "Always");
  CHECK(container(out.pod, 0, "spec::volumes") == yaml("{name: opentelemetry-auto-instrumentation-java, emptyDir: {sizeLimit: 200Mi}}"));
}

TEST_CASE("inject: nodejs, python and dotnet") {
  Bench bench;
  auto node = bench.run(pod_with(fmt::format("{}inject-nodejs: 'true'", prefix)));
  CHECK(env_text(container(node.pod, 0), "NODE_OPTIONS") == " --require /otel-auto-instrumentation-nodejs/autoinstrumentation.js");
  CHECK(env_text(container(node.pod, 0), "OTEL_METRICS_EXPORTER") == "otlp");
  auto python = bench.run(pod_with(fmt::format("{0}inject-python: 'true', {0}otel-python-platform: musl", prefix), "containers: [{name: app, image: i, env: [{name: PYTHONPATH, value: /x}]}]"));
  CHECK(env_text(container(python.pod, 0), "PYTHONPATH") == "/otel-auto-instrumentation-python/opentelemetry/instrumentation/auto_instrumentation:/x:/otel-auto-instrumentation-python");
  CHECK(env_text(container(python.pod, 0), "OTEL_EXPORTER_OTLP_PROTOCOL") == "http/protobuf");
  CHECK(*container(python.pod, 0, "spec::initContainers").get("command") == list_of({"cp", "-r", "/autoinstrumentation-musl/.", "/otel-auto-instrumentation-python"}));
  auto dotnet = bench.run(pod_with(fmt::format("{0}inject-dotnet: 'true', {0}otel-dotnet-auto-runtime: linux-musl-x64", prefix), "containers: [{name: app, image: i, env: [{name: DOTNET_SHARED_STORE, value: /s}]}]"));
  auto& app = container(dotnet.pod, 0);
  CHECK(env_text(app, "CORECLR_PROFILER_PATH") == "/otel-auto-instrumentation-dotnet/linux-musl/OpenTelemetry.AutoInstrumentation.Native.so");
  CHECK(env_text(app, "DOTNET_SHARED_STORE") == "/s:/otel-auto-instrumentation-dotnet/store");
  CHECK(env_text(app, "OTEL_DOTNET_AUTO_HOME") == "/otel-auto-instrumentation-dotnet");
}

TEST_CASE("inject: go runs beside the container and needs to know the program") {
  Bench bench;
  bench.options.enabled[static_cast<std::size_t>(Language::go)] = true;
  auto out = bench.run(pod_with(fmt::format("{0}inject-go: 'true', {0}otel-go-auto-target-exe: /app", prefix)));
  REQUIRE(out.pod.find("spec::containers")->size() == 2);
  auto& sidecar = container(out.pod, 1);
  CHECK(text_at(sidecar, "name") == "opentelemetry-auto-instrumentation");
  CHECK(env_text(sidecar, "OTEL_GO_AUTO_TARGET_EXE") == "/app");
  CHECK(env_text(sidecar, "OTEL_RESOURCE_ATTRIBUTES").find("k8s.container.name=app,") != std::string::npos);
  CHECK(text_at(out.pod, "spec::shareProcessNamespace") == "true");
  auto without = bench.run(pod_with(fmt::format("{}inject-go: 'true'", prefix)));
  CHECK_FALSE(without.changed);
  CHECK(problem(without).find("OTEL_GO_AUTO_TARGET_EXE is not set") != std::string::npos);
}

namespace {
// volume@path, in order.
std::string mounts_of(const Value& container) {
  std::string out;
  if (const Value* list = container.get("volumeMounts"))
    for (auto& mount : list->items()) out += fmt::format("{}@{} ", text_at(mount, "name"), text_at(mount, "mountPath"));
  return out;
}
std::string names_of(const Value& pod, std::string_view list) {
  std::string out;
  if (const Value* found = pod.find(list))
    for (auto& one : found->items()) out += text_at(one, "name") + " ";
  return out;
}
}  // namespace

TEST_CASE("inject: Apache httpd gets its module and a configuration that loads it") {
  Bench bench;
  bench.known.clear();
  bench.add("shop", "mine", "{exporter: {endpoint: 'http://otel:4317'}, env: [{name: A, value: b}], imagePullPolicy: Always, apacheHttpd: {image: 'agent:1', configPath: /etc/httpd/, version: '2.2', "
                            "env: [{name: L, value: m}], attrs: [{name: ApacheModuleEnabled, value: 'OFF'}, {name: ApacheModuleOtelMaxQueueSize, value: '4096'}], resourceRequirements: {limits: {cpu: 1m}}}}");
  auto made = bench.run(pod_with(fmt::format("{}inject-apache-httpd: 'true'", prefix),
                                 "initContainers: [{name: mine, image: i}], containers: [{name: app, image: 'httpd:2', imagePullPolicy: Never, securityContext: {runAsUser: 7}, envFrom: [{configMapRef: {name: c}}], volumeMounts: "
                                 "[{name: conf, mountPath: /etc/httpd}, {name: extra, mountPath: /etc/httpd/conf.d}, {name: near, mountPath: /etc/httpd-more}, {name: data, mountPath: /data}]}]"));
  REQUIRE(made.problems.empty());
  CHECK(made.injected == std::vector<std::string>{"apache-httpd"});
  CHECK(names_of(made.pod, "spec::initContainers") == "mine otel-agent-source-container-clone otel-agent-attach-apache ");
  CHECK(names_of(made.pod, "spec::volumes") == "otel-apache-conf-dir otel-apache-agent ");
  const Value &app = container(made.pod, 0), &clone = container(made.pod, 1, "spec::initContainers"), &attach = container(made.pod, 2, "spec::initContainers");
  CHECK(mounts_of(app) == "near@/etc/httpd-more data@/data otel-apache-agent@/opt/opentelemetry-webserver/agent otel-apache-conf-dir@/etc/httpd ");
  CHECK(mounts_of(clone) == "conf@/etc/httpd extra@/etc/httpd/conf.d near@/etc/httpd-more data@/data otel-apache-conf-dir@/opt/opentelemetry-webserver/source-conf ");
  CHECK(config::to_json(*clone.get("command")) == R"(["cp","-r","/etc/httpd/.","/opt/opentelemetry-webserver/source-conf"])");
  CHECK(text_at(clone, "image") == "httpd:2");
  CHECK(text_at(clone, "imagePullPolicy") == "Never");
  CHECK(clone.get("envFrom") != nullptr);
  CHECK(env_of(clone) == "L=m\n");
  CHECK(text_at(attach, "image") == "agent:1");
  CHECK(text_at(attach, "imagePullPolicy") == "Always");
  CHECK(attach.get("args")->items().at(2).text() == "/etc/httpd");
  for (auto* one : {&clone, &attach}) {
    CHECK(text_at(*one, "securityContext::runAsUser") == "7");
    CHECK(text_at(*one, "resources::limits::cpu") == "1m");
  }
  CHECK(env_of(attach).starts_with("L=m\nA=b\nOTEL_POD_IP<-status.podIP\nOTEL_NODE_IP<-status.hostIP\nOTEL_APACHE_AGENT_CONF=\nLoadFile /opt/opentelemetry-webserver/agent/sdk_lib/lib/libopentelemetry_common.so\n"));
  std::string configuration = env_text(attach, "OTEL_APACHE_AGENT_CONF");
  for (auto line : {"libmod_apache_otel22.so\nApacheModuleEnabled OFF\n", "\nApacheModuleOtelExporterEndpoint http://otel:4317\n", "\nApacheModuleOtelMaxQueueSize 4096\n", "\nApacheModuleServiceInstanceId <<SID-PLACEHOLDER>>\n",
                    "\nApacheModuleServiceName app\n", "\nApacheModuleServiceNamespace shop\n"})
    CHECK_MESSAGE(configuration.find(line) != std::string::npos, line, configuration);
  CHECK(env_text(app, "OTEL_SERVICE_NAME") == "app");
  CHECK(is_injected(made.pod));
}

TEST_CASE("inject: nginx, when it is enabled") {
  Bench bench;
  std::string asked = fmt::format("{}inject-nginx: 'true', {}inject-nginx-container-names: 'app,side'", prefix, prefix);
  std::string rest = "containers: [{name: app, image: 'nginx:1', env: [{name: LD_LIBRARY_PATH, value: /mine}]}, {name: side, image: x}]";
  CHECK_FALSE(bench.run(pod_with(asked, rest)).changed);
  bench.options.enabled[static_cast<std::size_t>(Language::nginx)] = true;
  auto made = bench.run(pod_with(asked, rest));
  CHECK(made.problems.empty());
  const Value &app = container(made.pod, 0), &clone = container(made.pod, 0, "spec::initContainers"), &attach = container(made.pod, 1, "spec::initContainers");
  CHECK(mounts_of(app) == "otel-nginx-agent@/opt/opentelemetry-webserver/agent otel-nginx-conf-dir@/etc/nginx ");
  CHECK(env_text(app, "LD_LIBRARY_PATH") == "/mine:/opt/opentelemetry-webserver/agent/sdk_lib/lib");
  CHECK(clone.get("args")->items().at(2).text() == "/etc/nginx");
  CHECK(attach.get("args")->items().at(2).text() == "nginx.conf");
  CHECK(env_text(attach, "OTEL_NGINX_AGENT_CONF").starts_with("NginxModuleEnabled ON;\n"));
  CHECK(config::to_json(*made.pod.find("spec::volumes")) == R"([{"name":"otel-nginx-conf-dir","emptyDir":{}},{"name":"otel-nginx-agent","emptyDir":{}}])");
  CHECK(env_text(container(made.pod, 1), "OTEL_SERVICE_NAME") == "side");
  auto elsewhere = bench.run(pod_with(fmt::format("{}inject-nginx: 'true'", prefix), "containers: [{name: app, image: i, env: [{name: LD_LIBRARY_PATH, valueFrom: {configMapKeyRef: {name: a, key: b}}}]}]"));
  CHECK_FALSE(elsewhere.changed);
  CHECK(elsewhere.problems.front().find("LD_LIBRARY_PATH comes from elsewhere") != std::string::npos);
}

TEST_CASE("inject: what was asked for and cannot be is said, and the pod stays as it is") {
  Bench bench;
  struct { std::string annotations, rest, why; } const rows[] = {
      {fmt::format("{}inject-java: other", prefix), "containers: [{name: a, image: i}]", "the Instrumentation shop/other does not exist"},
      {fmt::format("{}inject-java: else/x", prefix), "containers: [{name: a, image: i}]", "the Instrumentation else/x does not exist"},
      {fmt::format("{}inject-go: 'true'", prefix), "containers: [{name: a, image: i}]", "support for Go auto instrumentation is not enabled"},
      {fmt::format("{}inject-nodejs: 'true'", prefix), "containers: [{name: a, image: i, volumeMounts: [{name: mine, mountPath: /otel-auto-instrumentation-nodejs/}]}]", "the volume mine is mounted at"},
      {fmt::format("{0}inject-java: 'true', {0}container-names: 'a;b'", prefix), "containers: [{name: a, image: i}]", "not valid characters"},
      {fmt::format("{0}inject-java: 'true', {0}java-container-names: 'a,a'", prefix), "containers: [{name: a, image: i}]", "duplicated container names detected: [a]"},
      {fmt::format("{0}inject-java: 'true', {0}inject-python: 'true'", prefix), "containers: [{name: a, image: i}]", "please provide container names"},
      {fmt::format("{0}inject-java: 'true', {0}container-names: x", prefix), "containers: [{name: a, image: i}]", "names no container of the pod"},
      {fmt::format("{}inject-java: 'true'", prefix), "containers: [{name: a, image: i, env: [{name: JAVA_TOOL_OPTIONS, valueFrom: {}}]}]", "JAVA_TOOL_OPTIONS comes from elsewhere"},
      {fmt::format("{}inject-java: 'false'", prefix), "containers: [{name: a, image: i}]", ""},
      {fmt::format("{}inject-java: 'true'", prefix), "containers: [{name: a, image: i}], initContainers: [{name: opentelemetry-auto-instrumentation-java}]", ""},
  };
  for (auto& row : rows) {
    CAPTURE(row.annotations);
    auto out = bench.run(pod_with(row.annotations, row.rest));
    CHECK_FALSE(out.changed);
    CHECK_MESSAGE((row.why.empty() ? out.problems.empty() : problem(out).find(row.why) != std::string::npos), problem(out));
  }
  bench.add("shop", "second", "{}");
  CHECK(problem(bench.run(pod_with(fmt::format("{}inject-java: 'true'", prefix)))).find("multiple OpenTelemetry Instrumentation instances") != std::string::npos);
}

TEST_CASE("inject: annotations of pod and namespace together") {
  struct { std::string pod, name_space, value; } const rows[] = {
      {"", "", ""}, {"true", "", "true"}, {"", "x", "x"}, {"x", "y", "x"}, {"false", "true", "false"}, {"true", "false", "true"}, {"True", "y", "y"}};
  for (auto& row : rows) {
    Value pod = yaml("{metadata: {annotations: {}}}"), name_space = pod;
    if (!row.pod.empty()) pod.get("metadata")->get("annotations")->set("k", Value::string(row.pod));
    if (!row.name_space.empty()) name_space.get("metadata")->get("annotations")->set("k", Value::string(row.name_space));
    CHECK(annotation_of(pod, name_space, "k") == row.value);
  }
}

TEST_CASE("inject: names by owners, labels and annotations; init containers first") {
  Bench bench;
  bench.owners["replicaset/web-1"] = yaml("[{kind: Deployment, name: web, uid: d}]");
  std::string owned = fmt::format(R"(metadata: {{annotations: {{{}inject-sdk: 'true', {}container-names: 'app,first'}}, labels: {{app.kubernetes.io/name: l}}, ownerReferences: [{{kind: ReplicaSet, name: web-1, uid: r}}]}}
spec: {{containers: [{{name: app, image: i}}], initContainers: [{{name: zero, image: i}}, {{name: first, image: i}}]}})", prefix, prefix);
  auto out = bench.run(owned);
  CHECK(env_text(container(out.pod, 0), "OTEL_SERVICE_NAME") == "web");
  CHECK(env_text(container(out.pod, 1, "spec::initContainers"), "OTEL_SERVICE_NAME") == "web");
  CHECK(env_text(container(out.pod, 0), "OTEL_RESOURCE_ATTRIBUTES").find("k8s.deployment.name=web,k8s.namespace.name=shop") != std::string::npos);
  bench.known[0].spec = yaml("{defaults: {useLabelsForResourceAttributes: true}}");
  CHECK(env_text(container(bench.run(owned).pod, 0), "OTEL_SERVICE_NAME") == "l");
}

TEST_CASE("inject: variables whose values come from elsewhere stay as they are") {
  Bench bench;
  bench.known[0].spec = yaml("{java: {env: [{name: JAVA_TOOL_OPTIONS, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}, sampler: {type: always_on}, propagators: [b3]}");
  auto out = bench.run(pod_with(fmt::format("{}inject-java: 'true'", prefix),
                                "containers: [{name: a, image: i, env: [{name: OTEL_RESOURCE_ATTRIBUTES, valueFrom: {configMapKeyRef: {name: c, key: k}}}, {name: OTEL_PROPAGATORS, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]"));
  CHECK(out.changed);
  const Value& app = container(out.pod, 0);
  for (auto name : {"OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS", "JAVA_TOOL_OPTIONS"}) {
    CHECK(comes_from_elsewhere(app, name));
    CHECK(find_env(app, name)->get("value") == nullptr);
  }
  CHECK(env_text(app, "OTEL_TRACES_SAMPLER") == "always_on");
  CHECK(problem(out).find("adds no resource attributes to container a") != std::string::npos);
}

TEST_CASE("inject: a volume of the pod with the name of ours is used") {
  Bench bench;
  auto out = bench.run(pod_with(fmt::format("{}inject-python: 'true'", prefix), "volumes: [{name: opentelemetry-auto-instrumentation-python, emptyDir: {medium: Memory}}], containers: [{name: a, image: i}]"));
  CHECK(out.changed);
  CHECK(out.pod.find("spec::volumes")->size() == 1);
}

TEST_CASE("inject: without the certificates of its exporter a pod stays as it is") {
  Bench bench;
  bench.known[0].spec = yaml("{exporter: {endpoint: 'https://o:4317', tls: {secretName: s, configMapName: m}}}");
  auto pod = yaml(pod_with(fmt::format("{}inject-sdk: 'true'", prefix)));
  auto cluster = bench.cluster();
  std::string there;
  cluster.exists = [&](const std::string& kind, const std::string& name_space, const std::string& name) { return there.find(kind + "/" + name_space + "/" + name + ";") != std::string::npos; };
  auto none = inject::inject(pod, bench.name_space, cluster, bench.options);
  CHECK_FALSE(none.changed);
  CHECK(none.problems == std::vector<std::string>{"secret shop/s with certificates does not exist", "configmap shop/m with CA certificate does not exist"});
  there = "secret/shop/s;configmap/shop/m;";
  CHECK(inject::inject(pod, bench.name_space, cluster, bench.options).changed);
}

TEST_CASE("inject: certificates of the exporter are mounted") {
  Bench bench;
  bench.known[0].spec = yaml("{exporter: {endpoint: 'https://o:4317', tls: {secretName: s, configMapName: m, ca_file: ca.crt, cert_file: tls.crt, key_file: /abs/key}}}");
  auto out = bench.run(pod_with(fmt::format("{}inject-sdk: 'true'", prefix)));
  auto& app = container(out.pod, 0);
  CHECK(env_text(app, "OTEL_EXPORTER_OTLP_CERTIFICATE") == "/otel-auto-instrumentation-configmap-m/ca.crt");
  CHECK(env_text(app, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE") == "/otel-auto-instrumentation-secret-s/tls.crt");
  CHECK(env_text(app, "OTEL_EXPORTER_OTLP_CLIENT_KEY") == "/abs/key");
  CHECK(*out.pod.find("spec::volumes") == yaml("[{name: otel-auto-secret-s, secret: {secretName: s}}, {name: otel-auto-configmap-m, configMap: {name: m}}]"));
  CHECK(app.get("volumeMounts")->size() == 2);
}

TEST_CASE("review: the answer is a patch; what cannot be read passes") {
  Bench bench;
  Value review = yaml("{request: {uid: u-1, namespace: shop}}");
  review.get("request")->set("object", yaml(pod_with(fmt::format("{}inject-sdk: 'true'", prefix))));
  auto find = [&](const std::string&) { return &bench.name_space; };
  auto done = review_pod(config::to_json(review), find, bench.cluster(), bench.options);
  CHECK(done.injected == std::vector<std::string>{"sdk"});
  CHECK(done.pod == "web-");
  auto answer = kube::parse_json(done.answer);
  REQUIRE(answer);
  CHECK(text_at(*answer, "response::uid") == "u-1");
  CHECK(text_at(*answer, "response::allowed") == "true");
  CHECK(text_at(*answer, "response::patchType") == "JSONPatch");
  for (std::string_view wrong : {"", "{}", "[", R"({"request":{"uid":"a"}})", R"({"request":{"uid":"a","object":[]}})"}) {
    auto passed = kube::parse_json(review_pod(wrong, find, bench.cluster(), bench.options).answer);
    REQUIRE(passed);
    CHECK(text_at(*passed, "response::allowed") == "true");
    CHECK(passed->find("response::patch") == nullptr);
  }
}

TEST_CASE("review: Instrumentations get defaults and are checked") {
  Value resource = yaml("{metadata: {name: a}, spec: {java: {image: mine}, python: {resourceRequirements: {limits: {cpu: 1}}}}}");
  apply_defaults(resource);
  CHECK(text_at(resource, "spec::java::image") == "mine");
  CHECK(text_at(resource, "spec::java::resources::limits::memory") == "256Mi");
  CHECK(text_at(resource, "spec::nodejs::resourceRequirements::requests::memory") == "128Mi");
  CHECK(text_at(resource, "spec::python::image").find("autoinstrumentation-python:") != std::string::npos);
  CHECK(resource.find("metadata::annotations")->get("instrumentation.opentelemetry.io/default-auto-instrumentation-java-image") != nullptr);
  CHECK(config::to_json(*resource.find("spec::python::resourceRequirements")) == R"({"limits":{"cpu":1},"requests":{"cpu":"50m","memory":"64Mi"}})");
  CHECK(resource.find("metadata::annotations")->get("instrumentation.opentelemetry.io/default-auto-instrumentation-go-image") != nullptr);
  struct { std::string_view spec, error; } const rows[] = {
      {"{sampler: {type: always_on}}", ""},
      {"{sampler: {type: odd}}", "spec.sampler.type is not valid: odd"},
      {"{sampler: {type: traceidratio, argument: '2'}}", "[0..1]"},
      {"{sampler: {type: traceidratio, argument: x}}", "not a number"},
      {"{sampler: {type: jaeger_remote, argument: 'endpoint=http://j,pollingIntervalMs=5000'}}", ""},
      {"{sampler: {type: jaeger_remote, argument: 'color=red'}}", ""},
      {"{sampler: {type: jaeger_remote, argument: 'endpoint='}}", "spec.sampler.argument is not a valid argument for sampler jaeger_remote: endpoint cannot be empty"},
      {"{sampler: {type: jaeger_remote, argument: 'endpoint'}}", "invalid argument: endpoint, the argument should be in the form of key=value"},
      {"{sampler: {type: jaeger_remote, argument: 'pollingIntervalMs=5s'}}", "invalid pollingIntervalMs: 5s"},
      {"{sampler: {type: parentbased_jaeger_remote, argument: 'initialSamplingRate=1.5'}}", "initialSamplingRate should be in rage [0..1]: 1.5"},
      {"{java: {volumeLimitSize: 1Gi, volumeClaimTemplate: {spec: {}}}}", "cannot both be defined"},
  };
  for (auto& row : rows) {
    CAPTURE(row.spec);
    auto verdict = check(yaml(row.spec));
    CHECK(verdict.errors.empty() == row.error.empty());
    if (!verdict.errors.empty()) CHECK(verdict.errors[0].find(row.error) != std::string::npos);
  }
  CHECK(check(yaml("{exporter: {endpoint: 'https://a'}}")).warnings.size() == 2);
}

TEST_CASE("review: an Instrumentation without metadata, or without anything, gets its defaults too") {
  for (std::string_view text : {"{}", "{spec: {java: {image: mine}}}", "{spec: [], metadata: x}"}) {
    CAPTURE(text);
    Value resource = yaml(text);
    apply_defaults(resource);
    CHECK(text_at(resource, "spec::python::image").find("autoinstrumentation-python:") != std::string::npos);
    CHECK(resource.find("metadata::labels")->get("app.kubernetes.io/managed-by") != nullptr);
    CHECK(resource.find("metadata::annotations")->get("instrumentation.opentelemetry.io/default-auto-instrumentation-go-image") != nullptr);
  }
}

TEST_CASE("json patch: what differs, and nothing else") {
  auto patch = kube::json_patch(yaml("{a: 1, b: {c: [1], d/e: x}, g: 1}"), yaml("{a: 1, b: {c: [1, 2], d/e: y, f~: z}}"));
  CHECK(config::to_json(patch) == config::to_json(yaml(R"([{op: remove, path: /g}, {op: replace, path: /b/c, value: [1, 2]}, {op: replace, path: /b/d~1e, value: y}, {op: add, path: "/b/f~0", value: z}])")));
}

#include "components/processors/resourcedetection/resourcedetection.h"

#include <doctest/doctest.h>

#include "components/processors/resourcedetection/detection.h"
#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::resourcedetection {
engine::Factory factory();
}

using namespace weir;
using namespace weir::processors::resourcedetection;
using namespace weir::engine::testing;

namespace {

// A machine made of answers: variables, files, and bodies by "METHOD url".
struct Machine : Surroundings {
  std::map<std::string, std::string> variables, files, bodies;
  std::vector<std::string> asked;

  std::optional<std::string> env(const std::string& name) override {
    auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  }
  Result<std::string> read_file(const std::string& path) override {
    auto at = files.find(path);
    if (at == files.end()) return fail(Errc::permanent, "{}: not there", path);
    return at->second;
  }
  Result<net::HttpResponse> fetch(net::HttpRequest request) override {
    std::string line = request.method + " " + request.url;
    for (auto [name, value] : request.headers) line += fmt::format(" {}={}", name, value);
    asked.push_back(line);
    auto at = bodies.find(request.method + " " + request.url);
    if (at == bodies.end()) return fail(Errc::retryable, "{}: connection refused", request.url);
    return net::HttpResponse{.status = 200, .headers = {}, .body = at->second};
  }
  Result<net::HttpResponse> fetch(net::HttpRequest request, const net::TlsClientSettings&) override { return fetch(std::move(request)); }
  Result<std::string> fetch_unix(const std::string& socket, const std::string& path) override {
    auto at = bodies.find("unix " + socket + " " + path);
    if (at == bodies.end()) return fail(Errc::retryable, "{}: no such file", socket);
    return at->second;
  }
};

engine::Factory::Config decode(std::string_view yaml, config::Problems& problems) {
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  return factory().decode(&*value, problems);
}

Config settings(std::string_view yaml) {
  config::Problems problems;
  auto config = decode(yaml, problems);
  REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  return *static_cast<const Config*>(config.get());
}

std::string problems_of(std::string_view yaml) {
  config::Problems problems;
  CHECK(decode(yaml, problems) == nullptr);
  return problems.to_string();
}

std::string text(const Attribute& attribute) {
  if (auto* number = std::get_if<std::int64_t>(&attribute.value)) return fmt::format("{}={}", attribute.key, *number);
  if (auto* one = std::get_if<std::string>(&attribute.value)) return fmt::format("{}={}", attribute.key, *one);
  std::string out = attribute.key + "=[";
  for (auto& item : std::get<std::vector<std::string>>(attribute.value)) out += item + ";";
  return out + "]";
}

// What a detector finds with the configuration's switches applied, in order of keys.
std::vector<std::string> detect(std::string_view name, Surroundings& around, std::string_view yaml = "{}") {
  Config config = settings(yaml);
  const Detector* detector = find_detector(name);
  REQUIRE(detector != nullptr);
  auto found = detector->detect(config, around);
  REQUIRE_MESSAGE(found.has_value(), found.error().what);
  keep_enabled(*found, *detector, config);
  std::vector<std::string> out;
  for (auto& attribute : found->attributes) out.push_back(text(attribute));
  std::ranges::sort(out);
  return out;
}

using Lines = std::vector<std::string>;

// Resources of what comes out of one request whose service is "shop".
struct Run {
  World world{2, 1};
  Machine* machine = new Machine;
  explicit Run(std::string_view yaml) : config(settings(yaml)) {
    factory_row = factory();
    factory_row.make_stage = [](const void* erased, engine::StageContext& context) {
      auto& run = *static_cast<const Row*>(erased);
      return make_stage(*run.config, context, run.around ? std::move(run.around) : nullptr);
    };
    row->config = &config;
    row->around.reset(machine);
    world.add(factory_row, "resourcedetection", row);
    world.pipeline("traces", engine::Signal::traces, {"source"}, {"resourcedetection"}, {"sink"});
  }
  struct Row {
    const Config* config;
    mutable std::unique_ptr<Surroundings> around;
  };
  Lines resources() {
    Lines out;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups()) {
        otlp::Attributes attributes = group.resource.read(arrived.batch->arena()).attributes;
        out.push_back(otlp::to_text(otlp::Value::of(&attributes)));
      }
    return out;
  }
  Config config;
  engine::Factory factory_row;
  std::shared_ptr<Row> row = std::make_shared<Row>();
};

}  // namespace

TEST_CASE("resourcedetection: clouds whose metadata is one document") {
  Machine machine;
  machine.bodies = {{"GET http://169.254.169.254/metadata/v1.json", R"({"droplet_id":2756294,"hostname":"h","region":"nyc3","cloud_name":"upcloud","instance_id":"i"})"},
                    {"GET http://169.254.169.254/v1.json", R"({"hostname":"h","instanceid":"1","instance-v2-id":"","region":{"regioncode":"EWR"}})"},
                    {"GET http://169.254.42.42/conf?format=json",
                     R"({"id":"i","name":"n","organization":"o","commercial_type":"DEV1-S","image":{"id":"im","name":"ubuntu"},"location":{"zone_id":"fr-par-1"}})"},
                    {"GET http://169.254.169.254/opc/v2/instance/", R"({"id":"ocid","displayName":"d","shape":"VM","canonicalRegionName":"us-ashburn-1","availabilityDomain":"AD-1","metadata":{"realm":"oc1"}})"},
                    {"GET http://169.254.169.254/openstack/latest/meta_data.json", R"({"uuid":"u","hostname":"h","project_id":"p","availability_zone":"z","meta":{"team":"a","x":"y"}})"},
                    {"GET http://169.254.169.254/latest/meta-data/instance-type", "m1"}};
  CHECK(detect("digitalocean", machine) == Lines{"cloud.provider=digitalocean", "cloud.region=nyc3", "host.id=2756294", "host.name=h"});
  CHECK(detect("upcloud", machine) == Lines{"cloud.provider=upcloud", "cloud.region=nyc3", "host.id=i", "host.name=h"});
  CHECK(detect("vultr", machine) == Lines{"cloud.provider=vultr", "cloud.region=ewr", "host.id=1", "host.name=h"});
  CHECK(detect("vultr", machine, "{vultr: {resource_attributes: {cloud.platform: {enabled: true}, host.id: {enabled: false}}}}") ==
        Lines{"cloud.platform=vultr.cloud_compute", "cloud.provider=vultr", "cloud.region=ewr", "host.name=h"});
  CHECK(detect("scaleway", machine) == Lines{"cloud.account.id=o", "cloud.availability_zone=fr-par-1", "cloud.platform=scaleway_cloud_compute", "cloud.provider=scaleway_cloud", "cloud.region=fr-par", "host.id=i",
                                            "host.image.id=im", "host.image.name=ubuntu", "host.name=n", "host.type=DEV1-S"});
  CHECK(detect("oraclecloud", machine) == Lines{"cloud.availability_zone=AD-1", "cloud.platform=oracle_cloud_oke", "cloud.provider=oracle_cloud", "cloud.region=us-ashburn-1", "host.id=ocid", "host.name=d", "host.type=VM",
                                               "k8s.cluster.name=", "oracle_cloud.realm=oc1"});
  CHECK(machine.asked.back() == "GET http://169.254.169.254/opc/v2/instance/ authorization=Bearer Oracle");
  CHECK(detect("nova", machine, "{nova: {labels: ['^te']}}") == Lines{"cloud.account.id=p", "cloud.availability_zone=z", "cloud.platform=openstack_nova", "cloud.provider=openstack", "host.id=u", "host.name=h", "host.type=m1",
                                                                     "openstack.nova.meta.team=a"});
}

TEST_CASE("resourcedetection: clouds whose metadata is a text for each path, and those that want a token") {
  Machine machine;
  for (auto [path, body] : {std::pair("/hostname", "h"), {"/instance-id", "42\n"}, {"/region", "eu-central"}, {"/availability-zone", "fsn1-dc14"}}) machine.bodies[fmt::format("GET http://169.254.169.254/hetzner/v1/metadata{}", path)] = body;
  CHECK(detect("hetzner", machine) == Lines{"cloud.availability_zone=fsn1-dc14", "cloud.provider=hetzner", "cloud.region=eu-central", "host.id=42", "host.name=h"});
  machine.bodies["PUT http://100.100.100.200/latest/api/token"] = "key";
  for (std::string_view path : {"hostname", "image-id", "instance-id", "instance/instance-type", "owner-account-id", "region-id", "zone-id"}) machine.bodies[fmt::format("GET http://100.100.100.200/latest/meta-data/{}", path)] = path;
  CHECK(detect("alibaba_ecs", machine) == Lines{"cloud.account.id=owner-account-id", "cloud.availability_zone=zone-id", "cloud.platform=alibaba_cloud_ecs", "cloud.provider=alibaba_cloud", "cloud.region=region-id",
                                               "host.id=instance-id", "host.image.id=image-id", "host.name=hostname", "host.type=instance/instance-type"});
  CHECK(machine.asked.back() == "GET http://100.100.100.200/latest/meta-data/zone-id x-aliyun-ecs-metadata-token=key");
  CHECK(detect("tencent_cvm", machine).empty());
  machine.bodies["PUT http://169.254.169.254/v1/token"] = R"(["key"])";
  machine.bodies["GET http://169.254.169.254/v1/instance"] = R"({"id":7,"label":"l","region":"us-east","type":"g6","account_euuid":"e","image":{"id":"linode/debian","label":"Debian"}})";
  CHECK(detect("akamai", machine) == Lines{"cloud.account.id=e", "cloud.platform=akamai_cloud.compute", "cloud.provider=akamai_cloud", "cloud.region=us-east", "host.id=7", "host.image.id=linode/debian", "host.image.name=Debian",
                                          "host.name=l", "host.type=g6"});
  CHECK(machine.asked.back() == "GET http://169.254.169.254/v1/instance accept=application/json metadata-token=key");
  machine.files["/var/lib/dynatrace/enrichment/dt_host_metadata.properties"] = "dt.entity.host=HOST-1\nhost.name=h=1\nother=x\nbroken\ndt.smartscape.host=";
  CHECK(detect("dynatrace", machine) == Lines{"dt.entity.host=HOST-1", "host.name=h=1"});
  Machine nowhere;
  for (std::string_view name : {"akamai", "alibaba_ecs", "digitalocean", "dynatrace", "hetzner", "nova", "oraclecloud", "scaleway", "tencent_cvm", "upcloud", "vultr"}) {
    CHECK(detect(name, nowhere).empty());
    if (name != "dynatrace") CHECK_FALSE(find_detector(name)->detect(settings("{fail_on_missing_metadata: true}"), nowhere));
  }
}

TEST_CASE("resourcedetection: env reads pairs, unescapes values, and refuses what is no pair") {
  Machine machine;
  machine.variables["OTEL_RESOURCE_ATTRIBUTES"] = " a=1 , b = x%20y%2Cz+q,c=,a=2 ";
  CHECK(detect("env", machine) == Lines{"a=2", "b=x y,z q", "c="});
  machine.variables["OTEL_RESOURCE_ATTRIBUTES"] = "";
  machine.variables["OTEL_RESOURCE"] = "old=yes";
  CHECK(detect("env", machine) == Lines{"old=yes"});
  for (const char* bad : {"a", "a=1,b", "=1", "a=%4", "a=%zz"}) {
    CAPTURE(bad);
    machine.variables["OTEL_RESOURCE_ATTRIBUTES"] = bad;
    CHECK_FALSE(detect_env(Config{}, machine));
  }
}

TEST_CASE("resourcedetection: system has the host's name and, when asked, the rest") {
  Machine machine;
  machine.files["/etc/machine-id"] = "abc\n";
  machine.files["/etc/os-release"] = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n";
  machine.files["/proc/cpuinfo"] = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: EPYC\nstepping\t: 1\ncache size\t: 512 KB\n";
  auto plain = detect("system", machine, "system: {hostname_sources: [os]}");
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].starts_with("host.name="));
  CHECK(plain[1] == "os.type=linux");
  auto more = detect("system", machine,
                     "system: {hostname_sources: [os], resource_attributes: {host.name: {enabled: false}, os.type: {enabled: false}, host.id: {enabled: true}, "
                     "os.version: {enabled: true}, os.name: {enabled: true}, host.cpu.family: {enabled: true}, host.cpu.model.id: {enabled: true}, "
                     "host.cpu.cache.l2.size: {enabled: true}}}");
  CHECK(more == Lines{"host.cpu.cache.l2.size=512", "host.cpu.family=25", "host.cpu.model.id=1", "host.id=abc", "os.name=debian", "os.version=12"});
  machine.files["/etc/debian_version"] = "12.11\n";
  constexpr const char* about_version =
      "system: {hostname_sources: [os], resource_attributes: {host.name: {enabled: false}, os.type: {enabled: false}, os.version: {enabled: true}, os.build.id: {enabled: true}, "
      "host.interface: {enabled: true}}}";
  auto version = detect("system", machine, about_version);
  REQUIRE(version.size() == 3);
  CHECK(version[0].find("lo;") != std::string::npos);  // of all interfaces
  CHECK(version[1].size() > std::string_view("os.build.id=").size());  // the kernel's
  CHECK(version[2] == "os.version=12.11");
  machine.files["/etc/os-release"] = "ID=flatcar\nVERSION_ID=\"1\"\nBUILD_ID=\"b7\"\n";
  version = detect("system", machine, about_version);
  CHECK(Lines(version.begin() + 1, version.end()) == Lines{"os.build.id=b7", "os.version=1"});
}

TEST_CASE("resourcedetection: ec2 takes a token first, then the instance's document and tags") {
  Machine machine;
  const std::string imds = "http://stand-in:80/latest/";
  machine.bodies["PUT " + imds + "api/token"] = "T";
  machine.bodies["GET " + imds + "meta-data/instance-id"] = "i-1";
  machine.bodies["GET " + imds + "meta-data/hostname"] = "ip-1.internal";
  machine.bodies["GET " + imds + "dynamic/instance-identity/document"] =
      R"({"region":"eu-1","accountId":"42","availabilityZone":"eu-1a","instanceId":"i-1","imageId":"ami-1","instanceType":"t3"})";
  machine.bodies["GET " + imds + "meta-data/tags/instance"] = "Name\nteam";
  machine.bodies["GET " + imds + "meta-data/tags/instance/team"] = "core";
  CHECK(detect("ec2", machine, "{endpoint: 'http://stand-in:80/', ec2: {tags: ['^te'], tags_from_imds: true}}") ==
        Lines{"cloud.account.id=42", "cloud.availability_zone=eu-1a", "cloud.platform=aws_ec2", "cloud.provider=aws", "cloud.region=eu-1", "ec2.tag.team=core",
              "host.id=i-1", "host.image.id=ami-1", "host.name=ip-1.internal", "host.type=t3"});
  CHECK(machine.asked[1] == "GET " + imds + "meta-data/instance-id x-aws-ec2-metadata-token=T");
}

TEST_CASE("resourcedetection: a cloud that does not answer is nothing found, or an error when it must be there") {
  Machine machine;
  for (const char* name : {"ec2", "azure", "gcp", "docker", "consul", "ecs", "eks", "lambda", "heroku", "elastic_beanstalk", "openshift", "kubeadm"}) {
    CAPTURE(name);
    CHECK(detect(name, machine).empty());
    Config strict = settings("fail_on_missing_metadata: true");
    CHECK_FALSE(find_detector(name)->detect(strict, machine));
  }
}

TEST_CASE("resourcedetection: ecs has the task, its cluster and where the other containers log") {
  Machine machine;
  machine.variables["ECS_CONTAINER_METADATA_URI_V4"] = "http://169.254.170.2/v4/x";
  machine.bodies["GET http://169.254.170.2/v4/x"] = R"({"DockerId":"me"})";
  machine.bodies["GET http://169.254.170.2/v4/x/task"] =
      R"({"Cluster":"c","TaskARN":"arn:aws:ecs:eu-1:42:task/c/77","Family":"f","Revision":"3","LaunchType":"FARGATE","Containers":[
        {"DockerId":"me","Type":"NORMAL","KnownStatus":"RUNNING","LogDriver":"awslogs","LogOptions":{"awslogs-group":"own"}},
        {"DockerId":"app","Type":"NORMAL","KnownStatus":"RUNNING","LogDriver":"awslogs","LogOptions":{"awslogs-group":"g","awslogs-region":"eu-1","awslogs-stream":"s"}}]})";
  CHECK(detect("ecs", machine) ==
        Lines{"aws.ecs.cluster.arn=arn:aws:ecs:eu-1:42:cluster/c", "aws.ecs.launchtype=fargate", "aws.ecs.task.arn=arn:aws:ecs:eu-1:42:task/c/77",
              "aws.ecs.task.family=f", "aws.ecs.task.id=77", "aws.ecs.task.revision=3", "aws.log.group.arns=[arn:aws:logs:eu-1:42:log-group:g;]",
              "aws.log.group.names=[g;]", "aws.log.stream.arns=[arn:aws:logs:eu-1:42:log-group:g:log-stream:s;]", "aws.log.stream.names=[s;]",
              "cloud.account.id=42", "cloud.platform=aws_ecs", "cloud.provider=aws", "cloud.region=eu-1"});
}

TEST_CASE("resourcedetection: azure and aks read one document") {
  Machine machine;
  machine.variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  machine.bodies["GET http://169.254.169.254/metadata/instance/compute?api-version=2020-09-01&format=json"] =
      R"({"name":"vm","location":"westeurope","vmId":"id-1","vmSize":"D2","subscriptionId":"sub","resourceGroupName":"MC_rg_prod_westeurope",
        "osProfile":{"computerName":"box"},"tagsList":[{"name":"team","value":"core"},{"name":"x","value":"y"}]})";
  CHECK(detect("azure", machine, "azure: {tags: [team]}") ==
        Lines{"azure.resourcegroup.name=MC_rg_prod_westeurope", "azure.tag.team=core", "azure.vm.name=vm", "azure.vm.size=D2", "cloud.account.id=sub",
              "cloud.platform=azure.vm", "cloud.provider=azure", "cloud.region=westeurope", "host.id=id-1", "host.name=box"});
  CHECK(detect("aks", machine, "aks: {resource_attributes: {k8s.cluster.name: {enabled: true}}}") ==
        Lines{"cloud.platform=azure.aks", "cloud.provider=azure", "k8s.cluster.name=prod"});
}

TEST_CASE("resourcedetection: gcp tells machines, clusters and functions apart") {
  Machine machine;
  const std::string base = "GET http://169.254.169.254/computeMetadata/v1/";
  for (auto [path, body] : std::initializer_list<std::pair<const char*, const char*>>{
           {"project/project-id", "p"}, {"instance/id", "7"}, {"instance/zone", "projects/1/zones/us-central1-a"}, {"instance/name", "n"},
           {"instance/hostname", "n.c.p.internal"}, {"instance/machine-type", "projects/1/machineTypes/e2"}, {"instance/region", "projects/1/regions/eu-west4"},
           {"instance/attributes/created-by", "projects/1/zones/us-central1-a/instanceGroupManagers/g"}})
    machine.bodies[base + path] = body;
  CHECK(detect("gcp", machine) ==
        Lines{"cloud.account.id=p", "cloud.availability_zone=us-central1-a", "cloud.platform=gcp_compute_engine", "cloud.provider=gcp", "cloud.region=us-central1",
              "gcp.gce.instance_group_manager.name=g", "gcp.gce.instance_group_manager.zone=us-central1-a", "host.id=7", "host.name=n",
              "host.type=projects/1/machineTypes/e2"});
  machine.variables["K_CONFIGURATION"] = machine.variables["K_SERVICE"] = "f";
  machine.variables["K_REVISION"] = "r1";
  CHECK(detect("gcp", machine) == Lines{"cloud.account.id=p", "cloud.platform=gcp_cloud_run", "cloud.provider=gcp", "cloud.region=eu-west4", "faas.instance=7",
                                        "faas.name=f", "faas.version=r1"});
  machine.variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  machine.bodies[base + "instance/attributes/cluster-location"] = "europe-west4";
  machine.bodies[base + "instance/attributes/cluster-name"] = "prod";
  CHECK(detect("gcp", machine) == Lines{"cloud.account.id=p", "cloud.platform=gcp_kubernetes_engine", "cloud.provider=gcp", "cloud.region=europe-west4",
                                        "host.id=7", "host.name=n", "k8s.cluster.name=prod"});
}

TEST_CASE("resourcedetection: docker, consul and the node of a cluster") {
  Machine machine;
  machine.bodies["unix /var/run/docker.sock /info"] = R"({"Name":"box","OSType":"linux"})";
  CHECK(detect("docker", machine) == Lines{"host.name=box", "os.type=linux"});
  machine.bodies["GET http://127.0.0.1:8500/v1/agent/self"] = R"({"Config":{"NodeName":"n","Datacenter":"dc","NodeID":"id"},"Meta":{"rack":"r1","x":"y"}})";
  CHECK(detect("consul", machine, "consul: {meta: {rack: }}") == Lines{"cloud.region=dc", "host.id=id", "host.name=n", "rack=r1"});
  machine.variables = {{"K8S_NODE_NAME", "n1"}, {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}};
  machine.bodies["GET https://10.0.0.1:443/api/v1/nodes/n1"] = R"({"metadata":{"name":"n1","uid":"u1"}})";
  CHECK(detect("k8snode", machine) == Lines{"k8s.node.name=n1", "k8s.node.uid=u1"});
}

TEST_CASE("resourcedetection: eks finds the cluster's name in the machine's tags") {
  Machine machine;
  machine.variables = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/eks-pod-identity/token"}};
  const std::string imds = "GET http://169.254.169.254/latest/";
  machine.bodies["PUT http://169.254.169.254/latest/api/token"] = "T";
  machine.bodies[imds + "meta-data/hostname"] = "ip-1";
  machine.bodies[imds + "dynamic/instance-identity/document"] = R"({"region":"eu-1"})";
  constexpr const char* named = "eks: {resource_attributes: {k8s.cluster.name: {enabled: true}}}";
  CHECK(detect("eks", machine, named) == Lines{"cloud.platform=aws_eks", "cloud.provider=aws"});  // tags are off
  machine.bodies[imds + "meta-data/tags/instance"] = "Name\nkubernetes.io/cluster/prod";
  CHECK(detect("eks", machine, named) == Lines{"cloud.platform=aws_eks", "cloud.provider=aws", "k8s.cluster.name=prod"});
  machine.bodies[imds + "meta-data/tags/instance"] = "eks:cluster-name\nkubernetes.io/cluster/prod";
  machine.bodies[imds + "meta-data/tags/instance/eks:cluster-name"] = "other";
  CHECK(detect("eks", machine, named) == Lines{"cloud.platform=aws_eks", "cloud.provider=aws", "k8s.cluster.name=other"});
}

TEST_CASE("resourcedetection: openshift and kubeadm ask the cluster's API server") {
  Machine machine;
  machine.bodies["GET https://api:6443/apis/config.openshift.io/v1/infrastructures/cluster/status"] =
      R"({"status":{"infrastructureName":"prod-x","platformStatus":{"type":"AWS","aws":{"region":"EU-1"}}}})";
  CHECK(detect("openshift", machine, "openshift: {address: 'https://api:6443', token: T}") ==
        Lines{"cloud.platform=aws_openshift", "cloud.provider=aws", "cloud.region=eu-1", "k8s.cluster.name=prod-x"});
  CHECK(machine.asked.back().ends_with("authorization=Bearer T"));
  machine.variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  const std::string api = "GET https://10.0.0.1:443/api/v1/namespaces/kube-system";
  machine.bodies[api + "/configmaps/kubeadm-config"] = R"({"data":{"ClusterConfiguration":"apiVersion: v1\nclusterName: lab\nnetworking: {dnsDomain: x}\n"}})";
  machine.bodies[api] = R"({"metadata":{"uid":"u9"}})";
  CHECK(detect("kubeadm", machine) == Lines{"k8s.cluster.name=lab", "k8s.cluster.uid=u9"});
  machine.bodies[api + "/configmaps/kubeadm-config"] = R"({"data":{}})";
  CHECK(detect("kubeadm", machine).empty());
}

TEST_CASE("resourcedetection: the first detector that knows an attribute counts, and only wanted attributes stay") {
  Finding first, second;
  first.set("host.name", "a");
  second.set("host.name", "b"), second.set("os.type", "linux");
  merge(first, second);
  CHECK(first.attributes == std::vector<Attribute>{{"host.name", "a"}, {"os.type", "linux"}});
  Machine machine;
  machine.variables["OTEL_RESOURCE_ATTRIBUTES"] = "a=1,b=2";
  CHECK(detect("env", machine, "attributes: [b]") == Lines{"b=2"});
}

TEST_CASE("resourcedetection: resources get what was found, in place of what they had or beside it") {
  for (auto [yaml, expected] : {std::pair("detectors: [env]", R"({"service.name":"found","zone":"z"})"),
                                std::pair("{detectors: [env], override: false}", R"({"service.name":"shop","zone":"z"})")}) {
    Run run(yaml);
    run.machine->variables["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=found,zone=z";
    run.world.start();
    run.world.push(make_traces({{}}));
    run.world.advance(1s);
    CHECK(run.resources() == Lines{expected});
    run.world.check_conservation();
    run.world.stop();
  }
}

TEST_CASE("resourcedetection: data waits for the first answer, and not longer than the time-out") {
  Run run("{detectors: [ec2], timeout: 3s, fail_on_missing_metadata: true}");
  run.world.start();
  auto push = run.world.push(make_traces({{}}));
  run.world.advance(900ms);
  CHECK(run.resources().empty());
  CHECK_FALSE(run.world.answer(push).has_value());
  run.world.advance(5s);
  CHECK(run.resources() == Lines{R"({"service.name":"shop"})"});  // nobody answered
  CHECK(run.machine->asked.size() >= 2);                          // asked again meanwhile
  run.world.check_conservation();
  run.world.stop();
}

TEST_CASE("resourcedetection: refresh_interval finds what changed") {
  Run run("{detectors: [env], refresh_interval: 10s}");
  run.machine->variables["OTEL_RESOURCE_ATTRIBUTES"] = "v=1";
  run.world.start();
  run.world.advance(1s);
  run.machine->variables["OTEL_RESOURCE_ATTRIBUTES"] = "v=2";
  run.world.advance(21s);
  run.world.push(make_traces({{}}));
  run.world.advance(1s);
  CHECK(run.resources() == Lines{R"({"service.name":"shop","v":"2"})"});
  run.world.stop();
}

TEST_CASE("resourcedetection: a stop while it waits passes the data on") {
  Run run("{detectors: [ec2], timeout: 1h, fail_on_missing_metadata: true}");
  run.world.start();
  run.world.push(make_traces({{}}));
  run.world.check_conservation();
  run.world.stop();
  CHECK(run.resources() == Lines{R"({"service.name":"shop"})"});
}

TEST_CASE("resourcedetection: unknown detectors, attributes and sources are errors") {
  CHECK(problems_of("detectors: [env, ibmcloud_vpc]").find("'ibmcloud_vpc' is no detector of this build") != std::string::npos);
  CHECK(problems_of("system: {resource_attributes: {host.nme: {enabled: true}}}").find("has no attribute 'host.nme'") != std::string::npos);
  CHECK(problems_of("system: {hostname_sources: [mdns]}").find("'mdns' is none of") != std::string::npos);
  CHECK(problems_of("ec2: {tags: ['(']}").find("ec2::tags") != std::string::npos);
}

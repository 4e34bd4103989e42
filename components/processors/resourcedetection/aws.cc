// Detectors for Amazon's services.
#include "base/text.h"
#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {
namespace {

// The instance metadata service, version 2: a token first, then questions.
class Imds {
 public:
  static Result<Imds> open(const Config& config, Surroundings& around) {
    Imds out(around, base_address(config, around.env_or("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")));
    net::HttpRequest request{.method = "PUT", .url = out.base_ + "/latest/api/token"};
    request.headers.add("x-aws-ec2-metadata-token-ttl-seconds", "300");
    WEIR_ASSIGN(auto response, around.fetch(std::move(request)));
    if (response.status == 200) out.token_ = std::move(response.body);  // else version 1, which needs none
    return out;
  }

  Result<std::string> get(const std::string& path) {
    net::HeaderList headers;
    if (!token_.empty()) headers.add("x-aws-ec2-metadata-token", token_);
    return around_.get(base_ + path, std::move(headers));
  }

 private:
  Imds(Surroundings& around, std::string base) : around_(around), base_(std::move(base)) {}
  Surroundings& around_;
  std::string base_, token_;
};

Result<> add_instance(Imds& imds, Finding& out) {
  WEIR_ASSIGN(auto document, imds.get("/latest/dynamic/instance-identity/document"));
  WEIR_ASSIGN(Json json, Json::parse(document));
  out.set("cloud.region", json.text("/region"));
  out.set("cloud.account.id", json.text("/accountId"));
  out.set("cloud.availability_zone", json.text("/availabilityZone"));
  out.set("host.id", json.text("/instanceId"));
  out.set("host.image.id", json.text("/imageId"));
  out.set("host.type", json.text("/instanceType"));
  WEIR_ASSIGN(auto host, imds.get("/latest/meta-data/hostname"));
  out.set("host.name", host);
  return {};
}

Result<> add_tags(const std::vector<std::string>& patterns, Imds& imds, Finding& out) {
  WEIR_ASSIGN(auto keys, imds.get("/latest/meta-data/tags/instance"));
  for (std::string_view rest = keys; !rest.empty();) {
    auto end = rest.find('\n');
    std::string key(rest.substr(0, end));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (key.empty() || !matches_any(patterns, key)) continue;
    WEIR_ASSIGN(auto value, imds.get("/latest/meta-data/tags/instance/" + key));
    out.set("ec2.tag." + key, value);
  }
  return {};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (std::size_t begin = 0;;) {
    auto end = text.find(separator, begin);
    out.emplace_back(text.substr(begin, end - begin));
    if (end == text.npos) return out;
    begin = end + 1;
  }
}

struct LogNames {
  std::vector<std::string> groups, group_arns, streams, stream_arns;
};

// Of the task's other containers that log to CloudWatch.
LogNames log_names(const Json& task, const std::string& own_id, const std::string& account) {
  LogNames out;
  simdjson::dom::array containers;
  if (task.root()["Containers"].get(containers)) return out;
  for (auto container : containers) {
    auto text = [&](const char* pointer) { return Json::text_of(container.at_pointer(pointer)); };
    std::string group = text("/LogOptions/awslogs-group"), stream = text("/LogOptions/awslogs-stream"),
                region = text("/LogOptions/awslogs-region");
    bool logs = text("/Type") == "NORMAL" && text("/KnownStatus") == "RUNNING" && text("/LogDriver") == "awslogs" &&
                text("/DockerId") != own_id && !(group.empty() && stream.empty() && region.empty());
    if (!logs) continue;
    std::string arn = fmt::format("arn:aws:logs:{}:{}:log-group:{}", region, account, group);
    out.groups.push_back(group), out.group_arns.push_back(arn);
    out.streams.push_back(stream), out.stream_arns.push_back(arn + ":log-stream:" + stream);
  }
  return out;
}

// The cluster's name stands in tags that EKS gives its machines; where their metadata have tags.
Result<std::string> cluster_name(Imds& imds) {
  const std::string tags = "/latest/meta-data/tags/instance";
  WEIR_ASSIGN(auto keys, imds.get(tags));
  constexpr std::string_view owned = "kubernetes.io/cluster/";
  std::string name;
  for (auto& key : split(keys, '\n')) {
    if (key == "eks:cluster-name" || key == "aws:eks:cluster-name") return imds.get(tags + "/" + key);
    if (key.starts_with(owned)) name = key.substr(owned.size());
  }
  if (name.empty()) return fail(Errc::retryable, "no tag of this machine names a cluster");
  return name;
}

bool on_eks(Surroundings& around) {
  if (around.env_or("KUBERNETES_SERVICE_HOST", "").empty()) return false;
  if (around.env_or("AWS_WEB_IDENTITY_TOKEN_FILE", "").contains("eks.amazonaws.com") ||
      around.env_or("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "").contains("eks-pod-identity"))
    return true;
  auto version = ask_kubernetes(around, "/version");
  return version && version->contains("-eks-");
}

}  // namespace

Result<Finding> detect_ec2(const Config& config, Surroundings& around) {
  auto imds = Imds::open(config, around);
  Result<std::string> id = imds ? imds->get("/latest/meta-data/instance-id") : Result<std::string>(std::unexpected(imds.error()));
  if (!id) {
    if (must_answer(config, "ec2")) return fail(std::move(id).error());
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "aws");
  out.set("cloud.platform", "aws_ec2");
  WEIR_TRY(add_instance(*imds, out));
  if (!config.ec2.tags.empty()) WEIR_TRY(add_tags(config.ec2.tags, *imds, out));
  return out;
}

Result<Finding> detect_ecs(const Config& config, Surroundings& around) {
  std::string base = around.env_or("ECS_CONTAINER_METADATA_URI_V4", around.env_or("ECS_CONTAINER_METADATA_URI", ""));
  if (base.empty()) {
    if (must_answer(config, "ecs")) return fail(Errc::retryable, "ECS_CONTAINER_METADATA_URI_V4 is not set");
    return Finding{};
  }
  WEIR_ASSIGN(auto answer, around.get(base + "/task"));
  WEIR_ASSIGN(Json task, Json::parse(answer));
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "aws");
  out.set("cloud.platform", "aws_ecs");
  std::string arn = task.text("/TaskARN"), region, account;
  out.set("aws.ecs.task.arn", arn);
  out.set("aws.ecs.task.family", task.text("/Family"));
  out.set("aws.ecs.task.revision", task.text("/Revision"));
  if (auto parts = split(arn, ':'); parts.size() > 5) {  // arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID
    region = parts[3], account = parts[4];
    if (!account.empty()) out.set("cloud.account.id", account);
    if (!region.empty()) out.set("cloud.region", region);
    out.set("aws.ecs.task.id", split(parts[5], '/').back());
  }
  std::string cluster = task.text("/Cluster");
  out.set("aws.ecs.cluster.arn",
          cluster.contains(':') ? cluster : fmt::format("arn:aws:ecs:{}:{}:cluster/{}", region, account, cluster));
  if (auto zone = task.text("/AvailabilityZone"); !zone.empty()) out.set("cloud.availability_zone", zone);
  std::string launch = to_lower(task.text("/LaunchType"));
  if (launch == "ec2" || launch == "fargate") out.set("aws.ecs.launchtype", launch);
  auto own = around.get(base);
  if (!own) {
    if (must_answer(config, "ecs")) return fail(std::move(own).error());
    return out;
  }
  WEIR_ASSIGN(Json container, Json::parse(*own));
  if (LogNames logs = log_names(task, container.text("/DockerId"), account); !logs.groups.empty()) {
    out.set_list("aws.log.group.names", logs.groups);
    out.set_list("aws.log.group.arns", logs.group_arns);
    out.set_list("aws.log.stream.names", logs.streams);
    out.set_list("aws.log.stream.arns", logs.stream_arns);
  }
  return out;
}

Result<Finding> detect_eks(const Config& config, Surroundings& around) {
  if (!on_eks(around)) {
    if (must_answer(config, "eks")) return fail(Errc::retryable, "this is no pod of an EKS cluster");
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "aws");
  out.set("cloud.platform", "aws_eks");
  auto imds = Imds::open(config, around);
  if (!imds || !add_instance(*imds, out)) return out;  // pods often may not ask it
  if (auto name = cluster_name(*imds)) out.set("k8s.cluster.name", *name);
  return out;
}

}  // namespace weir::processors::resourcedetection

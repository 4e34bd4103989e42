// Detectors for clouds whose metadata service gives a document, or a text for each path, without further ado.
#include "base/text.h"
#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {
namespace {

constexpr std::string_view link_local = "http://169.254.169.254";

struct Place {
  std::string_view attribute, where;  // a JSON pointer, or a path below the service's
};

// What `ask` gives, or nothing when there is no such service.
template <class Ask>
Result<Finding> unless_absent(const Config& config, std::string_view detector, Ask ask) {
  Result<Finding> found = ask();
  if (found) found->schema_url = schema_url;
  return found || must_answer(config, detector) ? std::move(found) : Result<Finding>(Finding{});
}

struct Document {
  std::string_view base, path;
  net::HeaderList headers;
  std::vector<Place> constants, places;
};

Result<Json> read(const Config& config, Surroundings& around, const Document& document) {
  WEIR_ASSIGN(auto body, around.get(base_address(config, document.base) + std::string(document.path), document.headers));
  return Json::parse(body);
}

void set_all(const Document& document, const Json& json, Finding& to) {
  for (auto& [attribute, value] : document.constants) to.set(std::string(attribute), std::string(value));
  for (auto& [attribute, pointer] : document.places) to.set(std::string(attribute), json.text(std::string(pointer).c_str()));
}

Result<Finding> detect_document(const Config& config, Surroundings& around, std::string_view detector, const Document& document) {
  return unless_absent(config, detector, [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto json, read(config, around, document));
    Finding out;
    set_all(document, json, out);
    return out;
  });
}

// Every text has to be there.
Result<Finding> read_texts(Surroundings& around, const std::string& base, const net::HeaderList& headers, std::span<const Place> places) {
  Finding out;
  for (auto& [attribute, path] : places) {
    WEIR_ASSIGN(auto text, around.get(base + std::string(path), headers));
    out.set(std::string(attribute), std::string(trim(text)));
  }
  return out;
}

// A token that lives for some minutes.
Result<std::string> token(Surroundings& around, std::string url, std::string_view lifetime_header) {
  net::HttpRequest request{.method = "PUT", .url = std::move(url)};
  request.headers.add(lifetime_header, "300");
  WEIR_ASSIGN(auto answer, around.fetch(std::move(request)));
  if (answer.status != 200) return fail(Errc::retryable, "the token service answers {}", answer.status);
  return std::string(trim(answer.body));
}

}  // namespace

Result<Finding> detect_digitalocean(const Config& config, Surroundings& around) {
  return detect_document(config, around, "digitalocean",
                         {link_local, "/metadata/v1.json", {}, {{"cloud.provider", "digitalocean"}}, {{"host.id", "/droplet_id"}, {"host.name", "/hostname"}, {"cloud.region", "/region"}}});
}

Result<Finding> detect_upcloud(const Config& config, Surroundings& around) {
  return detect_document(config, around, "upcloud",
                         {link_local, "/metadata/v1.json", {}, {}, {{"cloud.provider", "/cloud_name"}, {"cloud.region", "/region"}, {"host.id", "/instance_id"}, {"host.name", "/hostname"}}});
}

Result<Finding> detect_oraclecloud(const Config& config, Surroundings& around) {
  return detect_document(config, around, "oraclecloud",
                         {link_local,
                          "/opc/v2/instance/",
                          {{"authorization", "Bearer Oracle"}},
                          {{"cloud.provider", "oracle_cloud"}, {"cloud.platform", "oracle_cloud_oke"}},
                          {{"cloud.region", "/canonicalRegionName"}, {"cloud.resource_id", "/id"}, {"cloud.availability_zone", "/availabilityDomain"}, {"host.id", "/id"}, {"host.name", "/displayName"},
                           {"host.type", "/shape"}, {"k8s.cluster.name", "/metadata/oke-cluster-display-name"}, {"oracle_cloud.realm", "/metadata/realm"}}});
}

Result<Finding> detect_vultr(const Config& config, Surroundings& around) {
  Document document{link_local, "/v1.json", {}, {{"cloud.provider", "vultr"}, {"cloud.platform", "vultr.cloud_compute"}}, {{"host.name", "/hostname"}}};
  return unless_absent(config, "vultr", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto json, read(config, around, document));
    Finding out;
    set_all(document, json, out);
    std::string id = json.text("/instance-v2-id");
    out.set("host.id", id.empty() ? json.text("/instanceid") : id);
    out.set("cloud.region", to_lower(json.text("/region/regioncode")));
    return out;
  });
}

Result<Finding> detect_scaleway(const Config& config, Surroundings& around) {
  Document document{"http://169.254.42.42",
                    "/conf?format=json",
                    {},
                    {{"cloud.provider", "scaleway_cloud"}, {"cloud.platform", "scaleway_cloud_compute"}},
                    {{"cloud.account.id", "/organization"}, {"cloud.availability_zone", "/location/zone_id"}, {"host.id", "/id"}, {"host.image.id", "/image/id"}, {"host.image.name", "/image/name"},
                     {"host.name", "/name"}, {"host.type", "/commercial_type"}}};
  return unless_absent(config, "scaleway", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto json, read(config, around, document));
    Finding out;
    set_all(document, json, out);
    std::string zone = json.text("/location/zone_id");
    if (auto dash = zone.rfind('-'); dash != zone.npos && dash > 0) out.set("cloud.region", zone.substr(0, dash));
    return out;
  });
}

Result<Finding> detect_nova(const Config& config, Surroundings& around) {
  Document document{link_local,
                    "/openstack/latest/meta_data.json",
                    {},
                    {{"cloud.provider", "openstack"}, {"cloud.platform", "openstack_nova"}},
                    {{"cloud.account.id", "/project_id"}, {"cloud.availability_zone", "/availability_zone"}, {"host.id", "/uuid"}, {"host.name", "/hostname"}}};
  return unless_absent(config, "nova", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto json, read(config, around, document));
    if (json.text("/uuid").empty() || json.text("/hostname").empty()) return fail(Errc::retryable, "the metadata has no uuid or no hostname");
    Finding out;
    set_all(document, json, out);
    if (auto type = around.get(base_address(config, link_local) + "/latest/meta-data/instance-type"); type && !type->empty()) out.set("host.type", *type);
    simdjson::dom::object meta;
    if (!config.nova.labels.empty() && !json.root()["meta"].get(meta))
      for (auto [key, value] : meta)
        if (std::string name(key); matches_any(config.nova.labels, name)) out.set("openstack.nova.meta." + name, Json::text_of(meta.at_key(key)));
    return out;
  });
}

Result<Finding> detect_hetzner(const Config& config, Surroundings& around) {
  static constexpr Place places[] = {{"host.name", "/hostname"}, {"host.id", "/instance-id"}, {"cloud.region", "/region"}, {"cloud.availability_zone", "/availability-zone"}};
  return unless_absent(config, "hetzner", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto out, read_texts(around, base_address(config, link_local) + "/hetzner/v1/metadata", {}, places));
    out.set("cloud.provider", "hetzner");
    out.set("cloud.platform", "hetzner.cloud_server");
    return out;
  });
}

Result<Finding> detect_alibaba_ecs(const Config& config, Surroundings& around) {
  static constexpr Place places[] = {{"host.name", "hostname"}, {"host.image.id", "image-id"}, {"host.id", "instance-id"}, {"host.type", "instance/instance-type"},
                                     {"cloud.account.id", "owner-account-id"}, {"cloud.region", "region-id"}, {"cloud.availability_zone", "zone-id"}};
  return unless_absent(config, "alibaba_ecs", [&]() -> Result<Finding> {
    std::string base = base_address(config, "http://100.100.100.200");
    WEIR_ASSIGN(auto key, token(around, base + "/latest/api/token", "x-aliyun-ecs-metadata-token-ttl-seconds"));
    WEIR_ASSIGN(auto out, read_texts(around, base + "/latest/meta-data/", {{"x-aliyun-ecs-metadata-token", key}}, places));
    out.set("cloud.provider", "alibaba_cloud");
    out.set("cloud.platform", "alibaba_cloud_ecs");
    return out;
  });
}

Result<Finding> detect_tencent_cvm(const Config& config, Surroundings& around) {
  static constexpr Place places[] = {{"host.name", "instance-name"}, {"host.image.id", "instance/image-id"}, {"host.id", "instance-id"}, {"host.type", "instance/instance-type"},
                                     {"cloud.account.id", "app-id"}, {"cloud.region", "placement/region"}, {"cloud.availability_zone", "placement/zone"}};
  return unless_absent(config, "tencent_cvm", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto out, read_texts(around, base_address(config, "http://metadata.tencentyun.com") + "/latest/meta-data/", {}, places));
    out.set("cloud.provider", "tencent_cloud");
    out.set("cloud.platform", "tencent_cloud_cvm");
    return out;
  });
}

Result<Finding> detect_akamai(const Config& config, Surroundings& around) {
  Document document{link_local,
                    "/v1/instance",
                    {{"accept", "application/json"}},
                    {{"cloud.provider", "akamai_cloud"}, {"cloud.platform", "akamai_cloud.compute"}},
                    {{"cloud.account.id", "/account_euuid"}, {"cloud.region", "/region"}, {"host.id", "/id"}, {"host.image.id", "/image/id"}, {"host.image.name", "/image/label"}, {"host.name", "/label"},
                     {"host.type", "/type"}}};
  return unless_absent(config, "akamai", [&]() -> Result<Finding> {
    WEIR_ASSIGN(auto key, token(around, base_address(config, link_local) + "/v1/token", "metadata-token-expiry-seconds"));
    if (auto list = Json::parse(key); list && !list->text("/0").empty()) key = list->text("/0");  // text, or JSON with one
    document.headers.add("metadata-token", key);
    WEIR_ASSIGN(auto json, read(config, around, document));
    Finding out;
    set_all(document, json, out);
    return out;
  });
}

// key=value in lines.
Result<Finding> detect_dynatrace(const Config&, Surroundings& around) {
  auto properties = around.read_file("/var/lib/dynatrace/enrichment/dt_host_metadata.properties");
  Finding out;
  if (!properties) return out;
  for (auto line : split(*properties, '\n')) {
    auto equals = line.find('=');
    if (equals == line.npos || equals + 1 == line.size()) continue;
    std::string_view key = line.substr(0, equals);
    if (key == "dt.entity.host" || key == "host.name" || key == "dt.smartscape.host") out.set(std::string(key), std::string(trim(line.substr(equals + 1))));
  }
  return out;
}

}  // namespace weir::processors::resourcedetection

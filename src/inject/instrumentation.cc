#include "inject/instrumentation.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace weir::inject {
namespace {

#define IMAGES "ghcr.io/open-telemetry/opentelemetry-operator/"
constexpr std::array<LanguageInfo, language_count> table = {{
    {Language::java, "java", "java", "resources", "java-container-names", IMAGES "autoinstrumentation-java:2.30.0", "50m", "64Mi"},
    {Language::nodejs, "nodejs", "nodejs", "resourceRequirements", "nodejs-container-names", IMAGES "autoinstrumentation-nodejs:0.78.0", "50m", "128Mi"},
    {Language::python, "python", "python", "resourceRequirements", "python-container-names", IMAGES "autoinstrumentation-python:0.64b0", "50m", "64Mi"},
    {Language::dotnet, "dotnet", "dotnet", "resourceRequirements", "dotnet-container-names", IMAGES "autoinstrumentation-dotnet:1.16.0", "50m", "128Mi"},
    {Language::go, "go", "go", "resourceRequirements", "go-container-names",
     "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0", "50m", "64Mi"},
    {Language::apache_httpd, "apache-httpd", "apacheHttpd", "resourceRequirements", "apache-httpd-container-names",
     IMAGES "autoinstrumentation-apache-httpd:1.0.4", "1m", "128Mi"},
    {Language::nginx, "nginx", "nginx", "resourceRequirements", "inject-nginx-container-names", IMAGES "autoinstrumentation-apache-httpd:1.0.4", "1m", "128Mi"},
    {Language::sdk, "sdk", "", "", "sdk-container-names", "", "", ""},
}};
#undef IMAGES

constexpr std::array<std::string_view, 9> samplers = {"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
                                                      "parentbased_traceidratio", "jaeger_remote", "parentbased_jaeger_remote", "xray"};

// A reference to another section of `object` is invalid behind this call.
Value& section_of(Value& object, std::string_view key) {
  Value* there = object.get(key);
  return there != nullptr && there->is_map() ? *there : object.set(key, Value::map());
}

void default_resources(Value& section, const LanguageInfo& language) {
  bool web = language.language == Language::apache_httpd || language.language == Language::nginx;
  Value& resources = section_of(section, language.resources);
  auto missing = [&](std::string_view key) { return resources.get(key) == nullptr || resources.get(key)->is_null(); };
  if (missing("limits")) resources.set("limits", map_of({{"cpu", "500m"}, {"memory", web ? "128Mi" : "256Mi"}}));
  if (missing("requests")) resources.set("requests", map_of({{"cpu", language.cpu}, {"memory", language.memory}}));
}

std::optional<double> number_of(std::string_view text) {
  double out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// key=value of the sampler jaeger_remote. Why it is wrong, "" when it is right.
std::string check_jaeger(std::string_view part, Verdict& out) {
  std::size_t equals = part.find('=');
  if (equals == part.npos || part.find('=', equals + 1) != part.npos) return fmt::format("invalid argument: {}, the argument should be in the form of key=value", part);
  std::string_view key = part.substr(0, equals), value = part.substr(equals + 1);
  if (key == "endpoint") return value.empty() ? "endpoint cannot be empty" : "";
  if (key == "pollingIntervalMs") {
    bool digits = !value.empty() && value.find_first_not_of("0123456789", value[0] == '-' || value[0] == '+') == value.npos && value != "-" && value != "+";
    return digits ? "" : fmt::format("invalid pollingIntervalMs: {}", value);
  }
  if (key == "initialSamplingRate") {
    auto rate = number_of(value);
    if (!rate) return fmt::format("invalid initialSamplingRate: {}", value);
    return *rate < 0 || *rate > 1 ? fmt::format("initialSamplingRate should be in rage [0..1]: {}", value) : "";
  }
  out.warnings.push_back(fmt::format("spec.sampler.argument: {} is not known", key));
  return "";
}

void check_sampler(const Value& spec, Verdict& out) {
  std::string type = text_at(spec, "sampler::type"), argument = text_at(spec, "sampler::argument");
  if (type.empty()) {
    out.warnings.emplace_back("sampler type not set");
    return;
  }
  if (std::find(samplers.begin(), samplers.end(), type) == samplers.end()) {
    out.errors.push_back(fmt::format("spec.sampler.type is not valid: {}", type));
    return;
  }
  if (argument.empty()) return;
  if (type == "traceidratio" || type == "parentbased_traceidratio") {
    auto ratio = number_of(argument);
    if (!ratio) out.errors.push_back(fmt::format("spec.sampler.argument is not a number: {}", argument));
    else if (*ratio < 0 || *ratio > 1) out.errors.push_back(fmt::format("spec.sampler.argument should be in rage [0..1]: {}", argument));
  }
  if (type != "jaeger_remote" && type != "parentbased_jaeger_remote") return;
  for (auto part : split(argument, ',')) {
    std::string why = check_jaeger(part, out);
    if (!why.empty()) out.errors.push_back(fmt::format("spec.sampler.argument is not a valid argument for sampler {}: {}", type, why));
  }
}

void check_tls(const Value& spec, Verdict& out) {
  const Value* tls = spec.find("exporter::tls");
  std::string endpoint = text_at(spec, "exporter::endpoint");
  bool secure = endpoint.starts_with("https://");
  if (tls != nullptr && !secure) out.warnings.emplace_back("exporter.tls is configured but exporter.endpoint is not enabling TLS with https://");
  if (tls == nullptr && secure) out.warnings.emplace_back("exporter is using https:// but exporter.tls is unset");
  if (tls == nullptr) return;
  bool cert = !text_at(*tls, "cert_file").empty(), key = !text_at(*tls, "key_file").empty();
  if (cert != key) out.warnings.emplace_back("both exporter.tls.key and exporter.tls.cert must be set");
}

}  // namespace

std::span<const LanguageInfo> languages() { return table; }
const LanguageInfo& info_of(Language language) { return table[static_cast<std::size_t>(language)]; }

std::vector<std::pair<std::string, std::string>> apply_defaults(Value& resource) {
  std::vector<std::pair<std::string, std::string>> made;
  Value& labels = section_of(section_of(resource, "metadata"), "labels");
  if (labels.get("app.kubernetes.io/managed-by") == nullptr) labels.set("app.kubernetes.io/managed-by", Value::string("opentelemetry-operator"));
  Value& spec = section_of(resource, "spec");  // behind the metadata: a new section moves those that are there
  for (auto& language : table) {
    if (language.section.empty()) continue;
    Value& section = section_of(spec, language.section);
    if (text_at(section, "image").empty()) section.set("image", Value::string(std::string(language.image)));
    // Also of images that were given: an upgrade finds what was a default by comparing.
    made.emplace_back(fmt::format("{}default-auto-instrumentation-{}-image", annotation_prefix, language.word), language.image);
    default_resources(section, language);
  }
  Value& web = section_of(spec, "apacheHttpd");
  if (text_at(web, "version").empty()) web.set("version", Value::string("2.4"));
  if (text_at(web, "configPath").empty()) web.set("configPath", Value::string("/usr/local/apache2/conf"));
  Value& nginx = section_of(spec, "nginx");
  if (text_at(nginx, "configFile").empty()) nginx.set("configFile", Value::string("/etc/nginx/nginx.conf"));
  Value& annotations = section_of(section_of(resource, "metadata"), "annotations");
  for (auto& [key, image] : made) annotations.set(key, Value::string(image));
  return made;
}

Verdict check(const Value& spec) {
  Verdict out;
  check_sampler(spec, out);
  check_tls(spec, out);
  for (auto& language : table) {
    const Value* section = language.section.empty() ? nullptr : spec.get(language.section);
    if (section == nullptr) continue;
    const Value* claim = section->get("volumeClaimTemplate");
    bool has_claim = claim != nullptr && claim->size() > 0;
    if (section->get("volumeLimitSize") != nullptr) out.warnings.push_back(fmt::format("spec.{}.volumeLimitSize is deprecated; use volumeClaimTemplate", language.section));
    if (has_claim && section->get("volumeLimitSize") != nullptr)
      out.errors.push_back(fmt::format("spec.{}.volumeClaimTemplate and spec.{}.volumeSizeLimit cannot both be defined", language.section, language.section));
  }
  return out;
}

}  // namespace weir::inject

// Detectors that read the environment, a file or the local container engine.
#include <charconv>

#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\f\v";
  auto begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// As in a URL's query: %XX, and + is a space.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1, low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

constexpr std::size_t longest_part = 256;  // of a key or a value in OTEL_RESOURCE_ATTRIBUTES, as in the Go collector

Result<> add_pair(std::string_view pair, std::string_view all, Finding& out) {
  auto equals = pair.find('=');
  std::string_view key = trim(pair.substr(0, equals));
  if (equals == pair.npos || key.empty() || key.size() > longest_part)
    return fail(Errc::config, "OTEL_RESOURCE_ATTRIBUTES: '{}' in '{}' is not key=value", pair, all);
  std::string_view value = trim(pair.substr(equals + 1));
  auto plain = value.size() > longest_part ? std::nullopt : unescape(value);
  if (!plain) return fail(Errc::config, "OTEL_RESOURCE_ATTRIBUTES: the value in '{}' is too long or wrongly escaped", pair);
  std::erase_if(out.attributes, [key](auto& attribute) { return attribute.key == key; });  // the last one counts
  out.set(std::string(key), std::move(*plain));
  return {};
}

// Sets `key` to a variable's value when there is one.
void set_from(Finding& out, const char* key, Surroundings& around, const char* variable) {
  if (auto value = around.env(variable)) out.set(key, std::move(*value));
}

}  // namespace

Result<Finding> detect_env(const Config&, Surroundings& around) {
  std::string text = around.env_or("OTEL_RESOURCE_ATTRIBUTES", "");
  if (trim(text).empty()) text = around.env_or("OTEL_RESOURCE", "");  // before it was standardized
  std::string_view rest = trim(text);
  Finding out;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    WEIR_TRY(add_pair(rest.substr(0, comma), text, out));
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
  }
  return out;
}

Result<Finding> detect_heroku(const Config& config, Surroundings& around) {
  Finding out{.schema_url = std::string(schema_url)};
  auto app = around.env("HEROKU_APP_ID"), dyno = around.env("HEROKU_DYNO_ID");
  if (!app && !dyno && must_answer(config, "heroku"))
    return fail(Errc::retryable, "neither HEROKU_APP_ID nor HEROKU_DYNO_ID is set");
  if (app) out.set("cloud.provider", "heroku");
  set_from(out, "service.instance.id", around, "HEROKU_DYNO_ID");
  set_from(out, "heroku.app.id", around, "HEROKU_APP_ID");
  set_from(out, "service.name", around, "HEROKU_APP_NAME");
  set_from(out, "heroku.release.creation_timestamp", around, "HEROKU_RELEASE_CREATED_AT");
  set_from(out, "service.version", around, "HEROKU_RELEASE_VERSION");
  set_from(out, "heroku.release.commit", around, "HEROKU_SLUG_COMMIT");
  return out;
}

Result<Finding> detect_lambda(const Config& config, Surroundings& around) {
  std::string name = around.env_or("AWS_LAMBDA_FUNCTION_NAME", "");
  if (name.empty()) {
    if (must_answer(config, "lambda")) return fail(Errc::retryable, "AWS_LAMBDA_FUNCTION_NAME is not set");
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "aws");
  out.set("cloud.platform", "aws_lambda");
  out.set("faas.name", name);
  set_from(out, "cloud.region", around, "AWS_REGION");
  set_from(out, "faas.version", around, "AWS_LAMBDA_FUNCTION_VERSION");
  set_from(out, "faas.instance", around, "AWS_LAMBDA_LOG_STREAM_NAME");
  set_from(out, "faas.max_memory", around, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
  if (auto group = around.env("AWS_LAMBDA_LOG_GROUP_NAME")) out.set_list("aws.log.group.names", {*group});
  if (auto stream = around.env("AWS_LAMBDA_LOG_STREAM_NAME")) out.set_list("aws.log.stream.names", {*stream});
  return out;
}

Result<Finding> detect_elasticbeanstalk(const Config& config, Surroundings& around) {
  auto text = around.read_file("/var/elasticbeanstalk/xray/environment.conf");
  if (!text) {
    if (must_answer(config, "elastic_beanstalk")) return fail(std::move(text).error());
    return Finding{};
  }
  WEIR_ASSIGN(Json json, Json::parse(*text));
  Finding out{.schema_url = std::string(schema_url)};
  out.set("cloud.provider", "aws");
  out.set("cloud.platform", "aws_elastic_beanstalk");
  out.set("service.instance.id", json.text("/deployment_id"));
  out.set("deployment.environment", json.text("/environment_name"));
  out.set("service.version", json.text("/version_label"));
  return out;
}

namespace {

Result<Json> ask_docker(Surroundings& around, const std::string& path) {
  std::string host = around.env_or("DOCKER_HOST", "unix:///var/run/docker.sock");
  constexpr std::string_view unix = "unix://", tcp = "tcp://";
  auto body = host.starts_with(unix)  ? around.fetch_unix(host.substr(unix.size()), path)
              : host.starts_with(tcp) ? around.get("http://" + host.substr(tcp.size()) + path)
                                      : around.get(host + path);
  if (!body) return fail(std::move(body).error());
  return Json::parse(*body);
}

}  // namespace

Result<Finding> detect_docker(const Config& config, Surroundings& around) {
  auto info = ask_docker(around, "/info");
  if (!info) {
    if (must_answer(config, "docker")) return fail(std::move(info).error());
    return Finding{};
  }
  Finding out{.schema_url = std::string(schema_url)};
  out.set("host.name", info->text("/Name"));
  out.set("os.type", info->text("/OSType"));
  auto wanted = [&](const char* key) {
    auto at = config.docker.resource_attributes.find(key);
    return at != config.docker.resource_attributes.end() && at->second.enabled;
  };
  if (!wanted("container.name") && !wanted("container.image.name")) return out;
  WEIR_ASSIGN(Json container, ask_docker(around, "/containers/" + around.env_or("HOSTNAME", "") + "/json"));
  std::string name = container.text("/Name");
  out.set("container.name", name.starts_with('/') ? name.substr(1) : name);
  out.set("container.image.name", container.text("/Config/Image"));
  return out;
}

}  // namespace weir::processors::resourcedetection

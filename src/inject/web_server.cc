#include "inject/web_server.h"

#include <algorithm>
#include <map>

namespace weir::inject {
namespace {

constexpr std::string_view agent_folder = "/opt/opentelemetry-webserver/agent", staged_folder = "/opt/opentelemetry-webserver/source-conf";
constexpr std::string_view clone_name = "otel-agent-source-container-clone";
// The module's configuration is written before the pod has a name.
constexpr std::string_view instance_mark = "<<SID-PLACEHOLDER>>";

// What the module needs from its image, and its log settings. The scripts get what a user has set as $1, so that no shell reads it.
#define COPY_MODULE                                                  \
  "set -e\n"                                                         \
  "agent=/opt/opentelemetry-webserver/agent\n"                       \
  "staged=/opt/opentelemetry-webserver/source-conf\n"                \
  "cp -r /opt/opentelemetry/. \"$agent\"\n"                          \
  "log=\"$agent/conf/opentelemetry_sdk_log4cxx.xml\"\n"              \
  "sed \"s,__agent_log_dir__,$agent/logs,g\" \"$log.template\" > \"$log\"\n"

constexpr std::string_view attach_apache = COPY_MODULE
    "printf '%s\\n' \"$OTEL_APACHE_AGENT_CONF\" | sed \"s,<<SID-PLACEHOLDER>>,$APACHE_SERVICE_INSTANCE_ID,g\" > \"$staged/opentemetry_agent.conf\"\n"
    "printf '\\nInclude %s/opentemetry_agent.conf\\n' \"$1\" >> \"$staged/httpd.conf\"\n";

constexpr std::string_view attach_nginx = COPY_MODULE
    "version=`cat \"$staged/version.txt\"`\n"
    "{\n"
    "  echo 'env OTEL_RESOURCE_ATTRIBUTES;'\n"
    "  echo \"load_module $agent/WebServerModule/Nginx/$version/ngx_http_opentelemetry_module.so;\"\n"
    "  cat \"$staged/$1\"\n"
    "} > \"$staged/$1.with-module\"\n"
    "mv \"$staged/$1.with-module\" \"$staged/$1\"\n"
    "mkdir -p \"$staged/conf.d\"\n"
    "printf '%s\\n' \"$OTEL_NGINX_AGENT_CONF\" | sed \"s,<<SID-PLACEHOLDER>>,$OTEL_NGINX_SERVICE_INSTANCE_ID,g\" > \"$staged/conf.d/opentelemetry_agent.conf\"\n";

constexpr std::string_view clone_nginx =
    "set -e\n"
    "cp -r \"$1\"/. /opt/opentelemetry-webserver/source-conf\n"
    "nginx -v 2>&1 | sed 's,.*/\\([0-9.]*\\).*,\\1,' > /opt/opentelemetry-webserver/source-conf/version.txt\n";
#undef COPY_MODULE

struct Facts {
  std::string_view conf_volume, agent_volume, attach_name, conf_variable, instance_variable, module_prefix;
};
constexpr Facts apache{"otel-apache-conf-dir", "otel-apache-agent", "otel-agent-attach-apache", "OTEL_APACHE_AGENT_CONF", "APACHE_SERVICE_INSTANCE_ID", "ApacheModule"};
constexpr Facts nginx{"otel-nginx-conf-dir", "otel-nginx-agent", "otel-agent-attach-nginx", "OTEL_NGINX_AGENT_CONF", "OTEL_NGINX_SERVICE_INSTANCE_ID", "NginxModule"};

std::string or_else(std::string text, std::string_view standard) { return text.empty() ? std::string(standard) : text; }

class Attaching {
 public:
  Attaching(Value& pod, Value& container, const WebServer& server)
      : pod_(pod), container_(container), server_(server), is_apache_(server.language == Language::apache_httpd), facts_(is_apache_ ? apache : nginx) {
    if (is_apache_) {
      folder_ = or_else(text_at(server.settings, "configPath"), "/usr/local/apache2/conf");
      while (folder_.size() > 1 && folder_.ends_with('/')) folder_.pop_back();
    } else {
      file_ = or_else(text_at(server.settings, "configFile"), "/etc/nginx/nginx.conf");
      std::size_t slash = file_.rfind('/');
      folder_ = slash == file_.npos ? "." : slash == 0 ? "/" : file_.substr(0, slash);
      file_ = slash == file_.npos ? file_ : file_.substr(slash + 1);
    }
  }

  void run() {
    add_missing_env(container_, server_.settings.get("env"));
    const bool first = !is_init_container(pod_, clone_name);
    std::vector<Value> made;
    if (first) {
      add_volume(pod_, empty_volume(facts_.conf_volume));
      made.push_back(clone());
      move_mounts();
    }
    if (!is_init_container(pod_, facts_.attach_name)) {
      add_volume(pod_, agent_volume());
      made.push_back(attach());
      if (!is_apache_) library_path();
    }
    // Behind all others, and last: the container's place in memory may change.
    for (auto& one : made) list_in(*pod_.get("spec"), "initContainers").push_back(std::move(one));
  }

 private:
  Value empty_volume(std::string_view name) const {
    Value inner = Value::map(), out = map_of({{"name", name}});
    const Value* limit = server_.settings.get("volumeLimitSize");
    if (is_apache_) inner.set("sizeLimit", limit != nullptr ? *limit : Value::string("200Mi"));
    out.set("emptyDir", std::move(inner));
    return out;
  }

  Value agent_volume() const {
    const Value* claim = is_apache_ ? server_.settings.get("volumeClaimTemplate") : nullptr;
    if (claim == nullptr || claim->size() == 0) return empty_volume(facts_.agent_volume);
    Value inner = Value::map(), out = map_of({{"name", facts_.agent_volume}});
    inner.set("volumeClaimTemplate", *claim);
    out.set("ephemeral", std::move(inner));
    return out;
  }

  // The application itself, that only hands over its configuration.
  Value clone() const {
    Value out = map_of({{"name", clone_name}, {"image", text_at(container_, "image")}});
    if (is_apache_) {
      out.set("command", list_of({"cp", "-r", folder_ + "/.", staged_folder}));
    } else {
      out.set("command", list_of({"/bin/sh", "-c"}));
      out.set("args", list_of({clone_nginx, "--", folder_}));
    }
    for (auto key : {"env", "envFrom", "volumeMounts", "imagePullPolicy"})
      if (const Value* there = container_.get(key)) out.set(key, *there);
    add_mount(out, facts_.conf_volume, staged_folder);
    limits(out);
    return out;
  }

  // What was mounted at the configuration or below it is in the copy now, and would hide what is added there.
  void move_mounts() {
    auto& mounts = list_in(container_, "volumeMounts").items();
    std::erase_if(mounts, [&](auto& mount) {
      std::string path = text_at(mount, "mountPath");
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      return path == folder_ || path.starts_with(folder_ + "/");
    });
    add_mount(container_, facts_.agent_volume, agent_folder);
    add_mount(container_, facts_.conf_volume, folder_);
  }

  Value attach() const {
    Value out = map_of({{"name", facts_.attach_name}, {"image", or_else(text_at(server_.settings, "image"), info_of(server_.language).image)}});
    out.set("command", list_of({"/bin/sh", "-c"}));
    out.set("args", list_of({is_apache_ ? attach_apache : attach_nginx, "--", is_apache_ ? folder_ : file_}));
    // What the user has set may be named in the module's configuration.
    add_missing_env(out, server_.settings.get("env"));
    add_missing_env(out, server_.spec.get("env"));
    add_env_field(out, "OTEL_POD_IP", "status.podIP");
    add_env_field(out, "OTEL_NODE_IP", "status.hostIP");
    add_env(out, facts_.conf_variable, configuration());
    add_env_field(out, facts_.instance_variable, "metadata.name");
    if (std::string policy = text_at(server_.spec, "imagePullPolicy"); !policy.empty()) out.set("imagePullPolicy", Value::string(policy));
    add_mount(out, facts_.agent_volume, agent_folder);
    add_mount(out, facts_.conf_volume, staged_folder);
    limits(out);
    return out;
  }

  void limits(Value& out) const {
    if (const Value* resources = server_.settings.get("resourceRequirements")) out.set("resources", *resources);
    const Value* context = server_.spec.get("initContainerSecurityContext");
    if (context == nullptr) context = container_.get("securityContext");
    if (context != nullptr) out.set("securityContext", *context);
  }

  std::string configuration() const {
    auto name = [&](std::string_view rest) { return fmt::format("{}{}", facts_.module_prefix, rest); };
    std::map<std::string, std::string> lines = {{name("Enabled"), "ON"},
                                                {name("OtelSpanExporter"), "otlp"},
                                                {name("OtelExporterEndpoint"), or_else(text_at(server_.spec, "exporter::endpoint"), "http://localhost:4317/")},
                                                {name("ServiceName"), server_.service},
                                                {name("ServiceNamespace"), or_else(server_.name_space, is_apache_ ? "apache-httpd" : "nginx")},
                                                {name("ServiceInstanceId"), std::string(instance_mark)},
                                                {name("ResolveBackends"), "ON"},
                                                {name("TraceAsError"), "ON"}};
    if (const Value* attributes = server_.settings.get("attrs"))
      for (auto& one : attributes->items()) lines[text_at(one, "name")] = text_at(one, "value");
    std::string out = is_apache_ ? module_lines() : "";
    for (auto& [key, value] : lines) out += fmt::format("{} {}{}\n", key, value, is_apache_ ? "" : ";");
    return out;
  }

  // Libraries in the order in which they need each other.
  std::string module_lines() const {
    std::string out = "\n";
    for (auto library : {"common", "resources", "trace", "otlp_recordable", "exporter_ostream_span", "exporter_otlp_grpc", "webserver_sdk"})
      out += fmt::format("LoadFile {}/sdk_lib/lib/libopentelemetry_{}.so\n", agent_folder, library);
    return out + fmt::format("LoadModule otel_apache_module {}/WebServerModule/Apache/libmod_apache_otel{}.so\n", agent_folder, text_at(server_.settings, "version") == "2.2" ? "22" : "");
  }

  void library_path() {
    std::string old = env_text(container_, "LD_LIBRARY_PATH");
    add_env(container_, "LD_LIBRARY_PATH", fmt::format("{}{}{}/sdk_lib/lib", old, old.empty() ? "" : ":", agent_folder));
  }

  Value& pod_;
  Value& container_;
  const WebServer& server_;
  bool is_apache_;
  const Facts& facts_;
  std::string folder_, file_;
};

}  // namespace

std::string attach_web_server(Value& pod, std::string_view container_name, const WebServer& server) {
  if (is_init_container(pod, container_name)) return "an init container";
  Value* container = find_container(pod, container_name);
  if (container == nullptr) return "no such container";
  std::string there = volume_at(*container, agent_folder);
  if (!there.empty()) return fmt::format("the volume {} is mounted at {}", there, agent_folder);
  if (server.language == Language::nginx && comes_from_elsewhere(*container, "LD_LIBRARY_PATH")) return "the value of LD_LIBRARY_PATH comes from elsewhere";
  Attaching(pod, *container, server).run();
  return "";
}

}  // namespace weir::inject

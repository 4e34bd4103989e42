#include "inject/inject.h"

#include <algorithm>

#include "base/text.h"
#include "inject/resource.h"
#include "inject/web_server.h"

namespace weir::inject {
namespace {

constexpr std::string_view base_name = "opentelemetry-auto-instrumentation";

}  // namespace

bool is_injected(const Value& pod) {
  for (auto name : {"java", "nodejs", "python", "dotnet"})
    if (is_init_container(pod, fmt::format("{}-{}", base_name, name))) return true;
  for (auto name : {"otel-agent-attach-apache", "otel-agent-attach-nginx", "otel-agent-source-container-clone"})
    if (is_init_container(pod, name)) return true;
  const Value* containers = pod.find("spec::containers");
  if (containers == nullptr) return false;
  return std::any_of(containers->items().begin(), containers->items().end(), [](auto& c) {
    std::string name = text_at(c, "name");
    return name == base_name || (name != "otc-container" && find_env(c, "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME") != nullptr);
  });
}

namespace {

// One language that is copied into the pod by an init container.
struct Copied {
  std::vector<std::string> must_be_plain;  // variables that may not come from elsewhere
  std::vector<std::string> command;
};

class Injection {
 public:
  Injection(Value pod, const Value& name_space, const Cluster& cluster, const Options& options)
      : cluster_(cluster), options_(options), name_space_object_(name_space), name_space_(text_at(name_space, "metadata::name")) {
    out_.pod = std::move(pod);
  }

  Outcome run() {
    const Value* containers = out_.pod.find("spec::containers");
    if (containers == nullptr || containers->size() == 0 || is_injected(out_.pod)) return std::move(out_);
    const Value before = out_.pod;
    auto selection = select(out_.pod, name_space_object_, name_space_, cluster_, options_);
    out_.problems = std::move(selection.problems);
    for (auto& choice : selection.choices) one(choice);
    out_.changed = !(out_.pod == before);
    return std::move(out_);
  }

 private:
  void one(const Choice& choice) {
    const LanguageInfo& language = info_of(choice.language);
    auto names = names_of(choice);
    if (names.empty()) return;
    if (choice.language == Language::go) {
      go(choice, names.front());
    } else if (choice.language == Language::apache_httpd || choice.language == Language::nginx) {
      for (auto& name : names) web_server(choice, language, name);
    } else if (choice.language == Language::sdk) {
      for (auto& name : names)
        if (Value* container = find_container(out_.pod, name)) common(choice, *container, *container), mark(choice.language);
    } else {
      copied(choice, language, names);
    }
  }

  void mark(Language language) {
    std::string word(info_of(language).word);
    if (std::find(out_.injected.begin(), out_.injected.end(), word) == out_.injected.end()) out_.injected.push_back(word);
  }
  void problem(Language language, std::string_view why) { out_.problems.push_back(fmt::format("{} {}", info_of(language).word, why)); }

  // Those that are there: init containers first, in the order of the pod.
  std::vector<std::string> names_of(const Choice& choice) {
    const Value& pod = out_.pod;
    if (choice.containers.empty()) return {text_at(pod.find("spec::containers")->items().front(), "name")};
    std::vector<std::string> out;
    if (const Value* list = pod.find("spec::initContainers"))
      for (auto& c : list->items())
        if (std::string name = text_at(c, "name"); contains(choice.containers, name)) out.push_back(name);
    for (auto& name : choice.containers)
      if (find_named(pod.find("spec::containers"), name) != nullptr) out.push_back(name);
    if (out.empty()) problem(choice.language, "names no container of the pod");
    return out;
  }
  static bool contains(const std::vector<std::string>& list, const std::string& name) { return std::find(list.begin(), list.end(), name) != list.end(); }

  void copied(const Choice& choice, const LanguageInfo& language, const std::vector<std::string>& names) {
    const Value& spec = choice.instrumentation->spec;
    const Value* section = spec.get(language.section);
    const Value none = Value::map();
    const Value& settings = section == nullptr ? none : *section;
    std::string first;
    for (auto& name : names) {
      Value& container = *find_container(out_.pod, name);
      std::string why = refusal(choice.language, settings, container);
      if (!why.empty()) {
        problem(choice.language, fmt::format("was not injected into container {}: {}", name, why));
        continue;
      }
      if (first.empty()) first = name;
      add_missing_env(container, settings.get("env"));
      mount(choice.language, container);
      if (choice.language == Language::python) python_path(container);
      addresses_and_env(spec, container);
      language_env(choice.language, settings, container);
      common_config(choice, container, container);
      mark(choice.language);
    }
    if (!first.empty()) copy_agent(choice, language, settings, first);
  }

  static std::string mount_path(Language language) { return fmt::format("/otel-auto-instrumentation-{}", info_of(language).word); }
  static std::string volume_name(Language language) { return fmt::format("{}-{}", base_name, info_of(language).word); }

  // Why a container cannot have it; "" when it can.
  std::string refusal(Language language, const Value& settings, const Value& container) const {
    static const std::map<Language, std::vector<std::string_view>> plain = {{Language::java, {"JAVA_TOOL_OPTIONS"}},
                                                                           {Language::nodejs, {"NODE_OPTIONS"}},
                                                                           {Language::python, {"PYTHONPATH"}},
                                                                           {Language::dotnet, {"DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE"}}};
    for (auto variable : plain.at(language))
      if (comes_from_elsewhere(container, variable)) return fmt::format("the value of {} comes from elsewhere", variable);
    std::string path = own_path(language, container), there = volume_at(container, path);
    if (!there.empty() && there != volume_name(language)) return fmt::format("the volume {} is mounted at {}", there, path);
    if (language == Language::python && !(platform().empty() || platform() == "glibc" || platform() == "musl")) return fmt::format("otel-python-platform '{}' is not known", platform());
    if (language != Language::dotnet) return "";
    if (!(runtime().empty() || runtime() == "linux-x64" || runtime() == "linux-musl-x64")) return fmt::format("otel-dotnet-auto-runtime '{}' is not known", runtime());
    if (find_env(container, "OTEL_DOTNET_AUTO_HOME") != nullptr || find_named(settings.get("env"), "OTEL_DOTNET_AUTO_HOME") != nullptr) return "OTEL_DOTNET_AUTO_HOME is set already";
    return "";
  }
  std::string annotation(std::string_view key) const { return annotation_of(out_.pod, name_space_object_, fmt::format("{}{}", annotation_prefix, key)); }
  std::string platform() const { return annotation("otel-python-platform"); }
  std::string runtime() const { return annotation("otel-dotnet-auto-runtime"); }

  // Java's path has the container's name, so that containers do not share it.
  static std::string own_path(Language language, const Value& container) {
    return language == Language::java ? fmt::format("{}-{}", mount_path(language), text_at(container, "name")) : mount_path(language);
  }
  void mount(Language language, Value& container) { add_mount(container, volume_name(language), own_path(language, container)); }

  static void python_path(Value& container) {
    std::string root = mount_path(Language::python), old = env_text(container, "PYTHONPATH");
    add_env(container, "PYTHONPATH", fmt::format("{}/opentelemetry/instrumentation/auto_instrumentation:{}{}{}", root, old, old.empty() ? "" : ":", root));
  }

  void language_env(Language language, const Value& settings, Value& container) {
    if (language == Language::java) {
      std::string path = own_path(language, container), options = env_text(container, "JAVA_TOOL_OPTIONS") + fmt::format(" -javaagent:{}/javaagent.jar", path);
      const Value* extensions = settings.get("extensions");
      if (extensions != nullptr && extensions->size() > 0) options += fmt::format(" -Dotel.javaagent.extensions={}/extensions", path);
      add_env(container, "JAVA_TOOL_OPTIONS", options);
    } else if (language == Language::nodejs) {
      add_env(container, "NODE_OPTIONS", env_text(container, "NODE_OPTIONS") + fmt::format(" --require {}/autoinstrumentation.js", mount_path(language)));
      add_env_if_missing(container, "OTEL_METRICS_EXPORTER", "otlp");
    } else if (language == Language::python) {
      add_env_if_missing(container, "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
      for (auto name : {"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"}) add_env_if_missing(container, name, "otlp");
    } else {
      dotnet_env(container);
    }
  }

  void dotnet_env(Value& container) {
    std::string root = mount_path(Language::dotnet);
    std::string_view libc = runtime() == "linux-musl-x64" ? "linux-musl" : "linux";
    add_env_if_missing(container, "CORECLR_ENABLE_PROFILING", "1");
    add_env_if_missing(container, "CORECLR_PROFILER", "{918728DD-259F-4A6A-AC2B-B85E1B658318}");
    add_env_if_missing(container, "CORECLR_PROFILER_PATH", fmt::format("{}/{}/OpenTelemetry.AutoInstrumentation.Native.so", root, libc));
    auto append = [&](std::string_view name, const std::string& value) {
      std::string old = env_text(container, name);
      add_env(container, name, find_env(container, name) == nullptr ? value : old + ":" + value);
    };
    append("DOTNET_STARTUP_HOOKS", root + "/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll");
    append("DOTNET_ADDITIONAL_DEPS", root + "/AdditionalDeps");
    add_env_if_missing(container, "OTEL_DOTNET_AUTO_HOME", root);
    append("DOTNET_SHARED_STORE", root + "/store");
  }

  void copy_agent(const Choice& choice, const LanguageInfo& language, const Value& settings, const std::string& first) {
    std::string root = mount_path(choice.language), name = volume_name(choice.language);
    add_volume(out_.pod, volume(name, settings));
    Value command = list_of({"cp", "-r", choice.language == Language::python && platform() == "musl" ? "/autoinstrumentation-musl/." : "/autoinstrumentation/.", root});
    if (choice.language == Language::java) command = list_of({"cp", "/javaagent.jar", root + "/javaagent.jar"});
    std::string image = text_at(settings, "image");
    if (image.empty()) image = language.image;
    insert_init_container(out_.pod, copier(name, image, std::move(command), choice, language, settings, first), first);
    const Value* extensions = choice.language == Language::java ? settings.get("extensions") : nullptr;
    for (std::size_t i = 0; extensions != nullptr && i < extensions->size(); ++i) {
      const Value& extension = extensions->items()[i];
      Value copy = list_of({"cp", "-r", text_at(extension, "dir") + "/.", root + "/extensions"});
      insert_init_container(out_.pod, copier(fmt::format("{}-extension-{}", base_name, i), text_at(extension, "image"), std::move(copy), choice, language, settings, first), first);
    }
  }

  static Value volume(const std::string& name, const Value& settings) {
    Value out = map_of({{"name", name}});
    const Value* claim = settings.get("volumeClaimTemplate");
    Value inner = Value::map();
    if (claim != nullptr && claim->size() > 0) {
      inner.set("volumeClaimTemplate", *claim);
      out.set("ephemeral", std::move(inner));
      return out;
    }
    const Value* limit = settings.get("volumeLimitSize");
    inner.set("sizeLimit", limit != nullptr ? *limit : Value::string("200Mi"));
    out.set("emptyDir", std::move(inner));
    return out;
  }

  Value copier(const std::string& name, const std::string& image, Value command, const Choice& choice, const LanguageInfo& language, const Value& settings,
               const std::string& first) {
    const Value& spec = choice.instrumentation->spec;
    Value out = map_of({{"name", name}, {"image", image}});
    out.set("command", std::move(command));
    if (const Value* resources = settings.get(language.resources)) out.set("resources", *resources);
    const Value* context = spec.get("initContainerSecurityContext");
    if (context == nullptr) context = find_container(out_.pod, first)->get("securityContext");
    if (context != nullptr) out.set("securityContext", *context);
    if (std::string policy = text_at(spec, "imagePullPolicy"); !policy.empty()) out.set("imagePullPolicy", Value::string(policy));
    add_mount(out, volume_name(choice.language), mount_path(choice.language));
    return out;
  }

  void addresses_and_env(const Value& spec, Value& container) {
    add_env_field(container, "OTEL_POD_IP", "status.podIP", true);
    add_env_field(container, "OTEL_NODE_IP", "status.hostIP", true);
    add_missing_env(container, spec.get("env"));
  }

  void common(const Choice& choice, Value& container, const Value& app) {
    addresses_and_env(choice.instrumentation->spec, container);
    common_config(choice, container, app);
  }

  void common_config(const Choice& choice, Value& container, const Value& app) {
    const Value& spec = choice.instrumentation->spec;
    Subject subject{out_.pod, name_space_, *choice.instrumentation, cluster_};
    Attributes attributes = attributes_of(subject, app);
    std::string version = service_version_of(subject, app, images_), name = service_name_of(subject, attributes, app);
    // A name that a pod does not have yet comes at its start.
    add_env_if_missing(container, "OTEL_SERVICE_NAME", name);
    exporter(spec, container);
    add_env_field(container, "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "metadata.name");
    attributes["k8s.pod.name"] = "$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)";
    if (text_at(spec, "resource::addK8sUIDAttributes") == "true" && !attributes.contains("k8s.pod.uid")) {
      add_env_field(container, "OTEL_RESOURCE_ATTRIBUTES_POD_UID", "metadata.uid");
      attributes["k8s.pod.uid"] = "$(OTEL_RESOURCE_ATTRIBUTES_POD_UID)";
    }
    if (env_text(container, "OTEL_RESOURCE_ATTRIBUTES").find("service.version") == std::string::npos && !version.empty()) attributes["service.version"] = version;
    if (!attributes.contains("k8s.node.name")) {
      add_env_field(container, "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "spec.nodeName");
      attributes["k8s.node.name"] = "$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)";
    }
    if (comes_from_elsewhere(container, "OTEL_RESOURCE_ATTRIBUTES"))
      problem(choice.language, fmt::format("adds no resource attributes to container {}: the value of OTEL_RESOURCE_ATTRIBUTES comes from elsewhere", text_at(container, "name")));
    std::string given = env_text(container, "OTEL_RESOURCE_ATTRIBUTES");
    bool found = find_env(container, "OTEL_RESOURCE_ATTRIBUTES") != nullptr;
    add_env(container, "OTEL_RESOURCE_ATTRIBUTES", given + (found && !given.ends_with(',') ? "," : "") + to_text(attributes));
    propagators_and_sampler(spec, container);
    move_env_last(container, "OTEL_RESOURCE_ATTRIBUTES");
  }

  static void propagators_and_sampler(const Value& spec, Value& container) {
    if (const Value* list = spec.get("propagators"); list != nullptr && list->size() > 0) {
      std::string all;
      for (auto& one : list->items()) all += (all.empty() ? "" : ",") + one.text();
      add_env_if_missing(container, "OTEL_PROPAGATORS", all);
    }
    std::string type = text_at(spec, "sampler::type"), argument = text_at(spec, "sampler::argument");
    bool set = find_env(container, "OTEL_TRACES_SAMPLER") != nullptr || find_env(container, "OTEL_TRACES_SAMPLER_ARG") != nullptr;
    if (type.empty() || set) return;
    add_env(container, "OTEL_TRACES_SAMPLER", type);
    if (!argument.empty()) add_env(container, "OTEL_TRACES_SAMPLER_ARG", argument);
  }

  void exporter(const Value& spec, Value& container) {
    if (std::string endpoint = text_at(spec, "exporter::endpoint"); !endpoint.empty()) add_env_if_missing(container, "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    const Value* tls = spec.find("exporter::tls");
    if (tls == nullptr) return;
    std::string secret = text_at(*tls, "secretName"), map = text_at(*tls, "configMapName");
    std::string in_secret = "/otel-auto-instrumentation-secret-" + secret, in_map = "/otel-auto-instrumentation-configmap-" + map;
    auto file = [&](std::string_view key, std::string_view variable, const std::string& folder) {
      std::string path = text_at(*tls, key);
      if (!path.empty()) add_env_if_missing(container, variable, path.starts_with('/') ? path : folder + "/" + path);
    };
    file("ca_file", "OTEL_EXPORTER_OTLP_CERTIFICATE", map.empty() ? in_secret : in_map);
    file("cert_file", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", in_secret);
    file("key_file", "OTEL_EXPORTER_OTLP_CLIENT_KEY", in_secret);
    auto provide = [&](const std::string& name, std::string_view kind, std::string_view key, const std::string& folder) {
      if (name.empty()) return;
      std::string short_name = fmt::format("otel-auto-{}-{}", to_lower(kind), name).substr(0, 63);
      while (short_name.ends_with('-') || short_name.ends_with('.')) short_name.pop_back();
      Value made = map_of({{"name", short_name}});
      made.set(kind, map_of({{key, name}}));
      add_volume(out_.pod, std::move(made));
      add_mount(container, short_name, folder, true);
    };
    provide(secret, "secret", "secretName", in_secret);
    provide(map, "configMap", "name", in_map);
  }

  void web_server(const Choice& choice, const LanguageInfo& language, const std::string& name) {
    const Value& spec = choice.instrumentation->spec;
    const Value* section = spec.get(language.section);
    const Value none = Value::map();
    Subject subject{out_.pod, name_space_, *choice.instrumentation, cluster_};
    const Value& before = *find_container(out_.pod, name);
    std::string service = service_name_of(subject, attributes_of(subject, before), before);
    std::string why = attach_web_server(out_.pod, name, {choice.language, spec, section == nullptr ? none : *section, service, name_space_});
    if (!why.empty()) return problem(choice.language, fmt::format("was not injected into container {}: {}", name, why));
    Value& container = *find_container(out_.pod, name);
    common(choice, container, container);
    mark(choice.language);
  }

  // A container of its own beside the one that is looked at.
  void go(const Choice& choice, const std::string& name) {
    const Value before = out_.pod;
    const Value& spec = choice.instrumentation->spec;
    const Value* section = spec.get("go");
    const Value none = Value::map();
    const Value& settings = section == nullptr ? none : *section;
    if (is_init_container(out_.pod, name)) return problem(Language::go, "cannot be injected into an init container");
    if (text_at(out_.pod, "spec::shareProcessNamespace") == "false") return problem(Language::go, "needs shareProcessNamespace, which the pod turned off");
    std::string_view key = options_.several_languages ? info_of(Language::go).containers_key : "container-names";
    if (entry_of(out_.pod, "metadata::annotations", fmt::format("{}{}", annotation_prefix, key)).find(',') != std::string::npos) return problem(Language::go, "can only be injected for one container");
    if (find_container(out_.pod, name) == nullptr) return;
    std::string image = text_at(settings, "image");
    Value sidecar = map_of({{"name", base_name}, {"image", image.empty() ? info_of(Language::go).image : std::string_view(image)}});
    if (const Value* resources = settings.get("resourceRequirements")) sidecar.set("resources", *resources);
    Value root = Value::map();
    root.set("runAsUser", Value::of(std::int64_t{0}));
    root.set("privileged", Value::of(true));
    const Value* context = settings.get("securityContext");
    sidecar.set("securityContext", context == nullptr ? root : *context);
    if (std::string policy = text_at(spec, "imagePullPolicy"); !policy.empty()) sidecar.set("imagePullPolicy", Value::string(policy));
    add_mount(sidecar, "kernel-debug", "/sys/kernel/debug");
    if (std::string target = annotation("otel-go-auto-target-exe"); !target.empty()) add_env(sidecar, "OTEL_GO_AUTO_TARGET_EXE", target);
    add_missing_env(sidecar, settings.get("env"));
    Value host = map_of({{"name", "kernel-debug"}});
    host.set("hostPath", map_of({{"path", "/sys/kernel/debug"}}));
    add_volume(out_.pod, std::move(host));
    out_.pod.get("spec")->set("shareProcessNamespace", Value::of(true));
    const Value app = *find_container(out_.pod, name);
    common(choice, sidecar, app);
    if (find_env(sidecar, "OTEL_GO_AUTO_TARGET_EXE") == nullptr) {
      out_.pod = before;
      return problem(Language::go, "does not know the program: OTEL_GO_AUTO_TARGET_EXE is not set");
    }
    list_in(*out_.pod.get("spec"), "containers").push_back(std::move(sidecar));
    mark(Language::go);
  }

  const Cluster& cluster_;
  const Options& options_;
  const Value& name_space_object_;
  std::string name_space_;
  kube::ImageReader images_;
  Outcome out_;
};

}  // namespace

Outcome inject(const Value& pod, const Value& name_space, const Cluster& cluster, const Options& options) {
  return Injection(pod, name_space, cluster, options).run();
}

}  // namespace weir::inject

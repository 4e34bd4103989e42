#include "inject/selection.h"

#include <algorithm>

#include "base/text.h"

namespace weir::inject {

std::string annotation_of(const Value& pod, const Value& name_space, const std::string& key) {
  std::string of_pod = entry_of(pod, "metadata::annotations", key), of_namespace = entry_of(name_space, "metadata::annotations", key);
  if (of_namespace.empty()) return of_pod;
  if (of_pod.empty()) return of_namespace;
  if (!equal_ignore_case(of_pod, "true")) return of_pod;
  return equal_ignore_case(of_namespace, "false") ? of_pod : of_namespace;
}

namespace {

std::string_view title_of(Language language) {
  constexpr std::array<std::string_view, language_count> titles = {"Java", "NodeJS", "Python", ".NET", "Go", "Apache HTTPD", "Nginx", "SDK"};
  return titles[static_cast<std::size_t>(language)];
}

class Selecting {
 public:
  Selecting(const Value& pod, const Value& name_space, const std::string& name, const Cluster& cluster, const Options& options)
      : pod_(pod), name_space_(name_space), name_(name), cluster_(cluster), options_(options) {}

  Selection run() {
    for (auto& language : languages())
      if (!choose(language)) return refuse();
    if (out_.choices.empty()) return std::move(out_);
    if (!common_containers() || !certificates() || (options_.several_languages && !(own_containers() && check_containers()))) return refuse();
    return std::move(out_);
  }

 private:
  // Nothing at all is injected when one wish cannot be read.
  Selection refuse() {
    out_.choices.clear();
    return std::move(out_);
  }
  bool problem(std::string text) {
    out_.problems.push_back(std::move(text));
    return false;
  }
  std::string annotation(std::string_view key) const { return annotation_of(pod_, name_space_, fmt::format("{}{}", annotation_prefix, key)); }

  bool choose(const LanguageInfo& language) {
    std::string wish = annotation(fmt::format("inject-{}", language.word));
    if (wish.empty() || equal_ignore_case(wish, "false")) return true;
    const Instrumentation* found = equal_ignore_case(wish, "true") ? the_only_one() : named(wish);
    if (found == nullptr) return false;
    if (options_.enabled[static_cast<std::size_t>(language.language)]) out_.choices.push_back({language.language, found, {}});
    else problem(fmt::format("support for {} auto instrumentation is not enabled", title_of(language.language)));
    return true;
  }

  const Instrumentation* the_only_one() {
    auto all = cluster_.instrumentations(name_);
    if (all.size() == 1) return all.front();
    problem(all.empty() ? "no OpenTelemetry Instrumentation instances available" : "multiple OpenTelemetry Instrumentation instances available, cannot determine which one to select");
    return nullptr;
  }

  const Instrumentation* named(const std::string& wish) {
    std::size_t slash = wish.find('/');
    std::string where = slash == wish.npos ? name_ : wish.substr(0, slash), name = slash == wish.npos ? wish : wish.substr(slash + 1);
    for (auto* one : cluster_.instrumentations(where))
      if (one->name == name) return one;
    problem(fmt::format("the Instrumentation {}/{} does not exist", where, name));
    return nullptr;
  }

  bool read_names(std::string_view key, std::vector<std::string>& out) {
    std::string list = annotation(key);
    bool valid = std::all_of(list.begin(), list.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == ','; });
    if (!valid) return problem(fmt::format("not valid characters included in the instrumentation container annotation {}", list));
    if (list.empty()) return true;
    for (auto name : split(list, ',')) out.emplace_back(name);
    return true;
  }

  bool common_containers() {
    std::vector<std::string> names;
    if (!read_names("container-names", names)) return false;
    for (auto& choice : out_.choices) choice.containers = names;
    return true;
  }

  // A pod with a volume of something that is not there does not start.
  bool certificates() {
    bool good = true;
    if (!cluster_.exists) return good;
    for (auto& choice : out_.choices)
      for (auto [kind, key, what] : {std::tuple("secret", "exporter::tls::secretName", "certificates"), std::tuple("configmap", "exporter::tls::configMapName", "CA certificate")}) {
        std::string name = text_at(choice.instrumentation->spec, key);
        if (!name.empty() && !cluster_.exists(kind, name_, name)) good = problem(fmt::format("{} {}/{} with {} does not exist", kind, name_, name, what));
      }
    return good;
  }

  bool own_containers() {
    for (auto& choice : out_.choices)
      if (!read_names(info_of(choice.language).containers_key, choice.containers)) return false;
    return true;
  }

  bool check_containers() {
    for (auto& choice : out_.choices) {
      auto names = choice.containers;
      std::sort(names.begin(), names.end());
      auto twice = std::adjacent_find(names.begin(), names.end(), [](auto& a, auto& b) { return a == b && !a.empty(); });
      if (twice != names.end()) return problem(fmt::format("duplicated container names detected: [{}]", *twice));
      if (out_.choices.size() > 1 && names.empty())
        return problem("incorrect instrumentation configuration - please provide container names for all instrumentations");
    }
    return true;
  }

  const Value& pod_;
  const Value& name_space_;
  const std::string& name_;
  const Cluster& cluster_;
  const Options& options_;
  Selection out_;
};

}  // namespace

Selection select(const Value& pod, const Value& name_space, const std::string& name_space_name, const Cluster& cluster, const Options& options) {
  return Selecting(pod, name_space, name_space_name, cluster, options).run();
}

}  // namespace weir::inject

#include "components/shared/kubernetes_sd/watcher.h"

#include <algorithm>

#include "base/text.h"

namespace weir::kubernetes_sd {

using kube::Kind;

Result<std::unique_ptr<Watcher>> Watcher::make(const Config& config, engine::Host& host, io::Executor& executor, std::uint64_t seed) {
  if (!config.api_server.empty()) {
    WEIR_ASSIGN(auto connection, config.connection());
    WEIR_ASSIGN(auto cluster, kubernetes::join(connection, host, executor, 0, seed));
    auto own_namespace = kube::read_small_file(host.fs(), std::string(kube::account_folder) + "/namespace");
    return std::make_unique<Watcher>(config, std::move(cluster), own_namespace ? std::string(trim(*own_namespace)) : "", executor);
  }
  if (config.kubeconfig_file.empty()) {
    WEIR_ASSIGN(auto access, kubernetes::access_of_pod(host.fs()));
    WEIR_ASSIGN(auto cluster, kubernetes::join(access, host, executor, 0, seed));
    return std::make_unique<Watcher>(config, std::move(cluster), kubernetes::own_namespace(access, host.fs()), executor);
  }
  WEIR_ASSIGN(std::string text, kube::read_small_file(host.fs(), config.kubeconfig_file));
  WEIR_ASSIGN(auto connection, kube::parse_kubeconfig(text, "", config.kubeconfig_file.substr(0, config.kubeconfig_file.rfind('/'))));
  WEIR_ASSIGN(auto cluster, kubernetes::join(connection, host, executor, 0, seed));
  return std::make_unique<Watcher>(config, std::move(cluster), connection.name_space, executor);
}

Watcher::Watcher(const Config& config, kubernetes::Membership cluster, std::string own_namespace, io::Executor& executor)
    : config_(config), cluster_(std::move(cluster)), own_namespace_(std::move(own_namespace)), executor_(executor) {}

Watcher::~Watcher() { executor_.cancel(timer_); }

void Watcher::start(Told told) {
  told_ = std::move(told);
  Role role = config_.role;
  bool with_pods = role == Role::endpoints || role == Role::endpoint_slice;
  if (role == Role::node || config_.attach_metadata.node) watch_one(Kind::node, Role::node, "", known_.nodes);
  if (config_.attach_metadata.name_space && role != Role::node) watch_one(Kind::name_space, role, "", known_.namespaces);
  if (role == Role::pod || with_pods) watch(Kind::pod, Role::pod, known_.pods);
  if (role == Role::service || with_pods) watch(Kind::service, Role::service, known_.services);
  if (role == Role::endpoints) watch(Kind::endpoints, role, known_.endpoints);
  if (role == Role::endpoint_slice) watch(Kind::endpoint_slice, role, known_.slices);
  if (role == Role::ingress) watch(Kind::ingress, role, known_.ingresses);
}

void Watcher::watch(Kind kind, Role role, Objects& into) {
  std::vector<std::string> names = config_.namespaces.names;
  if (config_.namespaces.own_namespace) names.push_back(own_namespace_);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) names.emplace_back();
  for (auto& name : names) watch_one(kind, role, name, into);
}

void Watcher::watch_one(Kind kind, Role role, const std::string& name_space, Objects& into) {
  kube::Query query{.resource = kube::resource_of(kind), .name_space = name_space};
  for (auto& selector : config_.selectors)
    if (selector.role == role && kind != Kind::name_space) query.label_selector = selector.label, query.field_selector = selector.field_;
  // Rules of relabeling may look at any of them.
  query.keep.labels.add_all();
  query.keep.annotations.add_all();
  query.keep.containers = query.keep.ports = kind == Kind::pod;
  query.keep.status = kind == Kind::node;
  bool* listed = listed_.emplace_back(std::make_unique<bool>(false)).get();
  subscriptions_.push_back(cluster_.cluster->subscribe(std::move(query), executor_, [this, listed, name_space, &into](const kube::News& news) {
    if (news.first) std::erase_if(into, [&](auto& entry) { return name_space.empty() || entry.second->name_space == name_space; });
    for (auto& change : news.changes) {
      std::string key = fmt::format("{}/{}", change.object->name_space, change.object->name);
      if (change.removed) into.erase(key);
      else into[key] = change.object;
    }
    *listed = *listed || news.synced;
    changed();
  }));
}

void Watcher::changed() {
  bool all = std::all_of(listed_.begin(), listed_.end(), [](auto& listed) { return *listed; });
  if (!all || timer_ != 0) return;
  timer_ = executor_.at(std::max(next_, executor_.now()), [this] {
    timer_ = 0;
    tell();
  });
}

void Watcher::tell() {
  next_ = executor_.now() + interval;
  told_(make_groups(config_, known_));
}

}  // namespace weir::kubernetes_sd

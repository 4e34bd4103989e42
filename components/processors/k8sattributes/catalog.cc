#define XXH_INLINE_ALL
#include "components/processors/k8sattributes/catalog.h"

#include <arpa/inet.h>
#include <xxhash.h>

#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "base/text.h"

namespace weir::processors::k8sattributes {
namespace {

using kube::Kind;

const AssociationSource by_connection{Source::connection, {}};
constexpr std::array own_names = {"k8s.pod.ip", "host.name", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "container.id"};

// Its value is an attribute of the pod.
bool is_attribute(const AssociationSource& source) {
  return source.from == Source::resource_attribute && std::find(own_names.begin(), own_names.end(), source.name) == own_names.end();
}

bool is_address(const std::string& text) {
  unsigned char buffer[16];
  return ::inet_pton(AF_INET, text.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

// Of a connection to a socket of both families.
std::string_view plain_address(std::string_view peer) {
  bool mapped = peer.starts_with("::ffff:") && peer.find('.') != peer.npos;
  return mapped ? peer.substr(7) : peer;
}

std::string text_of(const otlp::Attributes& attributes, std::string_view key) {
  const otlp::Value* value = attributes.find(key);
  return value != nullptr && value->is(otlp::ValueType::string) ? std::string(value->text) : std::string();
}

std::string_view owner_uid(const kube::Object& pod, std::string_view kind) {
  for (auto& owner : pod.owners)
    if (owner.kind == kind) return owner.uid;
  return {};
}

std::string selector(const std::vector<LabelFilter>& filters) {
  std::string out;
  for (auto& f : filters) {
    out += out.empty() ? "" : ",";
    if (f.op == Operator::does_not_exist) out += '!';
    out += f.key;
    if (f.op == Operator::equals) out += "=" + f.value;
    if (f.op == Operator::not_equals) out += "!=" + f.value;
  }
  return out;
}

}  // namespace

WatchMetrics::WatchMetrics(telemetry::Registry& registry, bool counts) : registry_(registry), counts_(counts) {
  if (counts_) table_ = telemetry::OwnedGauge(registry_, "otelcol_otelsvc_k8s_pod_table_size", "Names under which pods are known.", {});
}

void WatchMetrics::count(std::string_view kind, const kube::Change& change, bool known) {
  if (!counts_) return;
  std::string_view what = change.removed ? "deleted" : known ? "updated" : "added";
  auto& counter = counters_[fmt::format("otelcol_otelsvc_k8s_{}_{}", kind, what)];
  if (counter == nullptr) counter = &registry_.counter(fmt::format("otelcol_otelsvc_k8s_{}_{}", kind, what), "Objects that a watch told of.", {});
  counter->add();
}

void WatchMetrics::pods(std::size_t identities) {
  if (counts_) table_.set(static_cast<double>(identities));
}

Result<std::shared_ptr<Catalog>> Catalog::make(const Config& config, Parts parts) {
  WEIR_ASSIGN(Rules rules, Rules::make(config.extract, Names::by_gates()));
  if (std::string what = rules.in_vain(); !what.empty() && parts.first_core && !config.passthrough) log::warn("k8sattributes: not found for pods", {{"what", what}});
  std::shared_ptr<Catalog> out(new Catalog(config, std::move(rules), std::move(parts)));  // shared by the stages of this core
  const Exclude standard;
  for (auto& pod : config.exclude.pods.empty() ? standard.pods : config.exclude.pods) {
    WEIR_ASSIGN(Regex pattern, Regex::compile(pod.name));
    out->excluded_.push_back(std::move(pattern));
  }
  WEIR_TRY(out->subscribe());
  return out;
}

Catalog::Catalog(const Config& config, Rules rules, Parts parts)
    : config_(config), rules_(std::move(rules)), parts_(std::move(parts)), metrics_(parts_.metrics, parts_.first_core) {
  for (auto& association : config_.pod_association)
    named_by_attributes_ = named_by_attributes_ || std::any_of(association.sources.begin(), association.sources.end(), is_attribute);
}

Catalog::~Catalog() { parts_.executor.cancel(timer_); }

Result<> Catalog::subscribe() {
  if (rules_.takes_from(From::name_space) || rules_.wants(Metadata::cluster_uid)) WEIR_TRY(watch(From::name_space, Kind::name_space, true));
  if (rules_.takes_from(From::node) || rules_.wants(Metadata::node_uid)) WEIR_TRY(watch(From::node, Kind::node, true));
  if (rules_.takes_from(From::deployment)) WEIR_TRY(watch(From::deployment, Kind::deployment, false));
  if (rules_.takes_from(From::stateful_set)) WEIR_TRY(watch(From::stateful_set, Kind::stateful_set, false));
  if (rules_.takes_from(From::daemon_set)) WEIR_TRY(watch(From::daemon_set, Kind::daemon_set, false));
  if (rules_.needs_jobs()) WEIR_TRY(watch(From::job, Kind::job, false));
  if (rules_.needs_replica_sets())
    watch({.resource = kube::resource_of(Kind::replica_set), .name_space = config_.filter.name_space}, [this](const kube::News& news) {
      if (news.first) replica_sets_.clear();
      for (auto& change : news.changes) {
        std::string uid(change.object->uid);
        metrics_.count("replicaset", change, replica_sets_.contains(uid));
        if (change.removed) replica_sets_.erase(uid);
        else replica_sets_[uid] = change.object;
      }
      rename(news);
    });
  kube::Query pods{.resource = kube::resource_of(Kind::pod), .name_space = config_.filter.name_space, .label_selector = selector(config_.filter.labels)};
  pods.field_selector = selector(config_.filter.fields_);
  if (std::string node = config_.filter.node_name(); !node.empty()) pods.field_selector += (pods.field_selector.empty() ? "spec.nodeName=" : ",spec.nodeName=") + node;
  WEIR_ASSIGN(pods.keep, rules_.keep(From::pod));
  watch(std::move(pods), [this](const kube::News& news) { on_pods(news); });
  return {};
}

Result<> Catalog::watch(From from, Kind kind, bool by_name) {
  kube::Query query{.resource = kube::resource_of(kind), .name_space = by_name ? "" : config_.filter.name_space};
  if (from == From::name_space && !rules_.takes_from(from)) query.field_selector = "metadata.name=kube-system";
  if (from == From::node)
    if (std::string node = config_.filter.node_name(); !node.empty()) query.field_selector = "metadata.name=" + node;
  WEIR_ASSIGN(query.keep, rules_.keep(from));
  constexpr std::array<std::string_view, from_count> words = {"pod", "namespace", "node", "deployment", "statefulset", "daemonset", "job"};
  watch(std::move(query), [this, from, by_name, word = words[static_cast<std::size_t>(from)]](const kube::News& news) {
    Objects& objects = objects_[static_cast<std::size_t>(from)];
    if (news.first) objects.clear();
    for (auto& change : news.changes) {
      std::string key(by_name ? change.object->name : change.object->uid);
      metrics_.count(word, change, objects.contains(key));
      if (change.removed) objects.erase(key);
      else objects[key] = change.object;
    }
    if (from == From::job) rename(news);
  });
  return {};
}

// Attributes of a pod that come from its owners may name it.
void Catalog::rename(const kube::News& news) {
  if (!named_by_attributes_) return;
  std::unordered_set<std::string_view> owners;
  for (auto& change : news.changes) owners.insert(change.object->uid);
  std::vector<kube::ObjectPtr> owned;
  for (auto& [uid, pod] : pods_) {
    bool is = std::any_of(pod.object->owners.begin(), pod.object->owners.end(), [&](auto& owner) { return owners.contains(owner.uid); });
    if (is && pod.gone == TimePoint::max()) owned.push_back(pod.object);
  }
  for (auto& object : owned) put(object);
}

void Catalog::watch(kube::Query query, kube::Told told) {
  bool* listed = listed_.emplace_back(std::make_unique<bool>(false)).get();
  subscriptions_.push_back(parts_.cluster.cluster->subscribe(std::move(query), parts_.executor, [this, listed, told = std::move(told)](const kube::News& news) {
    ++generation_;
    told(news);
    *listed = *listed || news.synced;
  }));
}

bool Catalog::synced() const {
  return std::all_of(listed_.begin(), listed_.end(), [](auto& listed) { return *listed; });
}

void Catalog::on_pods(const kube::News& news) {
  if (news.first) {
    std::vector<kube::ObjectPtr> before;
    for (auto& [uid, pod] : pods_)
      if (pod.gone == TimePoint::max()) before.push_back(pod.object);
    for (auto& object : before) remove(object);
  }
  for (auto& change : news.changes) {
    metrics_.count("pod", change, pods_.contains(hash({}, std::array{std::string(change.object->uid)})));
    if (change.removed) remove(change.object);
    else put(change.object);
  }
  metrics_.pods(by_name_.size());
}

void Catalog::put(const kube::ObjectPtr& object) {
  Pod& pod = pods_[hash({}, std::array{std::string(object->uid)})];
  auto names = names_of(*object);
  pod.object = object;
  pod.gone = TimePoint::max();
  pod.ignored = ignores(*object);
  auto is_in = [](const std::vector<Identity>& list, const Identity& name) { return std::find(list.begin(), list.end(), name) != list.end(); };
  for (auto& name : std::exchange(pod.names, names))
    if (!is_in(names, name)) lose(pod, name);
  std::erase_if(pod.old_names, [&](auto& name) { return is_in(names, name); });
  for (auto& name : names) {
    Pod*& holder = by_name_[name];
    if (holder == nullptr || holder == &pod || wins(pod, *holder)) holder = &pod;
  }
}

// A name that a pod does not have any more still leads to it for a while.
void Catalog::lose(Pod& pod, const Identity& name) {
  pod.old_names.push_back(name);
  leaving_.push_back({parts_.executor.now() + config_.pod_delete_grace_period, hash({}, std::array{std::string(pod.object->uid)}), name});
  forget_later();
}

// Two pods have one name when an address is used again. The one that runs has it; of two the one that started last.
bool Catalog::wins(const Pod& pod, const Pod& other) const {
  auto lives = [](const Pod& p) { return p.gone == TimePoint::max() && p.object->phase != "Succeeded" && p.object->phase != "Failed"; };
  if (lives(pod) != lives(other)) return lives(pod);
  std::string_view mine = pod.object->started, theirs = other.object->started;
  return mine.empty() || theirs.empty() || mine >= theirs;
}

void Catalog::remove(const kube::ObjectPtr& object) {
  Identity uid = hash({}, std::array{std::string(object->uid)});
  auto at = pods_.find(uid);
  if (at == pods_.end() || at->second.gone != TimePoint::max()) return;
  at->second.gone = parts_.executor.now() + config_.pod_delete_grace_period;
  leaving_.push_back({at->second.gone, uid, std::nullopt});
  forget_later();
}

void Catalog::forget_later() {
  if (timer_ == 0 && !leaving_.empty()) timer_ = parts_.executor.at(leaving_.front().when, [this] { forget(); });
}

void Catalog::forget() {
  timer_ = 0;
  for (; !leaving_.empty() && leaving_.front().when <= parts_.executor.now(); leaving_.pop_front()) {
    auto at = pods_.find(leaving_.front().pod);
    if (at == pods_.end()) continue;
    Pod& pod = at->second;
    auto release = [&](const Identity& name) {
      auto holder = by_name_.find(name);
      if (holder != by_name_.end() && holder->second == &pod) by_name_.erase(holder);
    };
    ++generation_;
    if (auto& name = leaving_.front().name) {
      if (std::erase(pod.old_names, *name) > 0) release(*name);
      continue;
    }
    if (pod.gone > parts_.executor.now()) continue;  // it was there again
    for (auto* names : {&pod.names, &pod.old_names})
      for (auto& name : *names) release(name);
    pods_.erase(at);
  }
  metrics_.pods(by_name_.size());
  forget_later();
}

bool Catalog::ignores(const kube::Object& pod) const {
  std::string_view wish = kube::find(pod.annotations, "opentelemetry.io/k8s-processor/ignore");
  if (equal_ignore_case(trim(wish), "true")) return true;
  return std::any_of(excluded_.begin(), excluded_.end(), [&](auto& pattern) { return pattern.matches(pod.name); });
}

Identity Catalog::hash(std::span<const AssociationSource> sources, std::span<const std::string> values) const {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i < sources.size()) fmt::format_to(std::back_inserter(text), "{}{}{}", static_cast<int>(sources[i].from), sources[i].name, '\0');
    fmt::format_to(std::back_inserter(text), "{}:{}", values[i].size(), values[i]);
  }
  XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), parts_.seed);
  return {hash.low64, hash.high64};
}

std::vector<Identity> Catalog::names_of(const kube::Object& pod) const {
  std::vector<Identity> out;
  for (auto& association : config_.pod_association) add_names(pod, association, out);
  const AssociationSource uid{Source::resource_attribute, "k8s.pod.uid"}, ip{Source::resource_attribute, "k8s.pod.ip"};
  add_names(pod, {.sources = {uid}}, out);
  add_names(pod, {.sources = {by_connection}}, out);
  if (!pod.host_network) add_names(pod, {.sources = {ip}}, out);
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return std::tie(a.low, a.high) < std::tie(b.low, b.high); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Each combination of the values that its sources have: a pod has several addresses and containers.
void Catalog::add_names(const kube::Object& pod, const Association& association, std::vector<Identity>& out) const {
  constexpr std::size_t most = 64;
  std::vector<std::vector<std::string>> rows{{}};
  for (auto& source : association.sources) {
    std::vector<std::vector<std::string>> longer;
    for (auto& value : values_of(pod, source))
      for (auto& row : rows) {
        if (longer.size() >= most) break;
        longer.push_back(row);
        longer.back().push_back(value);
      }
    rows = std::move(longer);
  }
  if (association.sources.empty()) return;
  for (auto& row : rows) out.push_back(hash(association.sources, row));
}

std::vector<std::string> Catalog::values_of(const kube::Object& pod, const AssociationSource& source) const {
  std::vector<std::string> out;
  auto add = [&](std::string_view value) {
    if (!value.empty() && std::find(out.begin(), out.end(), value) == out.end()) out.emplace_back(value);
  };
  bool address = source.from == Source::connection || source.name == "k8s.pod.ip" || source.name == "host.name";
  // Pods in the network of their node share its address.
  if (source.from == Source::connection && pod.host_network) return out;
  if (address) {
    add(pod.ip);
    for (auto ip : pod.ips) add(ip);
  } else if (source.name == "k8s.namespace.name") {
    add(pod.name_space);
  } else if (source.name == "k8s.pod.name") {
    add(pod.name);
  } else if (source.name == "k8s.pod.uid") {
    add(pod.uid);
  } else if (source.name == "container.id") {
    // Other processors may want containers that these rules do not.
    if (!rules_.needs_containers() || ignores(pod)) return out;
    for (auto& container : pod.containers) add(container.id), add(container.last_id);
  } else if (ignores(pod)) {
    // It has no attributes, and takes no name from a pod that has them.
  } else if (auto found = rules_.of_pod(pod, relatives_of(pod)); const std::string* value = found.find(source.name)) {
    add(*value);
  }
  return out;
}

kube::ObjectPtr Catalog::find(const Objects& in, std::string_view key) {
  auto at = key.empty() ? in.end() : in.find(std::string(key));
  return at == in.end() ? nullptr : at->second;
}

Relatives Catalog::relatives_of(const kube::Object& pod) const {
  auto raw = [](const kube::ObjectPtr& object) { return object.get(); };
  Relatives out{.replica_set = raw(find(replica_sets_, owner_uid(pod, "ReplicaSet"))), .job = raw(find(objects_[static_cast<std::size_t>(From::job)], owner_uid(pod, "Job")))};
  if (auto system = find(objects_[static_cast<std::size_t>(From::name_space)], "kube-system")) out.cluster_uid = system->uid;
  return out;
}

Claim Catalog::claim(const otlp::Attributes& attributes, std::string_view peer) const {
  peer = plain_address(peer);
  std::optional<Claim> found;
  if (config_.pod_association.empty()) found = claim_without_rules(attributes, peer);
  for (auto& association : config_.pod_association) {
    if (found) break;
    found = claim_by(association, attributes, peer);
  }
  Claim out = found ? std::move(*found) : Claim{};
  out.name_space = text_of(attributes, "k8s.namespace.name");
  out.node = text_of(attributes, "k8s.node.name");
  out.deployment_uid = text_of(attributes, "k8s.deployment.uid");
  out.statefulset_uid = text_of(attributes, "k8s.statefulset.uid");
  out.daemonset_uid = text_of(attributes, "k8s.daemonset.uid");
  out.job_uid = text_of(attributes, "k8s.job.uid");
  return out;
}

std::optional<Claim> Catalog::claim_by(const Association& association, const otlp::Attributes& attributes, std::string_view peer) const {
  std::vector<std::string> values;
  Claim out;
  if (association.sources.empty()) return out;  // names no pod, and is the last one looked at
  for (auto& source : association.sources) {
    bool connection = source.from == Source::connection;
    std::string value = connection ? std::string(peer) : text_of(attributes, source.name);
    if (value.empty() || (!connection && source.name == "host.name" && !is_address(value))) return std::nullopt;
    if (connection && out.connection.empty()) out.connection = value;
    out.sources += out.sources.empty() ? "" : "+";
    out.sources += connection ? "connection" : "resource_attribute/" + source.name;
    values.push_back(std::move(value));
  }
  out.pod = hash(association.sources, values);
  return out;
}

std::optional<Claim> Catalog::claim_without_rules(const otlp::Attributes& attributes, std::string_view peer) const {
  std::string host = text_of(attributes, "host.name");
  for (auto& address : {text_of(attributes, "k8s.pod.ip"), text_of(attributes, "ip"), std::string(peer), is_address(host) ? host : std::string()})
    if (!address.empty()) return Claim{.pod = hash(std::array{by_connection}, std::array{address}), .connection = address, .sources = "connection"};
  return std::nullopt;
}

Resolution Catalog::resolve(const Claim& claim) const {
  Resolution out;
  if (claim.pod)
    if (auto at = by_name_.find(*claim.pod); at != by_name_.end() && !at->second->ignored) out.pod = at->second->object;
  auto in = [&](From from, std::string_view key) { return find(objects_[static_cast<std::size_t>(from)], key); };
  auto either = [&](std::string_view of_pod, const std::string& claimed) { return of_pod.empty() ? std::string_view(claimed) : of_pod; };
  const kube::Object* pod = out.pod.get();
  out.name_space = in(From::name_space, either(pod ? pod->name_space : std::string_view(), claim.name_space));
  out.node = in(From::node, either(pod && rules_.knows_node() ? pod->node : std::string_view(), claim.node));
  out.system = in(From::name_space, "kube-system");
  bool owned = pod != nullptr && rules_.knows_owners();
  if (owned) out.replica_set = find(replica_sets_, owner_uid(*pod, "ReplicaSet"));
  const kube::Owner* deployment = out.replica_set ? out.replica_set->controller() : nullptr;
  out.deployment = in(From::deployment, either(deployment ? deployment->uid : std::string_view(), claim.deployment_uid));
  auto by_owner = [&](From from, std::string_view kind, const std::string& claimed) {
    auto object = owned ? in(from, owner_uid(*pod, kind)) : nullptr;
    return object ? object : in(from, claimed);
  };
  out.stateful_set = by_owner(From::stateful_set, "StatefulSet", claim.statefulset_uid);
  out.daemon_set = by_owner(From::daemon_set, "DaemonSet", claim.daemonset_uid);
  out.job = by_owner(From::job, "Job", claim.job_uid);
  return out;
}

}  // namespace weir::processors::k8sattributes

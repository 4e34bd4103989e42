#include "components/processors/k8sattributes/tagger.h"

#include <charconv>

namespace weir::processors::k8sattributes {

using otlp::Value;
using otlp::ValueType;

namespace {

std::string_view name_of(Metadata what) { return metadata_names[static_cast<std::size_t>(what)]; }

// A restart count, which log agents write as a text. -1: no number.
std::int64_t number_of(const Value& value) {
  if (value.is(ValueType::integer)) return value.integer;
  std::int64_t out = -1;
  if (!value.is(ValueType::string)) return out;
  auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), out);
  return error == std::errc() && end == value.text.data() + value.text.size() ? out : -1;
}

}  // namespace

void Tagger::Target::set(std::string_view key, std::string_view value) {
  Value* there = attributes.find(key);
  bool empty = there != nullptr && (there->is(ValueType::empty) || ((there->is(ValueType::string) || there->is(ValueType::bytes)) && there->text.empty()));
  if (there != nullptr && (!empty || (value.empty() && there->is(ValueType::string)))) return;
  changed = true;
  Value made = Value::of(arena.copy(value));
  if (there != nullptr) *there = made;
  else attributes.push_back(arena, {arena.copy(key), made});
}

void Tagger::Target::set_list(std::string_view key, std::string_view value) {
  if (attributes.find(key) != nullptr) return;
  changed = true;
  auto* list = arena.make<otlp::Array>();
  list->push_back(arena, Value::of(arena.copy(value)));
  attributes.push_back(arena, {arena.copy(key), Value::of(list)});
}

std::string_view Tagger::Target::text(std::string_view key) const {
  const Value* value = attributes.find(key);
  return value != nullptr && value->is(ValueType::string) ? value->text : std::string_view();
}

bool Tagger::apply_address(otlp::Attributes& attributes, Arena& arena, const Claim& claim) const {
  Target to{attributes, arena};
  if (adds_address_ && !claim.connection.empty()) to.set("k8s.pod.ip", claim.connection);
  return to.changed;
}

void Tagger::add(Target& to, const Found& found) const {
  for (auto& [key, value] : found) to.set(key, value);
}

bool Tagger::apply(otlp::Attributes& attributes, Arena& arena, const Claim& claim, const Resolution& r) const {
  bool changed = apply_address(attributes, arena, claim);
  if (passthrough_) return changed;
  const Rules& rules = catalog_.rules();
  Target to{attributes, arena, changed};
  if (r.pod) {
    add(to, rules.of_pod(*r.pod, {.replica_set = r.replica_set.get(), .job = r.job.get(), .cluster_uid = r.system ? r.system->uid : std::string_view()}));
    if (rules.needs_containers()) add_container(to, *r.pod);
  }
  if (r.name_space) add(to, rules.of(From::name_space, *r.name_space));
  if (rules.wants(Metadata::service_namespace)) {
    std::string_view name_space = r.pod && !r.pod->name_space.empty() ? r.pod->name_space : std::string_view(claim.name_space);
    if (!name_space.empty()) to.set(name_of(Metadata::service_namespace), name_space);
  }
  if (r.node) {
    add(to, rules.of(From::node, *r.node));
    if (!r.node->uid.empty()) to.set(name_of(Metadata::node_uid), r.node->uid);
  }
  if (r.deployment) add(to, rules.of(From::deployment, *r.deployment));
  if (r.stateful_set) add(to, rules.of(From::stateful_set, *r.stateful_set));
  if (r.daemon_set) add(to, rules.of(From::daemon_set, *r.daemon_set));
  if (r.job) add(to, rules.of(From::job, *r.job));
  return to.changed;
}

// By its name, else by its id, else the only one there is.
const kube::Container* Tagger::container_of(const Target& to, const kube::Object& pod) const {
  using enum Metadata;
  std::string_view name = to.text("k8s.container.name"), id = to.text("container.id");
  const Rules& rules = catalog_.rules();
  bool from_spec = rules.wants(image_name) || rules.wants(image_tag) || rules.wants(image_tags) || rules.wants(service_version) || rules.wants(service_instance_id);
  const kube::Container *by_id = nullptr, *by_name = nullptr;
  std::string_view only_id;
  bool several_ids = false, several_names = false;
  for (auto& container : pod.containers) {
    if (!container.reported && !from_spec) continue;
    if (!name.empty() && container.name == name) return &container;
    if (name.empty() && !id.empty() && (container.id == id || container.last_id == id)) return &container;
    several_names = several_names || (by_name != nullptr && by_name->name != container.name);
    by_name = &container;
    if (!container.reported) continue;
    several_ids = several_ids || (by_id != nullptr && only_id != container.id);
    by_id = &container;
    only_id = container.id;
  }
  if (!name.empty() || !id.empty()) return nullptr;
  if (by_id != nullptr && !several_ids) return by_id;
  return several_names ? nullptr : by_name;
}

void Tagger::add_container(Target& to, const kube::Object& pod) const {
  const Rules& rules = catalog_.rules();
  const kube::Container* container = container_of(to, pod);
  if (container == nullptr) return;
  if (container->reported && rules.wants(Metadata::container_name)) to.set(name_of(Metadata::container_name), container->name);
  add_image(to, *container);
  if (container->reported && rules.wants(Metadata::service_instance_id))
    to.set(name_of(Metadata::service_instance_id), fmt::format("{}.{}.{}", pod.name_space, pod.name, container->name));
  if (container->reported) add_run(to, *container);
}

void Tagger::add_image(Target& to, const kube::Container& container) const {
  const Rules& rules = catalog_.rules();
  auto image = rules.images().read(container.image);
  if (!image) return;
  std::string_view tag = image->tag.empty() ? std::string_view("latest") : image->tag;
  if (rules.wants(Metadata::image_name)) to.set(name_of(Metadata::image_name), image->repository);
  if (rules.wants(Metadata::image_tag) && rules.names().old_ones) to.set(name_of(Metadata::image_tag), tag);
  if (rules.wants(Metadata::image_tags)) to.set_list(name_of(Metadata::image_tags), tag);
  if (!rules.wants(Metadata::service_version) || (image->tag.empty() && image->digest.empty())) return;
  std::string version(image->tag);
  if (!image->digest.empty()) version += (version.empty() ? "" : "@") + std::string(image->digest);
  to.set(name_of(Metadata::service_version), version);
}

// The run that the resource names by its restart count, otherwise the newest.
void Tagger::add_run(Target& to, const kube::Container& container) const {
  const Rules& rules = catalog_.rules();
  const Value* asked = to.attributes.find("k8s.container.restart_count");
  std::int64_t run = asked != nullptr ? number_of(*asked) : container.restarts;
  bool newest = run == container.restarts, before = run == container.restarts - 1 && !container.last_id.empty();
  if (!newest && !before) return;
  std::string_view id = newest ? container.id : container.last_id;
  if (rules.wants(Metadata::container_id) && !id.empty() && to.attributes.find("container.id") == nullptr) to.set("container.id", id);
  if (!rules.wants(Metadata::image_repo_digests) || !newest) return;
  if (auto digest = rules.images().canonical(container.image_id)) to.set_list(name_of(Metadata::image_repo_digests), *digest);
}

}  // namespace weir::processors::k8sattributes

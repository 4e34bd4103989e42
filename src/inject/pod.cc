#include "inject/pod.h"

#include <algorithm>

namespace weir::inject {

std::string text_at(const Value& in, std::string_view path) {
  const Value* value = in.find(path);
  return value != nullptr && value->is_scalar() ? value->text() : "";
}

std::string entry_of(const Value& in, std::string_view map_path, std::string_view key) {
  const Value* map = in.find(map_path);
  const Value* value = map == nullptr ? nullptr : map->get(key);
  return value != nullptr && value->is_scalar() ? value->text() : "";
}

Value& list_in(Value& object, std::string_view key) {
  Value* there = object.get(key);
  return there != nullptr && there->is_list() ? *there : object.set(key, Value::list());
}

Value map_of(std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
  Value out = Value::map();
  for (auto& [key, value] : entries) out.set(key, Value::string(std::string(value)));
  return out;
}

Value list_of(std::initializer_list<std::string_view> texts) {
  Value out = Value::list();
  for (auto text : texts) out.push_back(Value::string(std::string(text)));
  return out;
}

const Value* find_named(const Value* list, std::string_view name) {
  if (list == nullptr) return nullptr;
  for (auto& item : list->items())
    if (text_at(item, "name") == name) return &item;
  return nullptr;
}

Value* find_named(Value* list, std::string_view name) { return const_cast<Value*>(find_named(static_cast<const Value*>(list), name)); }

Value* find_env(Value& container, std::string_view name) { return find_named(container.get("env"), name); }
const Value* find_env(const Value& container, std::string_view name) { return find_named(container.get("env"), name); }

std::string env_text(const Value& container, std::string_view name) {
  const Value* env = find_env(container, name);
  return env == nullptr ? "" : text_at(*env, "value");
}

void add_env(Value& container, std::string_view name, std::string_view value) {
  if (Value* there = find_env(container, name)) {
    // Both a value and a source of it: the API server would refuse the pod.
    if (there->get("valueFrom") == nullptr) there->set("value", Value::string(std::string(value)));
    return;
  }
  list_in(container, "env").push_back(map_of({{"name", name}, {"value", value}}));
}

void add_env_if_missing(Value& container, std::string_view name, std::string_view value) {
  if (find_env(container, name) == nullptr) add_env(container, name, value);
}

void add_env_field(Value& container, std::string_view name, std::string_view field, bool first) {
  if (find_env(container, name) != nullptr) return;
  Value source = Value::map();
  source.set("fieldRef", map_of({{"fieldPath", field}}));
  Value env = map_of({{"name", name}});
  env.set("valueFrom", std::move(source));
  auto& items = list_in(container, "env").items();
  items.insert(first ? items.begin() : items.end(), std::move(env));
}

void add_missing_env(Value& container, const Value* list) {
  if (list == nullptr) return;
  for (auto& env : list->items())
    if (find_env(container, text_at(env, "name")) == nullptr) list_in(container, "env").push_back(env);
}

bool comes_from_elsewhere(const Value& container, std::string_view name) {
  const Value* env = find_env(container, name);
  return env != nullptr && env->get("valueFrom") != nullptr;
}

void move_env_last(Value& container, std::string_view name) {
  auto& items = list_in(container, "env").items();
  auto at = std::find_if(items.begin(), items.end(), [&](auto& env) { return text_at(env, "name") == name; });
  if (at != items.end()) std::rotate(at, at + 1, items.end());
}

Value* find_container(Value& pod, std::string_view name) {
  Value* spec = pod.get("spec");
  if (spec == nullptr) return nullptr;
  Value* found = find_named(spec->get("containers"), name);
  return found != nullptr ? found : find_named(spec->get("initContainers"), name);
}

bool is_init_container(const Value& pod, std::string_view name) { return find_named(pod.find("spec::initContainers"), name) != nullptr; }

void insert_init_container(Value& pod, Value container, std::string_view before) {
  auto& items = list_in(*pod.get("spec"), "initContainers").items();
  auto at = std::find_if(items.begin(), items.end(), [&](auto& c) { return text_at(c, "name") == before; });
  items.insert(at, std::move(container));
}

void add_volume(Value& pod, Value volume) {
  Value& volumes = list_in(*pod.get("spec"), "volumes");
  if (find_named(&volumes, text_at(volume, "name")) == nullptr) volumes.push_back(std::move(volume));
}

std::string volume_at(const Value& container, std::string_view path) {
  const Value* mounts = container.get("volumeMounts");
  for (std::size_t i = 0; mounts != nullptr && i < mounts->items().size(); ++i) {
    std::string at = text_at(mounts->items()[i], "mountPath");
    while (at.size() > 1 && at.ends_with('/')) at.pop_back();
    if (at == path) return text_at(mounts->items()[i], "name");
  }
  return "";
}

void add_mount(Value& container, std::string_view volume, std::string_view path, bool read_only) {
  Value& mounts = list_in(container, "volumeMounts");
  if (find_named(&mounts, volume) != nullptr) return;
  Value mount = map_of({{"name", volume}, {"mountPath", path}});
  if (read_only) mount.set("readOnly", Value::of(true));
  mounts.push_back(std::move(mount));
}

}  // namespace weir::inject

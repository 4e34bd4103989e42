#pragma once
// Reading and changing parts of a pod that is a JSON document.
#include "config/value.h"

namespace weir::inject {

using config::Value;

// The text at a path of keys ("spec::nodeName"), "" when there is none.
std::string text_at(const Value& in, std::string_view path);
// Texts of a map, such as annotations. "" when the key is not there.
std::string entry_of(const Value& in, std::string_view map_path, std::string_view key);
// The list of that name, made when it is missing.
Value& list_in(Value& object, std::string_view key);
Value map_of(std::initializer_list<std::pair<std::string_view, std::string_view>> entries);
Value list_of(std::initializer_list<std::string_view> texts);

// By "name" in a list of maps; null when it is not there.
Value* find_named(Value* list, std::string_view name);
const Value* find_named(const Value* list, std::string_view name);

// Environment of a container.
Value* find_env(Value& container, std::string_view name);
const Value* find_env(const Value& container, std::string_view name);
std::string env_text(const Value& container, std::string_view name);
void add_env(Value& container, std::string_view name, std::string_view value);  // one with valueFrom stays
void add_env_if_missing(Value& container, std::string_view name, std::string_view value);
// From the downward API; `first`: in front of all others.
void add_env_field(Value& container, std::string_view name, std::string_view field, bool first = false);
// Entries of `list` whose names are not there yet.
void add_missing_env(Value& container, const Value* list);
bool comes_from_elsewhere(const Value& container, std::string_view name);  // valueFrom
void move_env_last(Value& container, std::string_view name);

// In the pod's spec.
Value* find_container(Value& pod, std::string_view name);
bool is_init_container(const Value& pod, std::string_view name);
// In front of the init container with that name; otherwise behind all of them.
void insert_init_container(Value& pod, Value container, std::string_view before);
void add_volume(Value& pod, Value volume);  // unless its name is there
// The volume that is mounted there, "" when there is none.
std::string volume_at(const Value& container, std::string_view path);
void add_mount(Value& container, std::string_view volume, std::string_view path, bool read_only = false);  // unless the volume is mounted there

}  // namespace weir::inject

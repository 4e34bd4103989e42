#include "weir/allocator/references.h"

#include <algorithm>

#include "base/text.h"
#include "kube/json.h"

namespace weir::app {

References::~References() {
  *alive_ = false;
  executor_.cancel(timer_);
}

Result<std::string> References::find(const monitors::Reference& reference) {
  std::string_view kind = reference.config_map ? "ConfigMap" : "Secret";
  if (!name_spaces_.empty() && std::find(name_spaces_.begin(), name_spaces_.end(), reference.name_space) == name_spaces_.end())
    return fail(Errc::config, "{} {}/{}: its namespace is not one of secret_namespaces", kind, reference.name_space, reference.name);
  Name name{reference.config_map, reference.name_space, reference.name};
  auto at = known_.find(name);
  if (at == known_.end()) {
    if (known_.size() >= max_objects) return fail(Errc::config, "more than {} Secrets and ConfigMaps are used", max_objects);
    at = known_.try_emplace(name).first;
    ask(name);
  }
  at->second.used = true;
  if (!at->second.answered) return fail(Errc::retryable, "{} {}/{} has not been read yet", kind, name.name_space, name.name);
  if (!at->second.problem.empty()) return fail(Errc::config, "{} {}/{}: {}", kind, name.name_space, name.name, at->second.problem);
  auto entry = at->second.entries.find(reference.key);
  if (entry == at->second.entries.end()) return fail(Errc::config, "{} {}/{} has no key {}", kind, name.name_space, name.name, reference.key);
  return entry->second;
}

void References::begin() {
  for (auto& [name, known] : known_) known.used = false;
}

void References::end() {
  std::erase_if(known_, [](auto& entry) { return !entry.second.used; });
  if (timer_ != 0) return;
  timer_ = executor_.at(executor_.now() + interval, [this] {
    timer_ = 0;
    for (auto& [name, known] : known_) ask(name);
    end();
  });
}

void References::ask(const Name& name) {
  std::string target = fmt::format("/api/v1/namespaces/{}/{}/{}", name.name_space, name.config_map ? "configmaps" : "secrets", name.name);
  transport_.send("GET", target, "", "", [this, alive = alive_, name](Result<net::HttpResponse> response) {
    if (*alive) take(name, std::move(response));
  });
}

void References::take(const Name& name, Result<net::HttpResponse> response) {
  auto at = known_.find(name);
  if (at == known_.end()) return;
  Known& known = at->second;
  // What was known stays while the API server does not answer.
  if (known.answered && known.problem.empty() && (!response || response->status >= 500)) return;
  Known now{.answered = true, .used = known.used, .version = "", .problem = "", .entries = {}};
  auto object = !response ? fail(response.error()) : kube::parse_json(response->body);
  if (!response || !object) now.problem = object.error().what;
  else if (response->status == 404) now.problem = "it does not exist";
  else if (response->status != 200) now.problem = fmt::format("the API server answered {}", response->status);
  else if (const config::Value* data = object->get("data"))
    for (auto& [key, mark, value] : data->entries()) {
      std::string text;
      if (name.config_map) now.entries[key] = value.text();
      else if (decode_base64(value.text(), text)) now.entries[key] = text;
    }
  bool same = known.answered && known.problem == now.problem && known.entries == now.entries;
  known = std::move(now);
  if (!same) changed_();
}

}  // namespace weir::app

#include "components/receivers/prometheusremotewrite/known.h"

namespace weir::receivers::prometheusremotewrite {

std::optional<Known::Metric> Known::metric(std::string_view name) {
  std::lock_guard lock(mutex_);
  if (auto* known = metrics_.find(std::string(name))) return *known;
  for (std::string_view suffix : {"_bucket", "_count", "_sum", "_total"}) {
    if (!name.ends_with(suffix)) continue;
    if (auto* known = metrics_.find(std::string(name.substr(0, name.size() - suffix.size())))) return *known;
  }
  return {};
}

void Known::learn_metric(const remote_write::Metadata& m) {
  if (m.family.empty() || m.family.size() > max_text || m.help.size() > max_text || m.unit.size() > max_text) return;
  std::lock_guard lock(mutex_);
  metrics_.put(std::string(m.family), {m.type, std::string(m.help), std::string(m.unit)});
}

StringPairs Known::target(const std::string& identity) {
  std::lock_guard lock(mutex_);
  auto* known = targets_.find(identity);
  return known ? *known : StringPairs();
}

void Known::learn_target(const std::string& identity, StringPairs attributes) {
  std::size_t bytes = identity.size();
  for (auto& [key, value] : attributes) bytes += key.size() + value.size();
  if (bytes > max_text) return;
  std::lock_guard lock(mutex_);
  targets_.put(identity, std::move(attributes));
}

}  // namespace weir::receivers::prometheusremotewrite

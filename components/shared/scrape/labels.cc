#include "components/shared/scrape/labels.h"

#include <xxhash.h>

#include <algorithm>

#include "base/text.h"
#include "prometheus/escaping.h"

namespace weir::scrape {

Labels::Labels(std::vector<Label> labels) : list_(std::move(labels)) {
  std::erase_if(list_, [](const Label& label) { return label.value.empty(); });
  std::stable_sort(list_.begin(), list_.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
}

std::vector<Label>::iterator Labels::place(std::string_view name) {
  return std::lower_bound(list_.begin(), list_.end(), name, [](const Label& label, std::string_view n) { return label.name < n; });
}

std::string_view Labels::get(std::string_view name) const {
  auto at = const_cast<Labels*>(this)->place(name);
  return at != list_.end() && at->name == name ? std::string_view(at->value) : std::string_view();
}

void Labels::set(std::string_view name, std::string_view value) {
  auto at = place(name);
  bool there = at != list_.end() && at->name == name;
  if (value.empty()) {
    if (there) list_.erase(at);
  } else if (there) {
    at->value.assign(value);
  } else {
    list_.insert(at, Label{std::string(name), std::string(value)});
  }
}

std::string_view Labels::duplicate() const {
  auto at = std::adjacent_find(list_.begin(), list_.end(), [](const Label& a, const Label& b) { return a.name == b.name; });
  return at == list_.end() ? std::string_view() : std::string_view(at->name);
}

std::uint64_t hash_of(const Labels& labels) {
  std::string text;
  for (const Label& label : labels) {
    text += label.name;
    text += '\xff';
    text += label.value;
    text += '\xff';
  }
  return XXH3_64bits(text.data(), text.size());
}

std::string to_string(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels) {
    if (out.size() > 1) out += ", ";
    out += label.name;
    out += '=';
    append_json_string(out, label.value);
  }
  out += '}';
  return out;
}

bool valid_label_name(std::string_view name, Naming naming) {
  if (naming == Naming::utf8) return !name.empty() && valid_utf8(name);
  return prometheus::is_plain_name(name) && name.find(':') == name.npos;
}

bool valid_metric_name(std::string_view name, Naming naming) {
  if (naming == Naming::utf8) return !name.empty() && valid_utf8(name);
  return prometheus::is_plain_name(name);
}

}  // namespace weir::scrape

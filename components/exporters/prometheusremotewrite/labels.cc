#include "components/exporters/prometheusremotewrite/labels.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/text.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using remote_write::Label;

std::uint64_t hash_of(const Label& label) {
  return XXH3_64bits_withSeed(label.value.data(), label.value.size(), XXH3_64bits(label.name.data(), label.name.size()));
}

}  // namespace

void LabelSet::put(const Label& label) {
  auto at = std::ranges::lower_bound(labels, label.name, {}, &Label::name);
  hash += hash_of(label);
  if (at != labels.end() && at->name == label.name) {
    hash -= hash_of(*at);
    at->value = label.value;
  } else {
    labels.insert(at, label);
  }
}

void LabelMaker::begin(const Pairs& winning, const Pairs& defaults) {
  fixed_.clear();
  fixed_valid_ = true;
  auto add = [&](const Pairs& pairs, bool wins) {
    for (auto& [name, value] : pairs) {
      fixed_valid_ = fixed_valid_ && valid_utf8(name) && valid_utf8(value);
      auto there = std::ranges::find(fixed_, std::string_view(name), [](const Fixed& f) { return f.label.name; });
      if (there == fixed_.end())
        fixed_.push_back({{arena_.copy(name), arena_.copy(value)}, wins});
      else if (wins)
        there->label.value = arena_.copy(value);
    }
  };
  add(winning, true);
  add(defaults, false);
  std::ranges::sort(fixed_, {}, [](const Fixed& f) { return f.label.name; });
}

const LabelMaker::Name& LabelMaker::name_of(std::string_view key) {
  auto [at, is_new] = names_.try_emplace(key);
  if (!is_new) return at->second;
  auto name = namer_.build(key);
  if (!name)
    at->second.error = name.error().what;
  else if (!valid_utf8(*name))
    at->second.error = "a label that is not UTF-8";
  else
    at->second.text = arena_.copy(*name);
  return at->second;
}

Result<> LabelMaker::find(const otlp::Attributes& attributes, bool skip_identity) {
  found_.clear();
  bool sorted = true;
  for (auto& kv : attributes) {
    if (skip_identity && prometheus::is_identity(kv.key)) continue;
    std::string_view value = kv.value.is(otlp::ValueType::string) ? kv.value.text : arena_.copy(otlp::to_text(kv.value));
    if (value.empty()) continue;
    const Name& name = name_of(kv.key);
    if (!name.error.empty()) return fail(Errc::invalid, "{}", name.error);
    if (!valid_utf8(value)) return fail(Errc::invalid, "a label that is not UTF-8");
    sorted = sorted && (found_.empty() || found_.back().name < name.text);
    found_.push_back({name.text, kv.key, value});
  }
  if (sorted) return {};
  std::ranges::stable_sort(found_, [](const Found& a, const Found& b) { return std::tie(a.name, a.key) < std::tie(b.name, b.key); });
  join_equal_names();
  return {};
}

void LabelMaker::join_equal_names() {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < found_.size(); ++i) {
    if (found_[i].name != found_[kept].name)
      found_[++kept] = found_[i];
    else if (found_[i].value != found_[kept].value)
      found_[kept].value = arena_.copy(fmt::format("{};{}", found_[kept].value, found_[i].value));
  }
  if (!found_.empty()) found_.resize(kept + 1);
}

Result<> LabelMaker::make(const otlp::Attributes& attributes, bool skip_identity, LabelSet& out) {
  if (!fixed_valid_) return fail(Errc::invalid, "a label that is not UTF-8");
  WEIR_TRY(find(attributes, skip_identity));
  out.labels.clear();
  out.hash = 0;
  auto put = [&](const Label& label) {
    out.hash += hash_of(label);
    out.labels.push_back(label);
  };
  auto fixed = fixed_.begin();
  for (auto& found : found_) {
    for (; fixed != fixed_.end() && fixed->label.name < found.name; ++fixed) put(fixed->label);
    bool same = fixed != fixed_.end() && fixed->label.name == found.name;
    put(same && fixed->wins ? fixed->label : Label{found.name, found.value});
    if (same) ++fixed;
  }
  for (; fixed != fixed_.end(); ++fixed) put(fixed->label);
  return {};
}

}  // namespace weir::exporters::prometheusremotewrite

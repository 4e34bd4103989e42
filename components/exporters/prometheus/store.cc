#include "components/exporters/prometheus/store.h"

namespace weir::exporters::prometheus {
namespace {

std::size_t bytes_of(const Series& s) {
  std::size_t out = sizeof(Series) + s.labels.capacity() + 64 + s.exemplars.capacity() * sizeof(ExemplarValue);  // 64: the index
  if (!s.distribution) return out;
  auto& d = *s.distribution;
  return out + sizeof d + 8 * (d.bounds.capacity() + d.counts.capacity() + d.sum.positive.counts.capacity() + d.sum.negative.counts.capacity()) +
         64 * d.quantiles.size();
}

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : std::string_view{};
}

// Samples of histograms and summaries have suffixes: another family must not have such a name.
bool collides(const Store::Families& families, std::string_view name, Type type) {
  for (std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    if (auto stem = without(name, suffix); !stem.empty())
      if (auto at = families.find(stem); at != families.end()) {
        if (at->second.type == Type::histogram) return true;
        if (at->second.type == Type::summary && suffix != "_bucket") return true;
      }
    bool has_suffix = type == Type::histogram || (type == Type::summary && suffix != "_bucket");
    if (has_suffix && families.contains(std::string(name) + std::string(suffix))) return true;
  }
  return false;
}

}  // namespace

Family* Store::family(std::string_view name, std::string_view help, Type type, TimePoint now, Refusal& refusal) {
  auto at = families_.find(name);
  if (at == families_.end()) {
    if (collides(families_, name, type)) return refusal = Refusal::type_conflict, nullptr;
    at = families_.emplace(std::string(name), Family{}).first;
    at->second.help = help;
    at->second.type = type;
  }
  if (at->second.type != type) return refusal = Refusal::type_conflict, nullptr;
  at->second.seen = now;
  return &at->second;
}

Series* Store::find(Family& family, std::string_view labels) {
  auto at = family.by_labels.find(labels);
  return at == family.by_labels.end() ? nullptr : &family.series[at->second];
}

Series* Store::add(Family& family, std::string labels) {
  auto bytes = static_cast<std::uint32_t>(sizeof(Series) + labels.size() + 64);
  if (size_ >= max_series_ || !charge_.grow(bytes)) return nullptr;
  std::uint32_t index;
  if (family.free.empty()) {
    index = static_cast<std::uint32_t>(family.series.size());
    family.series.emplace_back();
  } else {
    index = family.free.back();
    family.free.pop_back();
  }
  Series& out = family.series[index];
  out = Series{.labels = std::move(labels), .charged = bytes, .used = true};
  family.by_labels.emplace(out.labels, index);
  ++size_;
  return &out;
}

void Store::account(Series& series) {
  auto bytes = static_cast<std::uint32_t>(bytes_of(series));
  if (bytes > series.charged)
    charge_.grow_unchecked(bytes - series.charged);
  else
    charge_.shrink_to(charge_.bytes() - (series.charged - bytes));
  series.charged = bytes;
}

void Store::remove(Family& family, Series& series) {
  auto at = family.by_labels.find(series.labels);
  family.free.push_back(at->second);
  family.by_labels.erase(at);
  charge_.shrink_to(charge_.bytes() - series.charged);
  release_target(series.target);
  series = Series{};
  --size_;
}

std::uint32_t Store::target(std::string_view job, std::string_view instance, std::string labels) {
  std::string identity = fmt::format("{}\xff{}", job, instance);
  auto at = target_by_identity_.find(identity);
  if (at != target_by_identity_.end()) {
    targets_[at->second - 1].labels = std::move(labels);
    return at->second;
  }
  std::size_t index = 0;
  while (index < targets_.size() && targets_[index].users > 0) ++index;
  if (index == targets_.size()) targets_.emplace_back();
  // What nobody came to use is forgotten here.
  target_by_identity_.erase(targets_[index].identity);
  targets_[index] = {identity, std::move(labels), 0};
  return target_by_identity_.emplace(std::move(identity), static_cast<std::uint32_t>(index + 1)).first->second;
}

void Store::hold_target(Series& series, std::uint32_t target) {
  if (series.target == target) return;
  release_target(series.target);
  series.target = target;
  if (target != 0) ++targets_[target - 1].users;
}

void Store::release_target(std::uint32_t target) {
  if (target == 0) return;
  Target& t = targets_[target - 1];
  if (--t.users > 0) return;
  target_by_identity_.erase(t.identity);
  t = {};
}

bool Store::sweep(TimePoint now, std::size_t budget) {
  auto at = families_.lower_bound(sweep_family_);
  if (at != families_.end() && at->first != sweep_family_) sweep_at_ = 0;
  while (at != families_.end()) {
    Family& family = at->second;
    for (; sweep_at_ < family.series.size(); ++sweep_at_) {
      if (budget-- == 0) {
        sweep_family_ = at->first;
        return false;
      }
      Series& series = family.series[sweep_at_];
      if (series.used && expired(series, now)) remove(family, series);
    }
    sweep_at_ = 0;
    // The type stays taken as long as a point came in that time.
    at = family.by_labels.empty() && now - family.seen > expiration_ ? families_.erase(at) : std::next(at);
    if (budget > 0) --budget;
  }
  sweep_family_.clear();
  return true;
}

}  // namespace weir::exporters::prometheus

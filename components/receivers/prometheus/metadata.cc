#include "components/receivers/prometheus/metadata.h"

namespace weir::receivers::prometheus {
namespace {

using exposition::MetricType;

struct Internal {
  std::string_view name, unit, help;
};
// Series that the receiver makes itself.
constexpr Internal internal[] = {
    {"up", "", "The scraping was successful"},
    {"scrape_duration_seconds", "seconds", "Duration of the scrape"},
    {"scrape_samples_scraped", "", "The number of samples the target exposed"},
    {"scrape_series_added", "", "The approximate number of new series in this scrape"},
    {"scrape_samples_post_metric_relabeling", "", "The number of samples remaining after metric relabeling was applied"},
};

const Internal* internal_of(std::string_view name) {
  for (auto& row : internal)
    if (row.name == name) return &row;
  return nullptr;
}

void set_kind(FamilyInfo& out, bool exponential) {
  out.monotonic = false;
  switch (out.metadata.type) {
    case MetricType::counter:
      out.kind = Kind::sum;
      out.monotonic = true;
      break;
    case MetricType::info:
    case MetricType::stateset: out.kind = Kind::sum; break;
    case MetricType::histogram: out.kind = exponential ? Kind::exponential : Kind::histogram; break;
    case MetricType::summary: out.kind = Kind::summary; break;
    case MetricType::gauge_histogram: out.kind = Kind::none; break;
    default: out.kind = Kind::gauge;
  }
}

void set_name(FamilyInfo& out, std::string_view name, const MetadataStore& store) {
  out.name = out.family = name;
  if (const Internal* row = internal_of(name)) {
    out.metadata = {MetricType::gauge, std::string(row->help), std::string(row->unit)};
    return;
  }
  if (const Metadata* own = store.find(name)) {
    out.metadata = *own;
    return;
  }
  std::string_view base = base_name(name);
  const Metadata* found = store.find(base);
  if (found == nullptr) return;
  out.metadata = *found;
  out.family = base;
  bool counter = found->type == MetricType::counter;
  if (!counter) out.name = base;
  else if (name.ends_with("_created")) out.name = fmt::format("{}_total", base);
}

}  // namespace

const Metadata* MetadataStore::find(std::string_view name) const {
  auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : &at->second.data;
}

bool MetadataStore::take(exposition::Entry entry, const exposition::Parser& parser, std::uint32_t iteration) {
  bool changed = false;
  Entry& mine = entry_of(parser.name, changed).second;
  mine.last = iteration;
  if (entry == exposition::Entry::type && mine.data.type != parser.type) {
    mine.data.type = parser.type;
    changed = true;
  }
  if (entry == exposition::Entry::help && mine.raw_help != parser.text) {
    mine.raw_help = parser.text;
    mine.data.help = parser.full_text();
    changed = true;
  }
  if (entry == exposition::Entry::unit && mine.data.unit != parser.text) {
    mine.data.unit = parser.full_text();
    changed = true;
  }
  return changed;
}

MetadataStore::Named& MetadataStore::entry_of(std::string_view name, bool& added) {
  if (latest_ != nullptr && latest_->first == name) return *latest_;
  if (latest_ != nullptr && latest_->second.next != nullptr && latest_->second.next->first == name) return *(latest_ = latest_->second.next);
  auto at = entries_.find(name);
  added = at == entries_.end();
  if (added) at = entries_.emplace(std::string(name), Entry{}).first;
  if (latest_ != nullptr) latest_->second.next = &*at;
  return *(latest_ = &*at);
}

bool MetadataStore::forget(std::uint32_t iteration) {
  bool gone = std::erase_if(entries_, [&](auto& entry) { return iteration - entry.second.last > 10; }) > 0;
  if (!gone) return false;
  latest_ = nullptr;
  for (auto& [name, entry] : entries_) entry.next = nullptr;
  return true;
}

std::string_view base_name(std::string_view name) {
  for (auto suffix : name_suffixes)
    if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return name;
}

FamilyInfo family_of(std::string_view name, const MetadataStore& store, bool native, bool custom) {
  FamilyInfo out;
  set_name(out, name, store);
  if (native) out.metadata.type = MetricType::histogram;
  set_kind(out, native && !custom);
  return out;
}

}  // namespace weir::receivers::prometheus

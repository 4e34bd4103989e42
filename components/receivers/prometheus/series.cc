#include "components/receivers/prometheus/series.h"

#include <xxhash.h>

#include <algorithm>

#include "prometheus/number.h"

namespace weir::receivers::prometheus {
namespace {

using scrape::Labels;

constexpr std::size_t chunk_bytes = 16 * 1024;
constexpr std::int64_t max_ahead_ms = 10 * 60 * 1000;

std::uint32_t hash_of_key(std::string_view key) { return static_cast<std::uint32_t>(XXH3_64bits(key.data(), key.size())); }

// Labels of the answer that stand where the target has some: exported_…, as often as it needs.
void move_aside(Labels& labels, std::vector<scrape::Label> conflicts) {
  std::stable_sort(conflicts.begin(), conflicts.end(), [](auto& a, auto& b) { return a.name.size() < b.name.size(); });
  for (auto& label : conflicts) {
    std::string name = label.name;
    do name.insert(0, "exported_");
    while (labels.has(name));
    labels.set(name, label.value);
  }
}

}  // namespace

TargetSeries::TargetSeries(SeriesSettings settings, FamilySettings families, scrape::TargetPtr target, std::shared_ptr<const scrape::Relabeler> rules, std::shared_ptr<series_churn::Churn> churn)
    : settings_(settings), families_(std::move(families)), target_(std::move(target)), rules_(std::move(rules)), churn_(std::move(churn)), entries_(1), table_(64) {}

std::string_view TargetSeries::expected_key() const {
  const Entry& next = entries_[entries_[last_].next];
  return {next.key, next.size};
}

std::uint32_t TargetSeries::find(const exposition::Parser& parser, std::uint32_t expected) const {
  if (parser.as_expected) return expected;
  std::uint32_t hash = hash_of_key(parser.series);
  for (std::size_t at = hash & (table_.size() - 1); table_[at] != 0; at = (at + 1) & (table_.size() - 1)) {
    const Entry& entry = entries_[table_[at]];
    if (entry.hash == hash && std::string_view(entry.key, entry.size) == parser.series) return table_[at];
  }
  return 0;
}

void TargetSeries::rebuild_table(std::size_t size) {
  table_.assign(size, 0);
  for (std::uint32_t i = 1; i < entries_.size(); ++i) {
    std::size_t at = entries_[i].hash & (size - 1);
    while (table_[at] != 0) at = (at + 1) & (size - 1);
    table_[at] = i;
  }
}

std::string_view TargetSeries::keep(std::string_view key) {
  if (key.size() > chunk_left_) {
    chunk_left_ = std::max(chunk_bytes, key.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_left_));
    chunk_next_ = chunks_.back().get();
    key_bytes_ += chunk_left_;
  }
  char* to = chunk_next_;
  std::memcpy(to, key.data(), key.size());
  chunk_next_ += key.size();
  chunk_left_ -= key.size();
  return {to, key.size()};
}

std::uint32_t TargetSeries::add_entry(std::string_view key) {
  if (2 * (entries_.size() + 1) > table_.size()) rebuild_table(table_.size() * 2);
  std::string_view kept = keep(key);
  auto index = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({.key = kept.data(), .size = static_cast<std::uint32_t>(kept.size()), .hash = hash_of_key(kept)});
  std::size_t at = entries_[index].hash & (table_.size() - 1);
  while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
  table_[at] = index;
  return index;
}

std::uint32_t TargetSeries::name_index(std::string_view name) {
  auto [at, is_new] = name_index_.emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.emplace_back();
  return at->second;
}

// Whoever was bound with what is known of this name now has to be bound anew.
void TargetSeries::metadata_changed(std::string_view name) {
  ++version_;
  auto touch = [&](const std::string& changed) {
    if (auto at = name_index_.find(changed); at != name_index_.end()) ++names_[at->second].version;
  };
  touch(std::string(name));
  for (auto suffix : name_suffixes) touch(fmt::format("{}{}", name, suffix));
}

// Alive, and its metadata are those that it was bound with.
bool TargetSeries::is_bound(Entry& entry) {
  if (!is_alive(entry)) return false;
  if (entry.version == version_ || entry.series == none) return true;
  const Series& series = series_[entry.series];
  if (series.version != names_[series.name].version) return false;
  entry.version = version_;
  return true;
}

bool TargetSeries::add_target_labels(Labels& labels) const {
  std::vector<scrape::Label> conflicts;
  for (auto& label : target_->labels) {
    if (label.name.starts_with(scrape::reserved_prefix)) continue;
    auto there = labels.get(label.name);
    if (settings_.honor_labels) {
      if (there.empty()) labels.set(label.name, label.value);
      continue;
    }
    if (!there.empty()) conflicts.push_back({label.name, std::string(there)});
    labels.set(label.name, label.value);
  }
  if (!conflicts.empty()) move_aside(labels, std::move(conflicts));
  return rules_->apply(labels);
}

Result<> TargetSeries::check(const Labels& labels) const {
  std::string_view name = labels.get(scrape::metric_name_label);
  if (name.empty()) return fail(Errc::invalid, "missing metric name (__name__ label)");
  bool good = scrape::valid_metric_name(name, settings_.naming);
  for (auto& label : labels) good = good && scrape::valid_label_name(label.name, settings_.naming);
  if (!good) return fail(Errc::invalid, "invalid metric name or label names: {}", scrape::to_string(labels));
  std::string_view shown = name.substr(0, 50);
  if (settings_.label_limit > 0 && labels.size() > settings_.label_limit)
    return fail(Errc::invalid, "label_limit exceeded (metric: {}, number of labels: {}, limit: {})", shown, labels.size(), settings_.label_limit);
  for (auto& label : labels) {
    if (settings_.label_name_length_limit > 0 && label.name.size() > settings_.label_name_length_limit)
      return fail(Errc::invalid, "label_name_length_limit exceeded (metric: {}, label name: {}, length: {}, limit: {})", shown, label.name.substr(0, 50), label.name.size(), settings_.label_name_length_limit);
    if (settings_.label_value_length_limit > 0 && label.value.size() > settings_.label_value_length_limit)
      return fail(Errc::invalid, "label_value_length_limit exceeded (metric: {}, label name: {}, length: {}, limit: {})", shown, label.name.substr(0, 50), label.value.size(), settings_.label_value_length_limit);
  }
  return {};
}

void TargetSeries::tell_new(const Labels& labels) const {
  if (!churn_) return;
  std::array<series_churn::Label, 24> told;
  std::size_t n = 0;
  for (auto& label : labels)
    if (label.name != scrape::metric_name_label && n < told.size()) told[n++] = {label.name, XXH3_64bits(label.value.data(), label.value.size())};
  churn_->added(labels.get(scrape::metric_name_label), std::span(told).first(n));
}

// Reads the labels and finds out what the series is. `dropped`: a rule drops it.
Result<std::uint32_t> TargetSeries::bind(exposition::Parser& parser, bool native, bool& dropped) {
  parser.labels(labels_);
  Labels labels(std::exchange(labels_, {}));
  dropped = !add_target_labels(labels);
  if (dropped || labels.empty()) {
    dropped = true;
    return none;
  }
  WEIR_TRY(check(labels));
  bool custom = native && parser.histogram->schema == exposition::NativeHistogram::custom_buckets;
  std::uint64_t identity = scrape::hash_of(labels) + (native ? 1 : 0);
  std::uint32_t name = name_index(labels.get(scrape::metric_name_label));
  std::uint32_t index = series_of(identity);
  bool is_new = index == none;
  if (is_new) tell_new(labels);
  auto slot = families_.bind(std::move(labels), metadata_, native, custom);
  if (!slot) return fail(std::move(slot.error()));
  if (is_new) {
    index = static_cast<std::uint32_t>(series_.size());
    series_.push_back({.identity = identity});
    by_identity_.add(index, [&](std::uint32_t i) { return series_[i].identity; });
  } else {
    families_.release(series_[index].slot);
  }
  Series& series = series_[index];
  series.slot = *slot;
  series.name = name;
  series.version = names_[name].version;
  series.tracks = slot->role != Role::target_info && slot->role != Role::scope_info && slot->role != Role::nothing;
  return index;
}

std::uint32_t TargetSeries::series_of(std::uint64_t identity) const {
  return by_identity_.find(identity, [&](std::uint32_t i) { return series_[i].identity == identity; });
}

void TargetSeries::track(Series& series) {
  if (!series.tracks || series.tracked == iteration_) return;
  if (series.tracked != 0 && series.tracked == iteration_ - 1) ++tracked_again_;
  series.tracked = iteration_;
  ++tracked_now_;
}

void TargetSeries::put(exposition::Parser& parser, const Slot& slot, bool native, std::int64_t time) {
  bool good = native ? families_.put(slot, *parser.histogram, time) : families_.put(slot, parser.value, time);
  if (!good) return;
  if (settings_.start_timestamps)
    if (auto start = parser.start_timestamp(); start != 0) families_.set_start(slot, start, time);
  if (slot.role != Role::value && slot.role != Role::part && slot.role != Role::native && slot.role != Role::count && slot.role != Role::sum) return;
  while (parser.exemplar(exemplar_)) families_.add_exemplar(slot, exemplar_, time);
}

// Series come in the order of the last answer, after a time in which everything has left the caches: what those need that come next is on
// its way from memory while this one is worked on.
void TargetSeries::prefetch(std::uint32_t index) const {
  constexpr std::uint32_t far = 8, near = 4;
  if (index + far >= entries_.size()) return;
  const Entry &later = entries_[index + far], &next = entries_[index + near];
  __builtin_prefetch(later.key);
  __builtin_prefetch(later.key + 64);
  if (later.series != none) __builtin_prefetch(&series_[later.series], 1);
  if (next.series != none) families_.prefetch(series_[next.series].slot);
}

Result<> TargetSeries::sample(exposition::Parser& parser, bool native, Counts& counts, std::int64_t now) {
  ++counts.scraped;
  if (parser.as_expected) ++counts.foreseen;
  bool explicit_time = parser.timestamp.has_value() && settings_.honor_timestamps;
  std::int64_t time = explicit_time ? *parser.timestamp : now;
  std::uint32_t index = find(parser, entries_[last_].next);
  bool known = index != 0 && is_alive(entries_[index]);
  bool repeated = known && entries_[index].seen == iteration_;
  if (known) {
    if (!repeated) ++seen_;
    entries_[index].seen = iteration_;
    entries_[last_].next = index;
    last_ = index;
    if (entries_[index].series == none) return {};
    ++counts.kept;
    if (repeated && !explicit_time) return {};  // the same series twice
  }
  std::uint32_t series = none;
  if (known && is_bound(entries_[index])) {
    series = entries_[index].series;
  } else {
    bool dropped = false;
    WEIR_ASSIGN(series, bind(parser, native, dropped));
    if (!dropped && !known) ++counts.kept;
  }
  bool fits = true;
  if (series != none) {
    fits = settings_.sample_limit == 0 || ++appended_ <= settings_.sample_limit;
    if (!fits) sample_limit_hit_ = true;
    if (fits && native && settings_.max_schema < parser.histogram->schema && parser.histogram->schema != exposition::NativeHistogram::custom_buckets)
      parser.histogram->reduce(settings_.max_schema);
    if (fits && native && settings_.bucket_limit > 0 && !parser.histogram->limit(settings_.bucket_limit)) {
      bucket_limit_hit_ = true;
      fits = false;
    }
    if (fits && time > now + max_ahead_ms) fits = false;
    if (!fits) return {};
  }
  if (!known) {
    if (index == 0) index = add_entry(parser.series);
    ++seen_;
    if (series != none && !sample_limit_hit_ && !bucket_limit_hit_) ++counts.added;
  }
  Entry& entry = entries_[index];
  entry.seen = iteration_;
  entry.series = series;
  entry.version = version_;
  if (!known) {  // otherwise it was done above, and would point at itself now
    entries_[last_].next = index;
    last_ = index;
  }
  if (series == none) return {};
  prefetch(index);
  put(parser, series_[series].slot, native, time);
  if (!explicit_time || settings_.track_timestamps) track(series_[series]);
  return {};
}

Result<> TargetSeries::take(exposition::Parser& parser, std::int64_t now, Counts& counts) {
  families_.begin();
  last_ = 0;
  appended_ = 0;
  sample_limit_hit_ = bucket_limit_hit_ = false;
  auto failed = [&](Error error) {
    families_.begin();  // forgets what was put
    return fail(std::move(error));
  };
  for (;;) {
    exposition::Entry entry = parser.next(expected_key());
    if (entry == exposition::Entry::end) break;
    if (entry == exposition::Entry::failed) return failed({Errc::invalid, parser.error(), {}});
    bool native = entry == exposition::Entry::histogram;
    if (!native && entry != exposition::Entry::series) {
      if (metadata_.take(entry, parser, iteration_)) metadata_changed(parser.name);
      continue;
    }
    if (auto good = sample(parser, native, counts, now); !good) return failed(std::move(good.error()));
  }
  if (sample_limit_hit_) return failed({Errc::invalid, "sample limit exceeded", {}});
  if (bucket_limit_hit_) return failed({Errc::invalid, "histogram bucket limit exceeded", {}});
  mark_vanished(now);
  end_iteration(true);
  return {};
}

void TargetSeries::take_nothing(std::int64_t now) {
  families_.begin();
  mark_vanished(now);
  end_iteration(false);
}

void TargetSeries::mark_vanished(std::int64_t now) {
  if (tracked_again_ == tracked_before_) return;
  for (Series& series : series_)
    if (series.tracked != 0 && series.tracked == iteration_ - 1) families_.put_stale(series.slot, now);
}

void TargetSeries::end_iteration(bool flush) {
  std::size_t count = entries_.size();
  bool forced = !flush && count > known_good_ * 2 + 1000;  // answers that all fail, with other series each time
  if (flush) known_good_ = seen_;
  if (flush || forced) {
    flushed_ = iteration_;
    metadata_.forget(iteration_);
  }
  tracked_before_ = tracked_now_;
  tracked_now_ = tracked_again_ = seen_ = 0;
  last_ = 0;
  ++iteration_;
}

void TargetSeries::report(std::string_view name, double value, std::int64_t now) {
  auto at = reports_.find(name);
  if (at == reports_.end()) {
    Labels labels{{std::string(scrape::metric_name_label), std::string(name)}};
    for (auto& label : target_->labels)
      if (!label.name.starts_with(scrape::reserved_prefix)) labels.set(label.name, label.value);
    auto slot = families_.bind(std::move(labels), metadata_, false, false);
    if (!slot) return;
    at = reports_.emplace(std::string(name), *slot).first;
  }
  families_.put(at->second, value, now);
}

Bytes TargetSeries::encode(std::size_t& points) {
  Bytes out = families_.encode(points);
  bool complete = flushed_ + 1 == iteration_;
  if (complete && entries_.size() > 100 + known_good_ + known_good_ / 4) compact();
  return out;
}

// Keeps the entries that are alive and the series that they or stale markers to come need.
void TargetSeries::compact() {
  std::vector<std::uint32_t> entry_place(entries_.size(), 0), series_place(series_.size(), none);
  std::vector<Entry> entries(1);
  std::vector<Series> series;
  auto old_chunks = std::move(chunks_);
  chunks_.clear();
  chunk_left_ = key_bytes_ = 0;
  for (std::uint32_t i = 1; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!is_alive(entry)) continue;
    if (entry.series != none && series_place[entry.series] == none) {
      series_place[entry.series] = static_cast<std::uint32_t>(series.size());
      series.push_back(series_[entry.series]);
    }
    entry_place[i] = static_cast<std::uint32_t>(entries.size());
    entries.push_back(entry);
    Entry& kept = entries.back();
    kept.key = keep({entry.key, entry.size}).data();
    if (kept.series != none) kept.series = series_place[entry.series];
  }
  for (std::uint32_t i = 0; i < series_.size(); ++i) {
    if (series_place[i] != none) continue;
    if (series_[i].tracked != 0 && series_[i].tracked + 1 >= iteration_) {
      series_place[i] = static_cast<std::uint32_t>(series.size());
      series.push_back(series_[i]);
    } else {
      families_.release(series_[i].slot);
    }
  }
  entries[0].next = entry_place[entries_[0].next];
  for (std::size_t i = 1; i < entries.size(); ++i) entries[i].next = entry_place[entries[i].next];
  entries_ = std::move(entries);
  series_ = std::move(series);
  by_identity_.clear();
  for (std::uint32_t i = 0; i < series_.size(); ++i) by_identity_.add(i, [&](std::uint32_t n) { return series_[n].identity; });
  std::size_t size = 64;
  while (size < 2 * (entries_.size() + 1)) size *= 2;
  rebuild_table(size);
  families_.compact();
}

std::size_t TargetSeries::bytes() const {
  return families_.bytes() + key_bytes_ + entries_.capacity() * sizeof(Entry) + series_.capacity() * sizeof(Series) + table_.size() * 4 + by_identity_.bytes();
}

}  // namespace weir::receivers::prometheus

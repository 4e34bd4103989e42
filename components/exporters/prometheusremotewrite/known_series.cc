#include "components/exporters/prometheusremotewrite/known_series.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/rng.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

constexpr std::size_t allocation = 16;  // what the allocator adds to each, about
// A sweep looks at everything this often while an age passes.
constexpr std::uint32_t sweeps_in_an_age = 4;

std::uint64_t hash_of(const remote_write::Label& label) {
  return XXH3_64bits_withSeed(label.value.data(), label.value.size(), XXH3_64bits(label.name.data(), label.name.size()));
}

std::uint32_t seconds_of(TimePoint time) { return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count()); }

}  // namespace

std::string_view KnownSeries::Pair::name() const {
  std::size_t behind = value_size > 0 ? value_size + 1 + otlp::varint_size(value_size) : 0;
  return field().substr(size - behind - name_size, name_size);
}

std::uint64_t KnownSeries::random_seed() { return Rng::from_system().next(); }

KnownSeries::Key KnownSeries::key(std::string_view bytes, const Key& within) const {
  auto hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed_ ^ within.low);
  return {hash.low64 + within.high, hash.high64 ^ (within.low * 0x9e3779b97f4a7c15ULL)};
}

void KnownSeries::begin(TimePoint now) {
  ++batch_;
  next_ = 0;
  now_ = seconds_of(now);
  if (swept_ == 0 || now_ < swept_) swept_ = now_;
  auto age = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(limits_.age).count());
  if (std::uint32_t passed = now_ - swept_; passed > 0 && now_ > age) {
    std::size_t all = std::max(points_.size(), series_.size()), share = all * sweeps_in_an_age / std::max<std::uint32_t>(age, 1) + 1;
    sweep(std::min(all, share * passed), now_ - age);
    swept_ = now_;
  }
  std::size_t size = bytes();
  bool room = size <= limits_.max_bytes && (size <= charge_.bytes() || charge_.grow(size - charge_.bytes()));
  if (!room) clear();
  else charge_.shrink_to(size);
}

void KnownSeries::account() {
  if (std::size_t size = bytes(); size > charge_.bytes()) charge_.grow_unchecked(size - charge_.bytes());
}

void KnownSeries::clear() {
  pairs_ = decltype(pairs_)();
  series_ = decltype(series_)();
  points_ = decltype(points_)();
  free_pairs_ = free_series_ = free_points_ = std::vector<std::uint32_t>();
  pair_index_ = series_index_ = point_index_ = {};
  point_hand_ = series_hand_ = heap_bytes_ = 0;
  charge_.shrink_to(0);
}

std::optional<std::span<const KnownSeries::Id>> KnownSeries::find(const Key& key) {
  std::uint32_t at = next_;
  if (at >= points_.size() || !(points_[at].key == key) || !points_[at].live)
    at = point_index_.find(key.low, [&](std::uint32_t number) { return points_[number].key == key; });
  if (at == NumberIndex::none) return {};
  next_ = at + 1;
  points_[at].used = now_;
  return points_[at].series();
}

template <class T>
std::uint32_t KnownSeries::take_free(std::vector<T>& all, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    all.emplace_back();
    return static_cast<std::uint32_t>(all.size() - 1);
  }
  std::uint32_t number = free.back();
  free.pop_back();
  return number;
}

void KnownSeries::remember(const Key& key, std::span<const Id> series) {
  std::uint32_t number = take_free(points_, free_points_);
  Point& point = points_[number];
  point.key = key;
  point.used = now_;
  point.count = static_cast<std::uint32_t>(series.size());
  point.live = true;
  if (series.size() == 1) {
    point.one = series[0];
  } else if (!series.empty()) {
    point.many = std::make_unique_for_overwrite<Id[]>(series.size());
    std::ranges::copy(series, point.many.get());
    heap_bytes_ += series.size_bytes() + allocation;
  }
  for (Id id : series) ++series_[id].users;
  point_index_.add(number, [&](std::uint32_t n) { return points_[n].key.low; });
  next_ = number + 1;
}

KnownSeries::Id KnownSeries::intern(const LabelSet& set, std::uint64_t shard) {
  auto is = [&](Id id) {
    auto has = labels(id);
    if (series_[id].hash != set.hash || has.size() != set.labels.size()) return false;
    return std::ranges::equal(has, set.labels, [&](std::uint32_t pair, const remote_write::Label& label) { return pairs_[pair].name() == label.name && pairs_[pair].value() == label.value; });
  };
  Id id = series_index_.find(set.hash, is);
  if (id != NumberIndex::none) {
    series_[id].used = now_;
    return id;
  }
  id = take_free(series_, free_series_);
  auto pairs = std::make_unique_for_overwrite<std::uint32_t[]>(set.labels.size());
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < set.labels.size(); ++i) {
    pairs[i] = intern_pair(set.labels[i]);
    size += pairs_[pairs[i]].size;
  }
  heap_bytes_ += set.labels.size() * sizeof(std::uint32_t) + allocation;
  series_[id] = {.pairs = std::move(pairs), .count = static_cast<std::uint32_t>(set.labels.size()), .label_bytes = size, .hash = set.hash, .shard = shard, .used = now_};
  series_index_.add(id, [&](Id n) { return series_[n].hash; });
  return id;
}

std::uint32_t KnownSeries::intern_pair(const remote_write::Label& label) {
  std::uint64_t hash = hash_of(label);
  std::uint32_t number = pair_index_.find(hash, [&](std::uint32_t n) { return pairs_[n].hash == hash && pairs_[n].name() == label.name && pairs_[n].value() == label.value; });
  if (number == NumberIndex::none) {
    number = take_free(pairs_, free_pairs_);
    otlp::Writer out(label.name.size() + label.value.size() + 32);
    out.put_bytes(2, label.value);
    out.put_bytes(1, label.name);
    out.close(1, 0);
    Pair& pair = pairs_[number];
    pair = {.size = static_cast<std::uint32_t>(out.size()), .name_size = static_cast<std::uint32_t>(label.name.size()), .value_size = static_cast<std::uint32_t>(label.value.size()), .hash = hash};
    pair.text = std::make_unique_for_overwrite<char[]>(pair.size);
    std::ranges::copy(out.view(), pair.text.get());
    heap_bytes_ += pair.size + allocation;
    pair_index_.add(number, [&](std::uint32_t n) { return pairs_[n].hash; });
  }
  ++pairs_[number].users;
  return number;
}

std::uint32_t& KnownSeries::place(Id id) {
  Series& series = series_[id];
  if (series.batch != batch_) {
    series.batch = batch_;
    series.place = 0;
    series.used = now_;
  }
  return series.place;
}

void KnownSeries::sweep(std::size_t steps, std::uint32_t oldest) {
  for (std::size_t n = std::min(steps, points_.size()); n-- > 0;) {
    point_hand_ = point_hand_ + 1 < points_.size() ? point_hand_ + 1 : 0;
    if (points_[point_hand_].live && points_[point_hand_].used < oldest) forget_point(static_cast<std::uint32_t>(point_hand_));
  }
  for (std::size_t n = std::min(steps, series_.size()); n-- > 0;) {
    series_hand_ = series_hand_ + 1 < series_.size() ? series_hand_ + 1 : 0;
    const Series& series = series_[series_hand_];
    if (series.count > 0 && series.users == 0 && series.used < oldest) forget_series(static_cast<Id>(series_hand_));
  }
}

void KnownSeries::forget_point(std::uint32_t number) {
  point_index_.remove(number, [&](std::uint32_t n) { return points_[n].key.low; });
  Point& point = points_[number];
  for (Id id : point.series()) --series_[id].users;
  if (point.many) heap_bytes_ -= point.count * sizeof(Id) + allocation;
  point = {};
  free_points_.push_back(number);
}

void KnownSeries::forget_series(Id id) {
  series_index_.remove(id, [&](Id n) { return series_[n].hash; });
  for (std::uint32_t number : labels(id)) {
    Pair& pair = pairs_[number];
    if (--pair.users > 0) continue;
    pair_index_.remove(number, [&](std::uint32_t n) { return pairs_[n].hash; });
    heap_bytes_ -= pair.size + allocation;
    pair = {};
    free_pairs_.push_back(number);
  }
  heap_bytes_ -= series_[id].count * sizeof(std::uint32_t) + allocation;
  series_[id] = {};
  free_series_.push_back(id);
}

std::size_t KnownSeries::bytes() const {
  return pairs_.capacity() * sizeof(Pair) + series_.capacity() * sizeof(Series) + points_.capacity() * sizeof(Point) + pair_index_.bytes() + series_index_.bytes() + point_index_.bytes() +
         (free_pairs_.capacity() + free_series_.capacity() + free_points_.capacity()) * sizeof(std::uint32_t) + heap_bytes_;
}

}  // namespace weir::exporters::prometheusremotewrite

#pragma once
// Series that were sent before, and which points become which of them: a series that comes again costs a look-up, not a new
// set of labels.
#include <memory>
#include <optional>

#include "base/budget.h"
#include "base/number_index.h"
#include "base/time.h"
#include "components/exporters/prometheusremotewrite/labels.h"
#include "otlp/wire.h"

namespace weir::exporters::prometheusremotewrite {

// A hash of what decides which series a point becomes.
struct PointKey {
  std::uint64_t low = 0, high = 0;
  bool operator==(const PointKey&) const = default;
};

// What was made of a point once is kept under a hash of the bytes it was made of. Labels are kept once for all series that have them.
// Belongs to one exporter on one core. Bounded: what has not come for `age` is forgotten bit by bit; past `max_bytes`, or when the
// budget has no room, everything is, and it begins anew.
class KnownSeries {
 public:
  using Id = std::uint32_t;
  struct Limits {
    std::size_t max_bytes = std::size_t{256} * 1024 * 1024;
    Duration age = 10min;
  };
  using Key = PointKey;
  // A label as a field of 1.0, and where it stands among the symbols of the 2.0 request at hand.
  struct Pair {
    std::unique_ptr<char[]> text;
    std::uint32_t size = 0, name_size = 0, value_size = 0;
    std::uint32_t users = 0;
    std::uint64_t hash = 0;
    std::uint32_t request = 0, name_symbol = 0, value_symbol = 0;

    std::string_view field() const { return {text.get(), size}; }
    std::string_view value() const { return field().substr(size - value_size); }
    std::string_view name() const;
  };

  KnownSeries() : KnownSeries(Charge{}) {}
  explicit KnownSeries(Charge charge) : KnownSeries(std::move(charge), Limits{}) {}
  KnownSeries(Charge charge, const Limits& limits) : charge_(std::move(charge)), limits_(limits) {}

  // The next batch begins: ids of the batch before are not valid any more.
  void begin(TimePoint now);
  // Charges what the batch has added, which exists already: the next one, or another's request, finds less room.
  void account();
  // The hash of bytes and of what they stand in. Nobody outside can tell which bytes have the same.
  Key key(std::string_view bytes, const Key& within = {}) const;

  // The series of a point in the order in which it asked for them, or nothing when it is not known. Valid until remember().
  std::optional<std::span<const Id>> find(const Key& key);
  void remember(const Key& key, std::span<const Id> series);
  // The series with these labels; `shard` is for a new one.
  Id intern(const LabelSet& labels, std::uint64_t shard);

  // For Pair::request, once for each request.
  std::uint32_t next_request() { return ++requests_; }
  // 1 + the series' number in the batch at hand; 0: it is not in it yet.
  std::uint32_t& place(Id id);
  std::uint64_t shard(Id id) const { return series_[id].shard; }
  // What its labels take in a request of 1.0.
  std::size_t label_bytes(Id id) const { return series_[id].label_bytes; }
  // Sorted by name.
  std::span<const std::uint32_t> labels(Id id) const { return {series_[id].pairs.get(), series_[id].count}; }
  // Its labels are asked for soon.
  void prefetch(Id id) const { __builtin_prefetch(series_[id].pairs.get()); }
  Pair& pair(std::uint32_t number) { return pairs_[number]; }
  const Pair& pair(std::uint32_t number) const { return pairs_[number]; }

  std::size_t size() const { return series_.size() - free_series_.size(); }
  std::size_t points() const { return points_.size() - free_points_.size(); }
  std::size_t bytes() const;

 private:
  struct Series {
    std::unique_ptr<std::uint32_t[]> pairs;
    std::uint32_t count = 0, label_bytes = 0;
    std::uint64_t hash = 0, shard = 0;
    std::uint32_t users = 0;            // points that became it
    std::uint32_t batch = 0, place = 0;
    std::uint32_t used = 0;             // second in which it was in a batch
  };
  struct Point {
    Key key;
    std::uint32_t used = 0;
    std::uint32_t count = 0;
    bool live = false;
    Id one = 0;                         // count == 1
    std::unique_ptr<Id[]> many;         // count > 1
    std::span<const Id> series() const { return {many ? many.get() : &one, count}; }
  };

  std::uint32_t intern_pair(const remote_write::Label& label);
  void sweep(std::size_t steps, std::uint32_t oldest);
  void forget_point(std::uint32_t number);
  void forget_series(Id id);
  void clear();
  template <class T>
  static std::uint32_t take_free(std::vector<T>& all, std::vector<std::uint32_t>& free);

  Charge charge_;
  Limits limits_;
  std::uint64_t seed_ = random_seed();
  static std::uint64_t random_seed();
  std::vector<Pair> pairs_;
  std::vector<Series> series_;
  std::vector<Point> points_;
  std::vector<std::uint32_t> free_pairs_, free_series_, free_points_;
  NumberIndex pair_index_, series_index_, point_index_;
  std::uint32_t next_ = 0;              // the point that probably comes
  std::uint32_t batch_ = 0, now_ = 0;   // seconds
  std::uint32_t swept_ = 0, requests_ = 0;  // swept_: second of the last sweep
  std::size_t point_hand_ = 0, series_hand_ = 0;
  std::size_t heap_bytes_ = 0;          // of what pairs, series and points have beside themselves
};

}  // namespace weir::exporters::prometheusremotewrite

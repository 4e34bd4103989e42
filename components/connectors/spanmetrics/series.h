#pragma once
// What is counted: series, and the resources they belong to. All of one core.
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <list>

#include "base/time.h"
#include "components/shared/histograms/exponential.h"
#include "otlp/model.h"

namespace weir::connectors::spanmetrics {

struct ExemplarSpan {
  otlp::TraceId trace;
  otlp::SpanId span;
  double value = 0;  // its duration
};

// Spans of about one duration: a factor of four.
using DurationClass = std::uint8_t;
inline constexpr std::size_t duration_classes = 33;
inline DurationClass class_of(std::uint64_t nanoseconds) { return static_cast<DurationClass>(std::bit_width(nanoseconds) / 2); }

// Spans (or events) with equal dimensions.
struct Series {
  std::string key;
  std::uint64_t hash = 0;
  std::string attributes;  // of its data points: KeyValue messages in field 1
  UnixNanos start = 0;
  TimePoint last_seen;
  std::uint64_t count = 0;
  double sum = 0;
  std::vector<std::uint64_t> buckets;         // explicit histogram
  std::unique_ptr<histograms::Exponential> exponential;
  std::vector<ExemplarSpan> exemplars;        // for the next flush
  std::array<std::uint8_t, duration_classes> waiting_in{};
  std::uint32_t waiting = 0;  // spans among the candidates that point here
  std::size_t bytes = 0;      // charged for it
  bool fresh = true;          // never flushed
  bool touched = false;       // since the last flush
  bool overflow = false;      // the one for everything beyond the limit

  // Back to nothing counted, with the next interval from `now`.
  void restart(UnixNanos now) {
    start = now;
    count = 0;
    sum = 0;
    std::fill(buckets.begin(), buckets.end(), 0);
    if (exponential) *exponential = histograms::Exponential(exponential->size());
  }
};

struct SeriesKey {
  std::string_view bytes;
  std::uint64_t hash;
};

// The series of one metric (or of calls and durations, where those have the same dimensions) of one resource.
class SeriesTable {
 public:
  Series* find(const SeriesKey& key) const {
    auto at = index_.find(key);
    return at == index_.end() ? nullptr : *at;
  }
  Series& add(std::unique_ptr<Series> series);
  // Takes out those for which gone(series) is true and hands them to take(unique_ptr).
  template <class Gone, class Take>
  void remove_if(Gone gone, Take take) {
    for (std::size_t i = 0; i < all_.size();) {
      if (!gone(*all_[i])) {
        ++i;
        continue;
      }
      std::swap(all_[i], all_.back());
      forget(*all_.back());
      take(std::move(all_.back()));
      all_.pop_back();
    }
  }
  const std::vector<std::unique_ptr<Series>>& all() const { return all_; }
  Series* overflow() const { return overflow_; }

  // Series that count for the limit: with delta temporality those of this interval only.
  std::size_t active = 0;

 private:
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const Series* series) const { return series->hash; }
    std::size_t operator()(const SeriesKey& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Series* a, const Series* b) const { return a == b; }
    bool operator()(const Series* a, const SeriesKey& b) const { return a->hash == b.hash && a->key == b.bytes; }
    bool operator()(const SeriesKey& a, const Series* b) const { return (*this)(b, a); }
  };
  void forget(Series& series);

  std::vector<std::unique_ptr<Series>> all_;
  boost::unordered_flat_set<Series*, Hash, Equal> index_;  // all but the overflow series
  Series* overflow_ = nullptr;
};

// What is counted apart: calls and durations are one family where they have the same dimensions.
enum Family : std::uint8_t { calls, durations, events, families };

struct Resource {
  std::string identity;    // what tells it from others
  std::string attributes;  // a Resource message
  std::array<SeriesTable, families> tables;
  TimePoint last_seen;
  std::size_t bytes = 0;
  bool evicted = false;                  // goes with the next flush
  bool taken_up = false;                 // what is left of it from before the restart was looked for
  bool overflow = false;                 // stands for all resources that found no room; has overflow series only
  std::list<Resource*>::iterator place;  // among those not evicted, longest unseen first
};

}  // namespace weir::connectors::spanmetrics

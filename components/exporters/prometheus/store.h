#pragma once
// The latest value of every series. One core: the exporter's state is kept on a single one.
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/budget.h"
#include "base/time.h"
#include "components/shared/histograms/buckets.h"
#include "otlp/model.h"

namespace weir::exporters::prometheus {

enum class Type : std::uint8_t { counter, gauge, summary, histogram };

struct ExemplarValue {
  double value = 0;
  UnixNanos time = 0;
  weir::otlp::TraceId trace_id;
  weir::otlp::SpanId span_id;
};

// What histograms and summaries have beyond one number.
struct Distribution {
  enum class Form : std::uint8_t { classic, native, summary };
  Form form = Form::classic;
  std::vector<double> bounds;              // classic
  std::vector<std::uint64_t> counts;       // classic, not cumulative
  std::map<double, double> quantiles;      // summary
  histograms::ExponentialSum sum;          // native; of the others count and sum
};

struct Series {
  std::string labels;  // as the text formats write them, sorted: a="x",b="y"; names beyond the old set in quotes
  UnixNanos start = 0, time = 0;
  TimePoint updated;
  double value = 0;
  std::unique_ptr<Distribution> distribution;
  std::vector<ExemplarValue> exemplars;
  std::uint32_t target = 0;   // index into the store's targets + 1; 0: none
  std::uint32_t charged = 0;  // bytes
  bool used = false;
};

struct Family {
  std::string help;
  Type type = Type::gauge;
  TimePoint seen;  // the latest point of any series
  std::deque<Series> series;  // in place; those that are gone are not `used`
  std::vector<std::uint32_t> free;
  std::unordered_map<std::string_view, std::uint32_t> by_labels;  // views into the series
};

// Owned by the exporter and by scrapes under way. Bytes are charged to the budget as long as a series is held; without
// room for one, or past `max_series`, there is no new one.
class Store {
 public:
  enum class Refusal : std::uint8_t { none, type_conflict, full };
  using Families = std::map<std::string, Family, std::less<>>;

  Store(Duration expiration, std::size_t max_series, Budget& budget)
      : expiration_(expiration), max_series_(max_series), charge_(budget.empty_charge()) {}

  // The family of that name, made when there is none. Null and the reason when it has another type, or when its samples
  // would have the names of another family's.
  Family* family(std::string_view name, std::string_view help, Type type, TimePoint now, Refusal& refusal);
  Series* find(Family& family, std::string_view labels);
  // Null when there is no room. `labels` is not there yet.
  Series* add(Family& family, std::string labels);
  // To be called when a series was filled or changed: charges what it holds now.
  void account(Series& series);
  void remove(Family& family, Series& series);

  // target_info of resources that have series. `labels` of what is there already are replaced.
  std::uint32_t target(std::string_view job, std::string_view instance, std::string labels);
  void hold_target(Series& series, std::uint32_t target);

  bool expired(const Series& series, TimePoint now) const { return now - series.updated > expiration_; }
  // Looks at `budget` series at most; goes on where it stopped. True when a whole round is done.
  bool sweep(TimePoint now, std::size_t budget);

  const Families& families() const { return families_; }
  std::size_t size() const { return size_; }
  // Label sets of target_info, in an order that stays the same while none comes or goes.
  template <class F>
  void each_target(F f) const {
    for (auto& target : targets_)
      if (target.users > 0) f(target.labels);
  }
  std::size_t targets() const { return target_by_identity_.size(); }

 private:
  struct Target {
    std::string identity, labels;
    std::uint32_t users = 0;
  };
  void release_target(std::uint32_t target);

  Duration expiration_;
  std::size_t max_series_;
  Charge charge_;
  Families families_;
  std::size_t size_ = 0;
  std::vector<Target> targets_;
  std::map<std::string, std::uint32_t, std::less<>> target_by_identity_;
  std::string sweep_family_;
  std::size_t sweep_at_ = 0;
};

}  // namespace weir::exporters::prometheus

#pragma once
// weir's own metrics. A stage asks for a cell once, when it is made, and writes to it without locks; cells with the same
// name and labels (one per core) are added up when somebody reads.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::telemetry {

using Labels = std::vector<std::pair<std::string, std::string>>;

enum class Type : std::uint8_t { counter, gauge, histogram };

// Written by one core, read by any.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}
  void observe(double value, std::uint64_t times = 1);
  std::span<const double> bounds() const { return bounds_; }
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;  // one more than bounds; not cumulative
  std::atomic<double> sum_{0};
};

// One series as a reader sees it.
struct Sample {
  Labels labels;
  double value = 0;                       // counter, gauge
  std::vector<double> bounds;             // histogram
  std::vector<std::uint64_t> counts;      // histogram, one more than bounds, not cumulative
  double sum = 0;                         // histogram
};
struct Family {
  std::string name, help, unit;
  Type type = Type::counter;
  std::vector<Sample> samples;
};

// All cells of the process. Registration and reading lock; writing to a cell does not.
class Registry {
 public:
  // References stay valid as long as the registry: cells are never removed, so that counters go on over a reload.
  Counter& counter(std::string_view name, std::string_view help, Labels labels);
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels);
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds, Labels labels);

  // Called at each read; adds families that are computed rather than counted. Lives until the returned token goes.
  using Source = std::function<void(std::vector<Family>&)>;
  [[nodiscard]] std::shared_ptr<void> add_source(Source source);

  // Sorted by name; cells with equal labels added up (gauges too).
  std::vector<Family> collect() const;

 private:
  struct Cell {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Entry {
    std::string help;
    Type type;
    std::vector<Cell> cells;
  };
  Cell& cell(std::string_view name, std::string_view help, Type type, Labels labels);

  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, Entry, std::less<>> entries_;
  std::shared_ptr<std::vector<std::pair<std::uint64_t, Source>>> sources_ =
      std::make_shared<std::vector<std::pair<std::uint64_t, Source>>>();
  std::uint64_t next_source_ = 1;
};

// Prometheus text format 0.0.4. `constant` labels go on every series. Counter names as they are, without `_total`.
std::string prometheus_text(std::span<const Family> families, const Labels& constant);

}  // namespace weir::telemetry

#pragma once
// What was received in one interval, by sender and series.
#include <map>
#include <unordered_map>

#include "base/budget.h"
#include "base/regex.h"
#include "base/rng.h"
#include "components/receivers/statsd/config.h"
#include "components/shared/histograms/signed_exponential.h"
#include "otlp/batch.h"

namespace weir::receivers::statsd {

// One core. Everything held is charged to the budget; a line that finds no room is refused.
class Aggregator {
 public:
  static Result<Aggregator> make(const Config& config, Budget& budget, UnixNanos now, std::uint64_t seed);

  // One line of `sender` (host:port). Errc::invalid: it is none. Errc::refused: no room.
  Result<> add(std::string_view line, std::string_view sender, UnixNanos now);
  // The results, one batch for each sender, and a new beginning.
  std::vector<otlp::Batch> flush(UnixNanos now);

 private:
  struct Explicit {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;
    std::uint64_t count = 0;
    double sum = 0, min = 0, max = 0;
  };
  struct Series {
    Type type = Type::counter;
    Observer observer = Observer::gauge;
    std::string name;
    std::vector<std::pair<std::string, std::string>> attributes;
    double real = 0;
    std::int64_t integer = 0;
    UnixNanos time = 0;                              // 0: that of the flush
    bool begun = false;                              // a counter's first line was taken
    std::vector<std::pair<double, double>> values;   // of summaries, with their weights; of gauges of timers
    std::optional<histograms::SignedExponential> exponential;
    std::optional<Explicit> fixed;
  };
  struct Sender {
    std::string address;
    std::map<std::string, Series, std::less<>> series;
  };
  struct Observed {
    Mapping mapping;
    std::vector<std::pair<Regex, std::vector<double>>> fixed;
  };

  explicit Aggregator(const Config& config) : config_(config) {}
  const Observed& observed(Type type) const { return type == Type::timing ? timings_ : histograms_; }
  Result<Series*> find(std::string_view sender, const Message& message);
  Result<> add(Series& series, const Message& message, UnixNanos now);
  void add_counter(Series& series, const Message& message);
  Result<> observe(Series& series, const Message& message);
  otlp::Batch batch_of(const Sender& sender, UnixNanos now);
  otlp::Metric* metric_of(const Series& series, Arena& arena, UnixNanos now) const;

  Config config_;
  Observed timings_, histograms_;
  std::unordered_map<std::string, Sender> senders_;
  Charge charge_;
  Budget* budget_ = nullptr;
  UnixNanos since_ = 0;
  Rng rng_{0};
  Message message_;
  std::string key_;
};

// Empirical quantile of weighted values that are sorted: the least value up to which `q` of the weight lies.
double quantile(const std::vector<std::pair<double, double>>& values, double q);

}  // namespace weir::receivers::statsd

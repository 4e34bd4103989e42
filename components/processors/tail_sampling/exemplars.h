#pragma once
// Which points of span metrics would have no trace behind them: the policy that is asked when all others said no.
#include <boost/unordered/unordered_flat_map.hpp>
#include <mutex>

#include "components/processors/tail_sampling/config.h"
#include "components/processors/tail_sampling/span_scan.h"

namespace weir::processors::tail_sampling {

// A cell is a series and a bucket of its histogram, by hash. Here are those that have a kept trace in the running
// interval. One for the processor, shared by its cores, touched once for each decision. Bounded by count: a cell that
// does not find room counts as covered, and as overflow.
class CellTable {
 public:
  struct Answer {
    bool uncovered = false;
    std::size_t overflow = 0;
  };
  // Covers the cells. `interval` numbers the running one.
  Answer cover(std::span<const std::uint64_t> cells, std::uint64_t interval, std::size_t max_cells);
  std::size_t size() const;

 private:
  void forget_before(std::uint64_t interval);
  mutable std::mutex mutex_;  // guards the rest
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> covered_in_;
  std::uint64_t swept_ = 0;  // interval in which everything older was forgotten
};

// Finds the cells of spans on one core, and asks for them.
class ExemplarPolicy {
 public:
  // What a resource adds to the series of its spans.
  struct OfResource {
    bool counted = false;  // spans without service.name are in no series
    std::uint64_t service = 0;
    std::vector<std::uint64_t> dimensions;  // hashes of values; 0: not there
  };

  // `table` is shared with the other cores.
  ExemplarPolicy(const Exemplars& config, SpanScanner& scanner, std::shared_ptr<CellTable> table);

  OfResource look_at(const otlp::Resource& resource) const;
  // Adds the cell of the span scanned last. At most max_cells_of_trace are remembered for a trace.
  void observe(const SpanView& span, const SpanScanner& scanner, const OfResource& resource, std::vector<std::uint64_t>& cells);
  // Covers the trace's cells. True when one of them was not.
  bool claim(const Facts& facts, TimePoint now);
  // Cells that were not looked at since the last call, for want of room.
  std::uint64_t take_overflow() { return std::exchange(overflow_, 0); }

  static constexpr std::size_t max_cells_of_trace = 256;

 private:
  struct Wanted {
    std::uint32_t key;
    std::uint64_t otherwise;  // hash of the default; 0: left out
  };
  Duration interval_;
  std::size_t max_cells_;
  std::vector<Wanted> dimensions_;
  std::vector<std::string> names_;
  std::vector<std::uint64_t> bounds_;  // nanoseconds
  std::shared_ptr<CellTable> table_;
  std::uint64_t overflow_ = 0;
};

}  // namespace weir::processors::tail_sampling

#pragma once
// The graph as numbers: for each pair of services and set of labels how many requests, how many failed, how long.
#include <unordered_map>
#include <variant>

#include "components/connectors/servicegraph/config.h"
#include "components/connectors/servicegraph/edges.h"
#include "components/shared/histograms/exponential.h"
#include "base/budget.h"
#include "otlp/batch.h"

namespace weir::connectors::servicegraph {

// What all series of a connector have in common.
struct Shape {
  // Series take at most a quarter of the budget. Their hashes depend on `seed`: clients choose labels.
  Shape(const Config& config, const Budget& budget, std::uint64_t seed);

  std::optional<std::vector<double>> bounds;  // empty: exponential
  std::uint32_t exponential_size;
  std::vector<std::string> labels;            // client_NAME and server_NAME of each dimension
  bool virtual_node_label;
  std::uint64_t limit;                        // of series; 0 is none
  const Budget& budget;
  std::uint64_t seed;
  std::size_t row_bytes;                      // of one series without its texts
};

// Seconds that requests took at one end.
class Latency {
 public:
  explicit Latency(const Shape& shape);
  void add(double seconds, const Shape& shape);
  void merge(const Latency& other);
  void write(const Shape& shape, Arena& arena, otlp::DataPoint& point) const;
  void pack(Packer& out) const;
  // False: these are no numbers of this shape.
  bool unpack(const Shape& shape, Unpacker& in);

 private:
  struct Explicit {
    double sum = 0;
    std::uint64_t count = 0;
    std::vector<std::uint64_t> buckets;
  };
  std::variant<Explicit, histograms::Exponential> numbers_;
};

// Series by labels. One core; moves to another as a whole. At the limit, or out of memory, further series become one.
// The owner charges bytes().
class SeriesTable {
 public:
  explicit SeriesTable(std::shared_ptr<const Shape> shape);

  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  std::size_t bytes() const { return bytes_; }
  void add(const Edge& edge, TimePoint now);
  // Takes over everything that `other` counted.
  void merge(SeriesTable other);
  // Forgets series without a request since `before`; true when there were any.
  bool forget_idle(TimePoint before);
  // Series that are new from now on say that they began at `start`.
  void begin(UnixNanos start) { start_ = start; }
  // All series for a file, and back, as if they had been counted here: those that find room. False when it cannot be read to its end.
  std::string pack() const;
  bool unpack(std::string_view packed, TimePoint now);
  // All series as cumulative metrics; times are moved back by `offset`.
  // `charge` grows with the batch.
  otlp::Batch write(UnixNanos now, Duration offset, Charge charge) const;

 private:
  struct Row {
    std::uint64_t requests = 0, failed = 0;
    Latency client, server;
    TimePoint updated;
    UnixNanos start = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::uint64_t seed;
    std::size_t operator()(std::string_view key) const;
  };
  using Rows = std::unordered_map<std::string, Row, Hash, std::equal_to<>>;

  void make_key(const Edge& edge);
  bool well_formed(std::string_view key) const;
  bool full() const { return (shape_->limit != 0 && rows_.size() >= shape_->limit) || bytes_ >= shape_->budget.limit() / 4; }
  std::size_t bytes_of(std::string_view key) const { return shape_->row_bytes + key.size(); }
  Row& row(std::string_view key);

  friend struct Shape;
  static constexpr std::size_t row_size = sizeof(Rows::value_type) + 48;  // with its place in the table and the allocator's share

  std::shared_ptr<const Shape> shape_;  // shared by the tables of all cores and those on their way
  Rows rows_;
  std::size_t bytes_ = 0;
  UnixNanos start_ = 0;
  std::string key_;  // scratch
};

}  // namespace weir::connectors::servicegraph
